"""What joins of clients hold of a person: that there was one stays, what it did to whom goes."""

from typing import Final, cast

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from core_api.modules.duplicates.models import ClientDistinction, ClientMerge
from core_api.subject_stores import RowStore, Store, Subject

_MERGES: Final = cast("sa.Table", ClientMerge.__table__)
_DISTINCTIONS: Final = cast("sa.Table", ClientDistinction.__table__)
_NOTHING_SEALED: Final = sa.literal_column("""'{"sealed": ""}'::jsonb""", JSONB())


def _merges(subject: Subject) -> sa.ColumnElement[bool]:
    """Also undone ones: the other client's key opens what it was given of this one."""
    return sa.and_(
        sa.or_(
            _MERGES.c.survivor_id.in_(subject.client_ids),
            _MERGES.c.merged_id.in_(subject.client_ids),
        ),
        sa.or_(_MERGES.c.reason.is_not(None), _MERGES.c.changed["sealed"].astext != ""),
    )


DUPLICATE_STORES: Final[tuple[Store, ...]] = (
    RowStore(
        name="client_merges",
        label="Uniões de cadastros: motivo e valores",
        table=_MERGES,
        where=_merges,
        blank={
            "reason": None,
            "changed": _MERGES.c.changed.op("||")(_NOTHING_SEALED),
        },
    ),
    RowStore(
        name="client_distinctions",
        label="Cadastros marcados como de pessoas diferentes",
        table=_DISTINCTIONS,
        where=lambda subject: sa.or_(
            _DISTINCTIONS.c.client_id.in_(subject.client_ids),
            _DISTINCTIONS.c.other_id.in_(subject.client_ids),
        ),
        order=("client_id", "other_id"),
    ),
)
