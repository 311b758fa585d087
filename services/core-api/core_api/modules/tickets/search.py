"""Finding tickets by their number or by words of subject and description, in Portuguese."""

import re
from typing import Any, Final

import sqlalchemy as sa

from core_api.folding import fold, singular
from core_api.modules.tickets.models import Ticket
from core_api.modules.tickets.repository import READ_COLUMNS

_WORDS: Final = 8
_NUMBER: Final = re.compile(r"#?(\d{1,18})")
_SIMPLE: Final[sa.ColumnElement[Any]] = sa.literal_column("'pg_catalog.simple'::regconfig")
_PORTUGUESE: Final[sa.ColumnElement[Any]] = sa.literal_column("'pg_catalog.portuguese'::regconfig")


def matching(text: str, limit: int) -> sa.Select[Any]:
    """Tickets with all the words, begun or inflected, subjects before descriptions."""
    number = _NUMBER.fullmatch(text.strip())
    words = re.findall(r"\w+", fold(text))[:_WORDS]
    query = sa.func.to_tsquery(_SIMPLE, " & ".join(f"{word}:*" for word in words)).op("||")(
        sa.func.to_tsquery(_PORTUGUESE, " & ".join(singular(word) for word in words))
    )
    search = Ticket.__table__.c.search
    is_number = Ticket.number == int(number[1]) if number else sa.false()
    return (
        sa.select(*READ_COLUMNS)
        .where(sa.or_(is_number, search.bool_op("@@")(query)))
        .order_by(
            sa.case((is_number, 0), else_=1),
            sa.func.ts_rank(search, query).desc(),
            Ticket.created_at.desc(),
            Ticket.id.desc(),
        )
        .limit(limit)
    )
