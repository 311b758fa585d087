"""Tickets of one organization in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from core_api.modules.tickets.exceptions import TicketNotFound
from core_api.modules.tickets.message_models import TicketMessage
from core_api.modules.tickets.models import (
    Ticket,
    TicketChannel,
    TicketCounter,
    TicketPriority,
)
from core_api.modules.tickets.moves import TicketStatus
from shared_schemas.ids import OrganizationId

READ_COLUMNS: Final = tuple(
    column for column in Ticket.__table__.c if column.name not in {"search", "organization_id"}
)
"""What reading needs, of the table, not of the class: rows are cheaper than ORM objects."""

_BY_ID: Final = sa.select(*READ_COLUMNS).where(
    Ticket.__table__.c.organization_id == sa.bindparam("organization_id"),
    Ticket.__table__.c.id == sa.bindparam("ticket_id"),
)

OLDEST_MESSAGE_FIRST: Final = Keyset(
    name="created_at",
    column=TicketMessage.created_at,
    id=TicketMessage.id,
    parse=datetime.fromisoformat,
)


def _orders() -> Mapping[str, Keyset]:
    columns: dict[str, tuple[Any, Any]] = {
        "created_at": (Ticket.created_at, datetime.fromisoformat),
        "updated_at": (Ticket.updated_at, datetime.fromisoformat),
        "number": (Ticket.number, int),
    }
    return MappingProxyType(
        {
            name: Keyset(name=name, column=column, id=Ticket.id, parse=parse)
            for plain, (column, parse) in columns.items()
            for name in (plain, f"-{plain}")
        }
    )


ORDERS: Final = _orders()


@dataclass(frozen=True, kw_only=True)
class TicketFilter:
    """Which tickets; None or nothing means any."""

    statuses: tuple[TicketStatus, ...] = ()
    priorities: tuple[TicketPriority, ...] = ()
    channel: TicketChannel | None = None
    client_id: UUID | None = None
    assignee_id: UUID | None = None
    team_id: UUID | None = None
    unassigned: bool = False
    tag: str | None = None


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

    async def next_number(self) -> int:
        """The next number, this transaction's own: the others wait until it ends."""
        first = insert(TicketCounter).values(organization_id=self._organization_id, last_number=1)
        counted = first.on_conflict_do_update(
            index_elements=[TicketCounter.organization_id],
            set_={"last_number": TicketCounter.last_number + 1},
        ).returning(TicketCounter.last_number)
        return (await self._session.execute(counted)).scalar_one()

    async def get_for_update(self, ticket_id: UUID) -> Ticket:
        """The ticket, locked until the end of the transaction, or TicketNotFound."""
        statement = sa.select(Ticket).where(self._mine(), Ticket.id == ticket_id).with_for_update()
        ticket = (await self._session.scalars(statement)).one_or_none()
        if ticket is None:
            raise TicketNotFound
        return ticket

    async def list(
        self, wanted: TicketFilter, order: Keyset, paging: CursorPage | PageNumber
    ) -> Sequence[sa.Row[Any]]:
        """A page of the columns to read."""
        return await self._rows(order.page(self._filtered(wanted, *READ_COLUMNS), paging))

    async def count(self, wanted: TicketFilter) -> int:
        """How many there are on all pages."""
        return (await self._session.scalar(self._filtered(wanted, sa.func.count()))) or 0

    async def search(self, statement: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        """Runs what `search.matching` built, within the organization."""
        return await self._rows(statement.where(self._mine()))

    async def messages(self, ticket_id: UUID, page: CursorPage) -> Sequence[TicketMessage]:
        """A page of a ticket's messages, oldest first, or TicketNotFound."""
        mine = sa.select(Ticket.id).where(self._mine(), Ticket.id == ticket_id)
        if await self._session.scalar(mine) is None:
            raise TicketNotFound
        statement = sa.select(TicketMessage).where(
            TicketMessage.organization_id == self._organization_id,
            TicketMessage.ticket_id == ticket_id,
        )
        return (await self._session.scalars(OLDEST_MESSAGE_FIRST.page(statement, page))).all()

    async def _rows(self, statement: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        rows: Sequence[sa.Row[Any]] = (await self._session.execute(statement)).all()
        return rows

    def _filtered(self, wanted: TicketFilter, *columns: Any) -> sa.Select[Any]:
        conditions = [self._mine()]
        if wanted.statuses:
            conditions.append(Ticket.status.in_(wanted.statuses))
        if wanted.priorities:
            conditions.append(Ticket.priority.in_(wanted.priorities))
        if wanted.channel is not None:
            conditions.append(Ticket.channel == wanted.channel)
        if wanted.client_id is not None:
            conditions.append(Ticket.client_id == wanted.client_id)
        if wanted.assignee_id is not None:
            conditions.append(Ticket.assignee_id == wanted.assignee_id)
        if wanted.team_id is not None:
            conditions.append(Ticket.team_id == wanted.team_id)
        if wanted.unassigned:
            conditions.append(Ticket.assignee_id.is_(None))
        if wanted.tag is not None:
            conditions.append(Ticket.tags.contains([wanted.tag]))
        return sa.select(*columns).select_from(Ticket).where(*conditions)

    def _mine(self) -> sa.ColumnElement[bool]:
        return Ticket.organization_id == self._organization_id
