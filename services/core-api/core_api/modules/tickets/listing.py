"""Lists of tickets: what they can be filtered and sorted by, in a query and in a saved view alike.

Other contexts list tickets through this module.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import Query
from pydantic import AwareDatetime
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage, PageNumber
from core_api.modules.clients.service import answering_clients
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
    "TicketRead",
    "answer_tickets",
    "count_each",
    "of_who_answers",
    "ticket_filter",
]

TicketOrder = Literal[
    "-created_at",
    "created_at",
    "-updated_at",
    "updated_at",
    "-number",
    "number",
    "-sla_due_at",
    "sla_due_at",
]
"""By due time: only those that have one."""
COLUMNS: Final = frozenset(TicketRead.model_fields)
"""What a list can show of a ticket."""


_Since = Annotated[
    AwareDatetime | None,
    Query(description="From then on. With time zone, e.g. 2026-11-21T09:00:00Z"),
]
_Until = Annotated[AwareDatetime | None, Query(description="Before then. With time zone")]
_CustomValue = Annotated[str, Query(pattern=r"^[^:\x00]{1,64}:[^\x00]{1,2000}$")]


def ticket_filter(
    *,
    status: Annotated[list[TicketStatus] | None, Query(description="One of these")] = None,
    priority: Annotated[list[TicketPriority] | None, Query(description="One of these")] = None,
    channel: TicketChannel | None = None,
    client_id: UUID | None = None,
    category_id: Annotated[UUID | None, Query(description="This category or one below it")] = None,
    assignee_id: UUID | None = None,
    team_id: UUID | None = None,
    unassigned: Annotated[bool, Query(description="Only those nobody takes care of")] = False,
    watcher_id: Annotated[UUID | None, Query(description="Watched by this member")] = None,
    merged_into_id: Annotated[UUID | None, Query(description="Merged into this ticket")] = None,
    tag: Annotated[str | None, Query(max_length=50, description="Has this tag")] = None,
    custom: Annotated[
        list[_CustomValue] | None,
        Query(description="Custom fields, each `key:value`; all of them", examples=["setor:Obras"]),
    ] = None,
    created_since: _Since = None,
    created_until: _Until = None,
    updated_since: _Since = None,
    updated_until: _Until = None,
    sla: Annotated[
        SlaFilter | None,
        Query(description="`breached`: overdue now; `warning`: 80 % of the time is used up"),
    ] = None,
) -> TicketFilter:
    """From the parameters of a query. Those of saved views are read off this function."""
    pairs = (given.partition(":") for given in custom or ())
    return TicketFilter(
        statuses=tuple(status or ()),
        priorities=tuple(priority or ()),
        channel=channel,
        client_id=client_id,
        category_id=category_id,
        assignee_id=assignee_id,
        team_id=team_id,
        unassigned=unassigned,
        watcher_id=watcher_id,
        merged_into_id=merged_into_id,
        tag=tag.casefold() if tag else None,
        custom=tuple((key, value) for key, _, value in pairs),
        created_since=created_since,
        created_until=created_until,
        updated_since=updated_since,
        updated_until=updated_until,
        sla=sla,
    )


async def answer_tickets(
    tx: AsyncSession,
    actor: Actor,
    wanted: TicketFilter,
    sort: TicketOrder,
    paging: CursorPage | PageNumber,
) -> Success[list[TicketRead]]:
    """A page by cursor, or by page number with totals."""
    tickets, order = Tickets(tx, actor.organization_id), ORDERS[sort]
    wanted = await of_who_answers(tx, actor, wanted)
    if order.column is Ticket.sla_due_at:
        wanted = replace(wanted, with_due_time=True)
    rows = await tickets.list(wanted, order, paging)
    if isinstance(paging, CursorPage):
        return paging.answer(actor, rows, TicketRead.model_validate, order.position)
    total = await tickets.count(wanted)
    return paging.answer(actor, rows, TicketRead.model_validate, total=total)


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
