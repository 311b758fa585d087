"""Lists of tickets: what they can be filtered and sorted by, in a query and in a saved view alike.

Other contexts list tickets through this module.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage, PageNumber
from core_api.inputs import CustomWanted, Tag, custom_pairs
from core_api.modules.clients.service import answering_clients
from core_api.modules.tickets.contents import check_filter, ticket_read
from core_api.modules.tickets.filters import SlaFilter, TicketFilter
from core_api.modules.tickets.models import Ticket, TicketChannel, TicketPriority
from core_api.modules.tickets.moves import TicketStatus
from core_api.modules.tickets.repository import ORDERS, Tickets
from core_api.modules.tickets.schemas import TicketRead
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success

__all__ = [
    "COLUMNS",
    "ORDERS",
    "TicketFilter",
    "TicketOrder",
    "TicketQuery",
    "TicketRead",
    "answer_tickets",
    "count_each",
    "of_who_answers",
]

TicketOrder = Annotated[
    Literal[
        "-created_at",
        "created_at",
        "-updated_at",
        "updated_at",
        "-number",
        "number",
        "-sla_due_at",
        "sla_due_at",
    ],
    Field(description="With `-` the greatest first. By due time: only those that have one"),
]
COLUMNS: Final = frozenset(TicketRead.model_fields) - {"is_withheld"}
"""What a list can show of a ticket."""


_Since = Annotated[
    AwareDatetime | None,
    Field(description="From then on. With time zone, e.g. 2026-11-21T09:00:00Z"),
]
_Until = Annotated[AwareDatetime | None, Field(description="Before then. With time zone")]


class TicketQuery(BaseModel):
    """What a list of tickets can be filtered by, in a query and in a saved view."""

    model_config = ConfigDict(frozen=True)

    status: list[TicketStatus] | None = Field(default=None, description="One of these")
    priority: list[TicketPriority] | None = Field(default=None, description="One of these")
    channel: TicketChannel | None = Field(default=None, description="Came in this way")
    client_id: UUID | None = Field(
        default=None, description="Of this client, also by the id of one that was merged into it"
    )
    category_id: UUID | None = Field(default=None, description="This category or one below it")
    assignee_id: UUID | None = Field(default=None, description="This member takes care of it")
    team_id: UUID | None = Field(default=None, description="In the queue of this team")
    unassigned: bool = Field(default=False, description="Only those nobody takes care of")
    watcher_id: UUID | None = Field(default=None, description="Watched by this member")
    merged_into_id: UUID | None = Field(default=None, description="Merged into this ticket")
    tag: Tag | None = Field(default=None, description="Has this tag")
    custom: list[CustomWanted] | None = Field(
        default=None,
        description="Custom fields, each `key:value`; all of them",
        examples=["setor:Obras"],
    )
    created_since: _Since = None
    created_until: _Until = None
    updated_since: _Since = None
    updated_until: _Until = None
    sla: SlaFilter | None = Field(
        default=None, description="`breached`: overdue now; `warning`: 80 % of the time is used up"
    )

    def filter(self) -> TicketFilter:
        """As the conditions of a list."""
        plain = {name: getattr(self, name) for name in _AS_GIVEN}
        return TicketFilter(
            statuses=tuple(self.status or ()),
            priorities=tuple(self.priority or ()),
            custom=custom_pairs(self.custom),
            **plain,
        )


_AS_GIVEN: Final = TicketQuery.model_fields.keys() - {"status", "priority", "custom"}


async def answer_tickets(
    tx: AsyncSession,
    actor: Actor,
    wanted: TicketFilter,
    sort: TicketOrder,
    paging: CursorPage | PageNumber,
) -> Success[list[TicketRead]]:
    """A page by cursor, or by page number with totals."""
    check_filter(actor, wanted)
    tickets, order = Tickets(tx, actor.organization_id), ORDERS[sort]
    read = partial(ticket_read, actor)
    wanted = await of_who_answers(tx, actor, wanted)
    if order.column is Ticket.sla_due_at:
        wanted = replace(wanted, with_due_time=True)
    rows = await tickets.list(wanted, order, paging)
    if isinstance(paging, CursorPage):
        return paging.answer(actor, rows, read, order.position)
    total = await tickets.count(wanted)
    return paging.answer(actor, rows, read, total=total)


async def of_who_answers(tx: AsyncSession, actor: Actor, wanted: TicketFilter) -> TicketFilter:
    """The same, a merged client being the one it went into: tickets are with that one."""
    (answered,) = await _all_of_who_answers(tx, actor, [wanted])
    return answered


async def count_each(
    tx: AsyncSession, actor: Actor, wanted: Mapping[UUID, TicketFilter]
) -> dict[UUID, tuple[int, bool]]:
    """How many each filter finds, and whether that is all: one statement of bounded cost."""
    answered = await _all_of_who_answers(tx, actor, wanted.values())
    by_key = dict(zip(wanted, answered, strict=True))
    return await Tickets(tx, actor.organization_id).count_each(by_key)


async def _all_of_who_answers(
    tx: AsyncSession, actor: Actor, wanted: Iterable[TicketFilter]
) -> list[TicketFilter]:
    wanted = list(wanted)
    named = {each.client_id for each in wanted if each.client_id is not None}
    answering = await answering_clients(tx, actor.organization_id, named)
    return [
        each if each.client_id is None else replace(each, client_id=answering[each.client_id])
        for each in wanted
    ]
