"""What triage holds of a person: proposals for their tickets, which go whole. That there was a
decision stays in the register of decisions."""

from typing import Any, Final, cast

import sqlalchemy as sa

from core_api.modules.triage.models import TicketTriage
from core_api.subject_stores import RowStore, Store, Subject
from core_api.tables import SCHEMA

_TRIAGES: Final = cast("sa.Table", TicketTriage.__table__)
# Columns alone: tickets are the business of their own context.
_TICKETS: Final = sa.table(
    "tickets",
    *(sa.column(name, sa.Uuid()) for name in ("organization_id", "id", "client_id")),
    schema=SCHEMA,
)


def _tickets(subject: Subject) -> sa.Select[Any]:
    return sa.select(_TICKETS.c.id).where(
        _TICKETS.c.organization_id == subject.organization_id,
        _TICKETS.c.client_id.in_(subject.client_ids),
    )


TRIAGE_STORES: Final[tuple[Store, ...]] = (
    RowStore(
        name="ticket_triages",
        label="Sugestões da assistente para os chamados",
        table=_TRIAGES,
        where=lambda subject: _TRIAGES.c.ticket_id.in_(_tickets(subject)),
    ),
)
"""After the clients and the texts of their tickets: who takes a proposal in holds both."""
