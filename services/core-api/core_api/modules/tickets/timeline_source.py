"""What tickets tell in the timeline of a client: that they were opened, and what was said."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.tickets.contents import shown
from core_api.modules.tickets.messages.models import MessageKind, TicketMessage
from core_api.modules.tickets.models import Ticket, TicketChannel, TicketPriority
from core_api.modules.tickets.moves import TicketStatus
from core_api.timeline_sources import (
    TimelineKind,
    TimelineSource,
    TimelineWindow,
    Told,
    beginning_of,
    excerpt,
)
from shared_schemas.actor import Actor
from shared_schemas.permissions import Permission

_TITLES: Final[Mapping[MessageKind, str]] = MappingProxyType(
    {
        MessageKind.REPLY: "Resposta ao cliente",
        MessageKind.NOTE: "Nota interna",
        MessageKind.CLIENT: "Mensagem do cliente",
    }
)


class TicketDetail(BaseModel):
    """A ticket that was opened, as it is today."""

    number: int = Field(examples=[42])
    status: TicketStatus
    priority: TicketPriority
    channel: TicketChannel
    merged_into_id: UUID | None = Field(description="The ticket that goes on in its place")


class MessageDetail(BaseModel):
    """Something said about a ticket. `summary` is how it begins."""

    ticket_number: int = Field(examples=[42])
    message_kind: MessageKind = Field(description="`note`: internal, the client never sees it")
    edited_at: datetime | None


def _opened(window: TimelineWindow) -> sa.Select[Any]:
    tickets = window.cut(
        sa.select(Ticket.created_at.label("occurred_at"), Ticket.id).where(
            Ticket.organization_id == window.organization_id,
            Ticket.client_id == window.member_id,
        ),
        Ticket.created_at,
        Ticket.id,
    ).lateral("opened")
    return sa.select(
        tickets.c.occurred_at,
        tickets.c.id,
        window.member_id.label("client_id"),
        tickets.c.id.label("ticket_id"),
    ).select_from(window.members.join(tickets, sa.true()))


def _said(window: TimelineWindow) -> sa.Select[Any]:
    """The newest of every ticket: an index knows those of a ticket, none knows a client's."""
    messages = window.cut(
        sa.select(TicketMessage.created_at.label("occurred_at"), TicketMessage.id).where(
            TicketMessage.organization_id == window.organization_id,
            TicketMessage.ticket_id == Ticket.id,
            TicketMessage.kind != MessageKind.DRAFT,
            TicketMessage.discarded_at.is_(None),
        ),
        TicketMessage.created_at,
        TicketMessage.id,
    ).lateral("said")
    mine = sa.and_(
        Ticket.organization_id == window.organization_id, Ticket.client_id == window.member_id
    )
    return sa.select(
        messages.c.occurred_at,
        messages.c.id,
        window.member_id.label("client_id"),
        Ticket.id.label("ticket_id"),
    ).select_from(window.members.join(Ticket, mine).join(messages, sa.true()))


async def _load_tickets(
    session: AsyncSession, actor: Actor, ids: Sequence[UUID]
) -> Mapping[UUID, Told]:
    statement = sa.select(
        Ticket.id,
        Ticket.number,
        Ticket.subject,
        Ticket.status,
        Ticket.priority,
        Ticket.channel,
        Ticket.merged_into_id,
        Ticket.created_by,
    ).where(Ticket.organization_id == actor.organization_id, Ticket.id.in_(ids))
    return {
        row.id: Told(
            actor_id=row.created_by,
            title="Chamado aberto",
            summary=f"#{row.number} {shown(actor, row.subject)}",
            detail=TicketDetail.model_validate(row, from_attributes=True),
        )
        for row in await session.execute(statement)
    }


async def _load_messages(
    session: AsyncSession, actor: Actor, ids: Sequence[UUID]
) -> Mapping[UUID, Told]:
    same = sa.and_(
        Ticket.organization_id == TicketMessage.organization_id,
        Ticket.id == TicketMessage.ticket_id,
    )
    statement = (
        sa.select(
            TicketMessage.id,
            TicketMessage.kind.label("message_kind"),
            TicketMessage.author_id,
            TicketMessage.edited_at,
            beginning_of(TicketMessage.body).label("beginning"),
            Ticket.number.label("ticket_number"),
        )
        .join(Ticket, same)
        .where(TicketMessage.organization_id == actor.organization_id, TicketMessage.id.in_(ids))
    )
    return {
        row.id: Told(
            actor_id=row.author_id,
            title=_TITLES[row.message_kind],
            summary=shown(actor, excerpt(row.beginning)),
            detail=MessageDetail.model_validate(row, from_attributes=True),
        )
        for row in await session.execute(statement)
    }


TICKET_TIMELINE: Final = (
    TimelineSource(
        kind=TimelineKind.TICKET,
        permission=Permission.TICKETS_READ,
        branch=_opened,
        load=_load_tickets,
    ),
    TimelineSource(
        kind=TimelineKind.MESSAGE,
        permission=Permission.TICKETS_READ,
        branch=_said,
        load=_load_messages,
    ),
)
"""The kinds of this context."""
