"""What service levels need to know of tickets, and the due times they give back."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.changes import Changes
from core_api.modules.sla.service import Followed, TicketFacts, TicketMoment
from core_api.modules.tickets.messages.models import MessageKind, TicketMessage
from core_api.modules.tickets.models import Ticket
from core_api.modules.tickets.moves import AT_REST
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId

_ROUTING: Final = frozenset({"priority", "category_id", "client_id"})
_TICKET: Final = cast("sa.Table", Ticket.__table__)
_FACTS: Final = (
    _TICKET.c.id.label("ticket_id"),
    _TICKET.c.client_id,
    _TICKET.c.status,
    _TICKET.c.priority,
    _TICKET.c.category_id,
    _TICKET.c.created_at,
    _TICKET.c.first_replied_at,
)
Due = tuple[datetime | None, datetime | None]


def moment_of(
    ticket: Ticket, actor: Actor, action: str, changes: Changes, message: TicketMessage | None
) -> TicketMoment:
    """What has just happened to a ticket, for its service levels."""
    is_new = action == "ticket.created"
    at, status = _at(changes, message), ticket.status
    if is_new:
        # The ledger begins with the ticket, not a moment before or after.
        ticket.created_at = cast("datetime | None", ticket.created_at) or at
    return TicketMoment(
        organization_id=ticket.organization_id,
        ticket=TicketFacts(
            ticket_id=ticket.id,
            client_id=ticket.client_id,
            status=ticket.status,
            priority=ticket.priority,
            category_id=ticket.category_id,
            created_at=ticket.created_at,
            first_replied_at=ticket.first_replied_at,
        ),
        at=ticket.created_at if is_new else at,
        why=action,
        actor_id=actor.user_id,
        correlation_id=actor.request_id,
        status_before=changes["status"].old or status if "status" in changes else status,
        message_kind=_said(changes, message),
        is_new=is_new,
        is_merged=ticket.merged_into_id is not None,
        routing_changed=bool(_ROUTING & changes.keys()),
        answered_before=ticket.first_replied_at is not None and "first_replied_at" not in changes,
    )


def take_over(ticket: Ticket, followed: Followed) -> None:
    """The due times and what was measured, on a ticket that is about to be written."""
    ticket.sla_due_at, ticket.sla_warning_at = followed.due_at, followed.warning_at
    ticket.first_response_business_seconds = followed.first_response_seconds
    ticket.resolution_business_seconds = followed.resolution_seconds


async def lock_for_timekeeping(
    session: AsyncSession, organization_id: OrganizationId, ticket_ids: Collection[UUID]
) -> list[TicketFacts]:
    """Those of the tickets that nobody is working on just now, locked, in the order of ids."""
    statement = (
        sa.select(*_FACTS)
        .where(_TICKET.c.organization_id == organization_id, _TICKET.c.id.in_(ticket_ids))
        .order_by(_TICKET.c.id)
        .with_for_update(key_share=True, skip_locked=True)
    )
    return [_facts(row) for row in await session.execute(statement)]


async def lock_open_after(
    session: AsyncSession, organization_id: OrganizationId, ticket_id: UUID | None, limit: int
) -> list[TicketFacts]:
    """The next tickets that are not at rest, locked, in the order of their ids."""
    statement = _open_of(organization_id, limit)
    if ticket_id is not None:
        statement = statement.where(_TICKET.c.id > ticket_id)
    return [_facts(row) for row in await session.execute(statement)]


async def lock_open_of_client(
    session: AsyncSession,
    organization_id: OrganizationId,
    client_id: UUID,
    ticket_id: UUID,
    limit: int,
) -> list[TicketFacts]:
    """The same of one client's tickets, those after `ticket_id`."""
    statement = _open_of(organization_id, limit).where(
        _TICKET.c.client_id == client_id, _TICKET.c.id > ticket_id
    )
    return [_facts(row) for row in await session.execute(statement)]


async def set_due_times(
    session: AsyncSession, organization_id: OrganizationId, due: Mapping[UUID, Due]
) -> None:
    """Writes due times beside the version: a projection is not an edit, and no ETag grows old."""
    if not due:
        return
    statement = (
        sa.update(_TICKET)
        .where(
            _TICKET.c.organization_id == sa.bindparam("of_organization"),
            _TICKET.c.id == sa.bindparam("of_ticket"),
        )
        .values(
            sla_due_at=sa.bindparam("due"),
            sla_warning_at=sa.bindparam("warning"),
            updated_at=_TICKET.c.updated_at,
        )
    )
    await session.execute(
        statement,
        [
            {"of_organization": organization_id, "of_ticket": one, "due": at, "warning": warning}
            for one, (at, warning) in due.items()
        ],
    )


def _said(changes: Changes, message: TicketMessage | None) -> MessageKind | None:
    """What kind of message it was, also of one that a split has brought along."""
    if message is not None:
        return message.kind
    return MessageKind.REPLY if "first_replied_at" in changes else None


def _at(changes: Changes, message: TicketMessage | None) -> datetime:
    """The time that the ticket itself shows for what has happened."""
    for name in ("resolved_at", "last_message_at"):
        if name in changes and (name == "resolved_at" or message is not None):
            at: datetime | None = changes[name].new
            if at is not None:
                return at
    return utc_now()


def _open_of(organization_id: OrganizationId, limit: int) -> sa.Select[Any]:
    return (
        sa.select(*_FACTS)
        .where(_TICKET.c.organization_id == organization_id, _TICKET.c.status.not_in(AT_REST))
        .order_by(_TICKET.c.id)
        .limit(limit)
        .with_for_update(key_share=True)
    )


def _facts(row: Any) -> TicketFacts:
    return TicketFacts(**row._asdict())
