"""Tickets of one organization in the database."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.dependencies import TenantRows
from chassis.web.pagination import CursorPage, PageNumber
from core_api.keyset import Keyset
from core_api.modules.categories.service import ids_below
from core_api.modules.tickets.exceptions import TicketNotFound
from core_api.modules.tickets.filters import (
    TicketFilter,
    as_facets_come,
    conditions,
    narrowed,
)
from core_api.modules.tickets.models import (
    Ticket,
    TicketCounter,
)
from core_api.modules.tickets.moves import AT_REST
from shared_schemas.ids import OrganizationId

_UNREAD: Final = frozenset(
    {
        "organization_id",
        "sla_warning_at",
        "first_response_business_seconds",
        "resolution_business_seconds",
    }
)
READ_COLUMNS: Final = tuple(column for column in Ticket.__table__.c if column.name not in _UNREAD)
"""What reading needs, of the table, not of the class: rows are cheaper than ORM objects."""

_BY_ID: Final = sa.select(*READ_COLUMNS).where(
    Ticket.__table__.c.organization_id == sa.bindparam("organization_id"),
    Ticket.__table__.c.id == sa.bindparam("ticket_id"),
)


def _orders() -> Mapping[str, Keyset]:
    columns: dict[str, tuple[Any, Any]] = {
        "created_at": (Ticket.created_at, datetime.fromisoformat),
        "updated_at": (Ticket.updated_at, datetime.fromisoformat),
        "number": (Ticket.number, int),
        "sla_due_at": (Ticket.sla_due_at, datetime.fromisoformat),
    }
    return MappingProxyType(
        {
            name: Keyset(name=name, column=column, id=Ticket.id, parse=parse)
            for plain, (column, parse) in columns.items()
            for name in (plain, f"-{plain}")
        }
    )


ORDERS: Final = _orders()
Conditions = list[sa.ColumnElement[bool]]
_ANY: Final = TicketFilter()
_DRIVING: Final = ("merged_into_id", "watcher_id", "tag", "custom", "category_id", "priorities")
"""Criteria with an index of their own, the most selective first."""
COUNTED_AT_MOST: Final = 5_000
"""Rows looked at for one number of a sidebar."""

# In the words of the partial indexes: bound values would not match them.
_FINISHED: Final[list[sa.ColumnElement[str]]] = [
    sa.literal_column("'resolved'"),
    sa.literal_column("'closed'"),
]
UNFINISHED: Final = sa.type_coerce(Ticket.status, sa.Text()).not_in(_FINISHED)
"""Whether somebody has still to work on a ticket."""


async def read_ticket(rows: TenantRows, organization_id: OrganizationId, ticket_id: UUID) -> Any:
    """The columns to read, or TicketNotFound; without a session."""
    row = await rows.one_or_none(
        _BY_ID, {"organization_id": organization_id, "ticket_id": ticket_id}
    )
    if row is None:
        raise TicketNotFound
    return row


class Tickets:
    """The tickets of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id
        self._branches: dict[UUID, Sequence[UUID]] = {}

    async def next_number(self) -> int:
        """The next number, this transaction's own: the others wait until it ends."""
        first = insert(TicketCounter).values(organization_id=self._organization_id, last_number=1)
        counted = first.on_conflict_do_update(
            index_elements=[TicketCounter.organization_id],
            set_={"last_number": TicketCounter.last_number + 1},
        ).returning(TicketCounter.last_number)
        return (await self._session.execute(counted)).scalar_one()

    async def get(self, ticket_id: UUID) -> Ticket:
        """The ticket as it is, or TicketNotFound."""
        statement = sa.select(Ticket).where(self._mine(), Ticket.id == ticket_id)
        ticket = (await self._session.scalars(statement)).one_or_none()
        if ticket is None:
            raise TicketNotFound
        return ticket

    async def get_for_update(self, ticket_id: UUID) -> Ticket:
        """The ticket, locked until the end of the transaction, or TicketNotFound.

        Against changes, like every lock on tickets, not against being referred to: who links two
        tickets would wait for a third one in no order.
        """
        statement = sa.select(Ticket).where(self._mine(), Ticket.id == ticket_id)
        locked = statement.with_for_update(key_share=True)
        ticket = (await self._session.scalars(locked)).one_or_none()
        if ticket is None:
            raise TicketNotFound
        return ticket

    async def lock_all(
        self, ticket_ids: Collection[UUID], numbers: Collection[int] = ()
    ) -> dict[UUID, Ticket]:
        """Those that exist, locked in the order of their ids, so that nobody waits in a circle."""
        named = sa.or_(Ticket.id.in_(ticket_ids), Ticket.number.in_(numbers))
        statement = sa.select(Ticket).where(self._mine(), named).order_by(Ticket.id)
        locked = statement.with_for_update(key_share=True)
        fresh = locked.execution_options(populate_existing=True)
        return {ticket.id: ticket for ticket in await self._session.scalars(fresh)}

    async def lock_both(self, one: UUID, other: UUID) -> tuple[Ticket, Ticket]:
        """Both, locked in the order of their ids, or TicketNotFound."""
        tickets = await self.lock_all((one, other))
        if one not in tickets or other not in tickets:
            raise TicketNotFound
        return tickets[one], tickets[other]

    async def standing_for(self, ticket_id: UUID) -> UUID:
        """The ticket itself, or the one that goes on in its place, or TicketNotFound."""
        chain = (
            sa.select(Ticket.id, Ticket.merged_into_id)
            .where(self._mine(), Ticket.id == ticket_id)
            .cte("chain", recursive=True)
        )
        next_one = sa.select(Ticket.id, Ticket.merged_into_id).where(
            self._mine(), Ticket.id == chain.c.merged_into_id
        )
        steps = chain.union_all(next_one)
        last = sa.select(steps.c.id).where(steps.c.merged_into_id.is_(None))
        standing: UUID | None = await self._session.scalar(last)
        if standing is None:
            raise TicketNotFound
        return standing

    async def get_standing_for_update(self, ticket_id: UUID) -> Ticket:
        """The ticket, or the one that goes on in its place, locked; TicketNotFound.

        One that was merged while its lock was waited for is let go of before the other is taken:
        locks are taken in the order of ids.
        """
        while True:
            standing_id = await self.standing_for(ticket_id)
            attempt = await self._session.begin_nested()
            ticket = await self.get_for_update(standing_id)
            if ticket.merged_into_id is None:
                await attempt.commit()
                return ticket
            await attempt.rollback()

    async def latest_follow_up(self, ticket_id: UUID) -> UUID | None:
        """The last ticket that took this one up again and still stands for itself."""
        return await self._session.scalar(
            sa.select(Ticket.id)
            .where(
                self._mine(),
                Ticket.follow_up_of_id == ticket_id,
                Ticket.merged_into_id.is_(None),
                Ticket.id > ticket_id,
            )
            .order_by(Ticket.id.desc())
            .limit(1)
        )

    async def client_of(self, ticket_id: UUID, *, lock: bool) -> UUID:
        """Whose ticket it is, or TicketNotFound."""
        statement = sa.select(Ticket.client_id).where(self._mine(), Ticket.id == ticket_id)
        if lock:
            statement = statement.with_for_update(key_share=True)
        client_id = await self._session.scalar(statement)
        if client_id is None:
            raise TicketNotFound
        return client_id

    async def list(
        self, wanted: TicketFilter, order: Keyset, paging: CursorPage | PageNumber
    ) -> Sequence[sa.Row[Any]]:
        """A page of the columns to read."""
        statement = await self.filtered(wanted, *READ_COLUMNS)
        return await self._rows(as_facets_come(order, wanted).page(statement, paging))

    async def count(self, wanted: TicketFilter) -> int:
        """How many there are on all pages."""
        return (await self._session.scalar(await self.filtered(wanted, sa.func.count()))) or 0

    async def count_each(self, wanted: Mapping[UUID, TicketFilter]) -> dict[UUID, tuple[int, bool]]:
        """How many each filter finds, and whether that is all of them; one statement.

        Each looks at `COUNTED_AT_MOST` rows of one index, so that none costs more than that: what
        the index does not know is decided row by row.
        """
        counts = [self._bounded_count(key, one) for key, one in wanted.items()]
        if not counts:
            return {}
        rows = await self._session.execute(sa.union_all(*counts))
        return {row.key: (row.found, row.looked_at < COUNTED_AT_MOST) for row in rows}

    def _bounded_count(self, key: UUID, wanted: TicketFilter) -> sa.Select[UUID, int, int]:
        matches = sa.and_(*self._conditions(wanted)).label("matches")
        looked_at = sa.select(matches).select_from(Ticket).where(*self._driving(wanted))
        bounded = looked_at.limit(COUNTED_AT_MOST).subquery()
        counted = sa.select(
            sa.literal(key, sa.Uuid()).label("key"),
            sa.func.count().filter(bounded.c.matches).label("found"),
            sa.func.count().label("looked_at"),
        )
        return counted.select_from(bounded)

    def _driving(self, wanted: TicketFilter) -> Conditions:
        """The conditions that one index answers, of the most selective there is."""
        unfinished = bool(wanted.statuses) and not AT_REST.intersection(wanted.statuses)
        work = [UNFINISHED] if unfinished else []
        if wanted.client_id is not None:
            return self._conditions(TicketFilter(client_id=wanted.client_id))
        if wanted.assignee_id is not None or wanted.unassigned:
            whose = TicketFilter(assignee_id=wanted.assignee_id, unassigned=wanted.unassigned)
            return [*self._conditions(whose), *work]
        if wanted.team_id is not None:
            return [*self._conditions(TicketFilter(team_id=wanted.team_id)), *work]
        if not unfinished:
            for name in _DRIVING:
                if value := getattr(wanted, name):
                    return self._conditions(replace(_ANY, **{name: value}))
        if wanted.statuses:
            return self._conditions(TicketFilter(statuses=wanted.statuses))
        created = TicketFilter(
            created_since=wanted.created_since, created_until=wanted.created_until
        )
        return self._conditions(created)

    async def _rows(self, statement: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        rows: Sequence[sa.Row[Any]] = (await self._session.execute(statement)).all()
        return rows

    def _conditions(self, wanted: TicketFilter) -> Conditions:
        below = None
        if wanted.category_id is not None:
            below = ids_below(self._session, self._organization_id, wanted.category_id)
        return [self._mine(), *conditions(wanted, () if below is None else below)]

    async def filtered(self, wanted: TicketFilter, *columns: Any) -> sa.Select[Any]:
        """These columns of the tickets the filter lets through."""
        statement = sa.select(*columns).select_from(Ticket).where(self._mine())
        return narrowed(statement, wanted, await self.categories_below(wanted.category_id))

    async def categories_below(self, category_id: UUID | None) -> Sequence[UUID]:
        """The ids, not a subquery: how many tickets these categories have decides on the plan."""
        if category_id is None:
            return ()
        if category_id not in self._branches:
            branch = ids_below(self._session, self._organization_id, category_id)
            self._branches[category_id] = (await self._session.scalars(branch)).all()
        return self._branches[category_id]

    def _mine(self) -> sa.ColumnElement[bool]:
        return Ticket.organization_id == self._organization_id
