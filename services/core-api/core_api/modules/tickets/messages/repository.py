"""Messages of one organization in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage
from core_api.keyset import Keyset
from core_api.modules.tickets.exceptions import MessageNotFound, TicketNotFound
from core_api.modules.tickets.messages.models import MessageKind, MessageRevision, TicketMessage
from core_api.modules.tickets.models import Ticket
from shared_schemas.ids import OrganizationId

OLDEST_MESSAGE_FIRST: Final = Keyset(
    name="created_at",
    column=TicketMessage.created_at,
    id=TicketMessage.id,
    parse=datetime.fromisoformat,
)
OLDEST_REVISION_FIRST: Final = Keyset(
    name="revision", column=MessageRevision.revision, id=MessageRevision.id, parse=int
)


class Messages:
    """The messages of one organization. Discarded drafts are not there."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def list(self, ticket_id: UUID, page: CursorPage) -> Sequence[TicketMessage]:
        """A page of what was said about a ticket and those merged into it, oldest first."""
        tickets = await self._with_merged(ticket_id)
        statement = self._mine().where(TicketMessage.ticket_id.in_(tickets))
        return (await self._session.scalars(OLDEST_MESSAGE_FIRST.page(statement, page))).all()

    async def get(self, ticket_id: UUID, message_id: UUID) -> TicketMessage:
        """One of those, or TicketNotFound, or MessageNotFound."""
        tickets = await self._with_merged(ticket_id)
        statement = self._mine().where(
            TicketMessage.id == message_id, TicketMessage.ticket_id.in_(tickets)
        )
        return _found((await self._session.scalars(statement)).one_or_none())

    async def get_for_update(self, ticket_id: UUID, message_id: UUID) -> TicketMessage:
        """One said about exactly this ticket, which the caller has locked, or MessageNotFound."""
        statement = self._mine().where(
            TicketMessage.id == message_id, TicketMessage.ticket_id == ticket_id
        )
        fresh = statement.with_for_update().execution_options(populate_existing=True)
        return _found((await self._session.scalars(fresh)).one_or_none())

    async def some_for_update(
        self, ticket_id: UUID, message_ids: Sequence[UUID]
    ) -> Sequence[TicketMessage]:
        """These, as the ticket shows them, oldest first; MessageNotFound when it lacks one."""
        tickets = await self._with_merged(ticket_id)
        statement = self._mine().where(
            TicketMessage.id.in_(message_ids), TicketMessage.ticket_id.in_(tickets)
        )
        locked = statement.order_by(TicketMessage.id).with_for_update()
        messages = (await self._session.scalars(locked)).all()
        if len(messages) != len(set(message_ids)):
            raise MessageNotFound
        return sorted(messages, key=lambda message: message.created_at)

    async def last_at(self, ticket_id: UUID) -> datetime | None:
        """When something was said last, drafts apart."""
        tickets = await self._with_merged(ticket_id)
        statement = sa.select(sa.func.max(TicketMessage.created_at)).where(
            TicketMessage.organization_id == self._organization_id,
            TicketMessage.ticket_id.in_(tickets),
            TicketMessage.kind != MessageKind.DRAFT,
        )
        return await self._session.scalar(statement)

    async def drafts_for_update(self, ticket_id: UUID) -> Sequence[TicketMessage]:
        """What nobody has sent yet."""
        statement = self._mine().where(
            TicketMessage.ticket_id == ticket_id, TicketMessage.kind == MessageKind.DRAFT
        )
        return (
            await self._session.scalars(statement.order_by(TicketMessage.id).with_for_update())
        ).all()

    async def revisions(self, message_id: UUID, page: CursorPage) -> Sequence[MessageRevision]:
        """A page of what a message said before, the first version first."""
        statement = sa.select(MessageRevision).where(
            MessageRevision.organization_id == self._organization_id,
            MessageRevision.message_id == message_id,
        )
        return (await self._session.scalars(OLDEST_REVISION_FIRST.page(statement, page))).all()

    async def _with_merged(self, ticket_id: UUID) -> Sequence[UUID]:
        """The ticket and all that ended in it, however many steps away, or TicketNotFound."""
        mine = Ticket.organization_id == self._organization_id
        family = (
            sa.select(Ticket.id).where(mine, Ticket.id == ticket_id).cte("family", recursive=True)
        )
        merged = sa.select(Ticket.id).where(mine, Ticket.merged_into_id == family.c.id)
        statement = sa.select(family.union(merged).c.id)
        tickets = (await self._session.scalars(statement)).all()
        if not tickets:
            raise TicketNotFound
        return tickets

    def _mine(self) -> sa.Select[TicketMessage]:
        return sa.select(TicketMessage).where(
            TicketMessage.organization_id == self._organization_id,
            TicketMessage.discarded_at.is_(None),
        )


def _found(message: TicketMessage | None) -> TicketMessage:
    if message is None:
        raise MessageNotFound
    return message
