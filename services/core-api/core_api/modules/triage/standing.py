"""Whether a ticket is to be triaged now: asked before it is read, and again before anything of it
is written."""

from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.blocked_clients import is_blocked
from core_api.modules.tickets.service import Ticket
from core_api.modules.triage.configuring import triage_settings
from core_api.modules.triage.models import TriageMode
from core_api.subject_stores import ERASED_TEXT
from core_api.tables import SCHEMA
from shared_schemas.ids import OrganizationId
from shared_schemas.triage import Standing

# Columns alone: clients and erasures are the business of their own contexts.
CLIENTS: Final = sa.table(
    "clients",
    *(sa.column(name, sa.Uuid()) for name in ("organization_id", "id", "merged_into_id")),
    sa.column("deleted_at", sa.DateTime(timezone=True)),
    schema=SCHEMA,
)
_ERASURES: Final = sa.table(
    "erasures",
    sa.column("organization_id", sa.Uuid()),
    sa.column("client_ids", ARRAY(sa.Uuid())),
    sa.column("completed_at", sa.DateTime(timezone=True)),
    schema=SCHEMA,
)


async def standing_of(
    session: AsyncSession, organization_id: OrganizationId, ticket: Ticket
) -> Standing:
    """As of the session's transaction; who writes holds ticket and client."""
    if ticket.merged_into_id is not None or ticket.subject == ERASED_TEXT:
        return Standing.GONE
    settings = await triage_settings(session, organization_id)
    if settings.mode is TriageMode.OFF:
        return Standing.OFF
    row = (await session.execute(_facts(organization_id, ticket.client_id))).one()
    if not row.answers or row.being_erased:
        return Standing.GONE
    if row.blocked:
        return Standing.BLOCKED
    return Standing.DONE if ticket.is_at_rest else Standing.WANTED


def _facts(organization_id: OrganizationId, client_id: UUID) -> sa.Select[bool, bool, bool]:
    named = sa.literal(client_id, sa.Uuid())
    answers = sa.exists().where(
        CLIENTS.c.organization_id == organization_id,
        CLIENTS.c.id == named,
        CLIENTS.c.deleted_at.is_(None),
        CLIENTS.c.merged_into_id.is_(None),
    )
    being_erased = sa.exists().where(
        _ERASURES.c.organization_id == organization_id,
        _ERASURES.c.completed_at.is_(None),
        named == sa.any_(_ERASURES.c.client_ids),
    )
    return sa.select(
        answers.label("answers"),
        being_erased.label("being_erased"),
        is_blocked(organization_id, named).label("blocked"),
    )
