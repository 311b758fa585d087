"""Watchers and links of tickets of one organization in the database."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.web.pagination import CursorPage
from core_api.keyset import Keyset
from core_api.modules.tickets.exceptions import LinkNotFound, TicketNotFound
from core_api.modules.tickets.models import Ticket, TicketCounter
from core_api.modules.tickets.relations.models import LinkKind, TicketLink, TicketWatcher
from shared_schemas.ids import OrganizationId, UserId, new_id

FIRST_WATCHER_FIRST: Final = Keyset(
    name="created_at",
    column=TicketWatcher.created_at,
    id=TicketWatcher.member_id,
    parse=datetime.fromisoformat,
)
OLDEST_LINK_FIRST: Final = Keyset(
    name="created_at", column=TicketLink.created_at, id=TicketLink.id, parse=datetime.fromisoformat
)


class Watchers:
    """Who watches tickets of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def list(self, ticket_id: UUID, page: CursorPage) -> Sequence[TicketWatcher]:
        """A page of a ticket's watchers, or TicketNotFound."""
        await require_ticket(self._session, self._organization_id, ticket_id)
        statement = sa.select(TicketWatcher).where(
            self._mine(), TicketWatcher.ticket_id == ticket_id
        )
        return (await self._session.scalars(FIRST_WATCHER_FIRST.page(statement, page))).all()

    async def ids(self, ticket_id: UUID) -> Sequence[UserId]:
        """All of them."""
        statement = sa.select(TicketWatcher.member_id).where(
            self._mine(), TicketWatcher.ticket_id == ticket_id
        )
        return (await self._session.scalars(statement)).all()

    async def add(
        self, ticket_id: UUID, member_ids: Collection[UserId], added_by: UserId
    ) -> Sequence[UserId]:
        """Those of the members who did not watch the ticket yet."""
        if not member_ids:
            return []
        rows = [
            {
                "organization_id": self._organization_id,
                "ticket_id": ticket_id,
                "member_id": member_id,
                "added_by": added_by,
            }
            for member_id in sorted(member_ids)
        ]
        statement = insert(TicketWatcher).values(rows).on_conflict_do_nothing()
        return (await self._session.scalars(statement.returning(TicketWatcher.member_id))).all()

    async def remove(self, ticket_id: UUID, member_id: UserId) -> bool:
        """Whether the member watched the ticket."""
        statement = sa.delete(TicketWatcher).where(
            self._mine(),
            TicketWatcher.ticket_id == ticket_id,
            TicketWatcher.member_id == member_id,
        )
        gone = await self._session.scalars(statement.returning(TicketWatcher.member_id))
        return gone.one_or_none() is not None

    def _mine(self) -> sa.ColumnElement[bool]:
        return TicketWatcher.organization_id == self._organization_id


class Links:
    """What tickets of one organization have to do with each other."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def list(self, ticket_id: UUID, page: CursorPage) -> Sequence[sa.Row[Any]]:
        """A page of a ticket's links, each with the ticket at its other end, or TicketNotFound."""
        await require_ticket(self._session, self._organization_id, ticket_id)
        statement = OLDEST_LINK_FIRST.page(self._seen_from(ticket_id), page)
        rows: Sequence[sa.Row[Any]] = (await self._session.execute(statement)).all()
        return rows

    async def seen_from(self, ticket_id: UUID, link_id: UUID) -> sa.Row[Any]:
        """One of those, or LinkNotFound."""
        statement = self._seen_from(ticket_id).where(TicketLink.id == link_id)
        row: sa.Row[Any] | None = (await self._session.execute(statement)).one_or_none()
        if row is None:
            raise LinkNotFound
        return row

    def _seen_from(self, ticket_id: UUID) -> sa.Select[Any]:
        is_subject = TicketLink.ticket_id == ticket_id
        other = sa.case((is_subject, TicketLink.other_id), else_=TicketLink.ticket_id)
        columns: tuple[Any, ...] = (
            TicketLink.id,
            TicketLink.kind,
            TicketLink.created_by,
            TicketLink.created_at,
            is_subject.label("is_subject"),
            Ticket.id.label("to_id"),
            Ticket.number,
            Ticket.subject,
            Ticket.status,
        )
        return (
            sa.select(*columns)
            .select_from(TicketLink)
            .join(
                Ticket,
                sa.and_(Ticket.organization_id == TicketLink.organization_id, Ticket.id == other),
            )
            .where(self._mine(), self._touches(ticket_id))
        )

    async def find(self, link_id: UUID, ticket_id: UUID) -> TicketLink | None:
        """The link, if it is one of the ticket's."""
        statement = sa.select(TicketLink).where(
            self._mine(), TicketLink.id == link_id, self._touches(ticket_id)
        )
        return (await self._session.scalars(statement)).one_or_none()

    async def get(self, link_id: UUID, ticket_id: UUID) -> TicketLink:
        """The link, or LinkNotFound."""
        link = await self.find(link_id, ticket_id)
        if link is None:
            raise LinkNotFound
        return link

    async def all_of(self, ticket_id: UUID) -> Sequence[TicketLink]:
        """Every link of a ticket."""
        statement = sa.select(TicketLink).where(self._mine(), self._touches(ticket_id))
        return (await self._session.scalars(statement.order_by(TicketLink.id))).all()

    async def between(self, one: UUID, other: UUID, kind: LinkKind) -> TicketLink | None:
        """The link of this kind between two tickets, in whichever direction."""
        statement = sa.select(TicketLink).where(
            self._mine(),
            TicketLink.kind == kind,
            sa.tuple_(TicketLink.ticket_id, TicketLink.other_id).in_([(one, other), (other, one)]),
        )
        return (await self._session.scalars(statement.limit(1))).one_or_none()

    async def parent_of(self, ticket_id: UUID) -> UUID | None:
        """The ticket's parent, if it has one."""
        statement = sa.select(TicketLink.other_id).where(
            self._mine(), TicketLink.ticket_id == ticket_id, TicketLink.kind == LinkKind.PARENT
        )
        return await self._session.scalar(statement)

    async def is_below(self, ticket_id: UUID, ancestor_id: UUID) -> bool:
        """Whether `ancestor_id` is the ticket, its parent, its parent's parent…"""
        chain = sa.select(sa.literal(ticket_id, sa.Uuid()).label("id")).cte("chain", recursive=True)
        above = sa.select(TicketLink.other_id).where(
            self._mine(),
            TicketLink.kind == LinkKind.PARENT,
            TicketLink.ticket_id == chain.c.id,
        )
        steps = chain.union(above)
        found = await self._session.scalar(sa.select(sa.true()).where(steps.c.id == ancestor_id))
        return found is not None

    async def lock(self) -> None:
        """Nobody else gives a ticket a parent, or takes links over, before the transaction ends.

        After the tickets: two pairs of tickets that share none could otherwise close a circle, or
        take over one link twice. The counter is there as soon as there is a ticket.
        """
        statement = sa.select(TicketCounter.last_number).where(
            TicketCounter.organization_id == self._organization_id
        )
        await self._session.execute(statement.with_for_update())

    def add(
        self, ticket_id: UUID, other_id: UUID, kind: LinkKind, created_by: UserId
    ) -> TicketLink:
        """`ticket` is … of `other`."""
        link = TicketLink(
            id=new_id(),
            organization_id=self._organization_id,
            ticket_id=ticket_id,
            other_id=other_id,
            kind=kind,
            created_by=created_by,
            created_at=utc_now(),
        )
        self._session.add(link)
        return link

    async def remove(self, link: TicketLink) -> None:
        """For good."""
        await self._session.delete(link)

    def _touches(self, ticket_id: UUID) -> sa.ColumnElement[bool]:
        return sa.or_(TicketLink.ticket_id == ticket_id, TicketLink.other_id == ticket_id)

    def _mine(self) -> sa.ColumnElement[bool]:
        return TicketLink.organization_id == self._organization_id


async def require_ticket(
    session: AsyncSession, organization_id: OrganizationId, ticket_id: UUID
) -> None:
    """TicketNotFound unless it exists."""
    statement = sa.select(Ticket.id).where(
        Ticket.organization_id == organization_id, Ticket.id == ticket_id
    )
    if await session.scalar(statement) is None:
        raise TicketNotFound
