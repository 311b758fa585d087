"""Which tickets a list shows: every condition equality or range of a B-tree, as row-level security
lets no other operator use an index (ADR 017)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlalchemy.orm.util import AliasedClass

from chassis.data.columns import utc_now
from core_api.keyset import Keyset
from core_api.modules.tickets.models import Ticket, TicketChannel, TicketPriority
from core_api.modules.tickets.moves import TicketStatus
from core_api.modules.tickets.relations.models import TicketFacet, TicketWatcher

TAG: Final = "tag"
CUSTOM: Final = "custom."
SlaFilter = Literal["breached", "warning"]
CategoryIds = Sequence[UUID] | sa.Select[UUID]
_FIRST_FACET: Final = aliased(TicketFacet, name="facet")
_VALUE_LENGTH: Final = 200
"""Of longer values a facet holds the beginning."""


@dataclass(frozen=True, kw_only=True)
class TicketFilter:
    """Which tickets; None or nothing means any."""

    statuses: tuple[TicketStatus, ...] = ()
    priorities: tuple[TicketPriority, ...] = ()
    channel: TicketChannel | None = None
    client_id: UUID | None = None
    category_id: UUID | None = None  # with those below it
    assignee_id: UUID | None = None
    team_id: UUID | None = None
    unassigned: bool = False
    watcher_id: UUID | None = None
    merged_into_id: UUID | None = None
    tag: str | None = None
    custom: tuple[tuple[str, str], ...] = ()  # key and value
    created_since: datetime | None = None
    created_until: datetime | None = None
    updated_since: datetime | None = None
    updated_until: datetime | None = None
    sla: SlaFilter | None = None
    with_due_time: bool = False


def narrowed(
    statement: sa.Select[Any], wanted: TicketFilter, category_ids: CategoryIds
) -> sa.Select[Any]:
    """The statement over tickets, held to the filter. `category_ids`: its category and below."""
    for place, (name, value) in enumerate(_facets(wanted)):
        facet = aliased(TicketFacet) if place else _FIRST_FACET
        statement = statement.join(facet, _is_facet(facet, name, value))
    return statement.where(*_plain(wanted, category_ids))


def as_facets_come(order: Keyset, wanted: TicketFilter) -> Keyset:
    """The order of a list, told in the facets' own columns where they have it.

    The planner then reads a page of facets and their tickets, instead of every ticket with the tag.
    """
    if order.column is not Ticket.created_at or not _facets(wanted):
        return order
    return replace(order, column=_FIRST_FACET.created_at, id=_FIRST_FACET.ticket_id)


def conditions(wanted: TicketFilter, category_ids: CategoryIds) -> list[sa.ColumnElement[bool]]:
    """The same as conditions on one ticket, for a statement that decides row by row."""
    return [
        *_plain(wanted, category_ids),
        *(_has_facet(name, value) for name, value in _facets(wanted)),
    ]


def _plain(wanted: TicketFilter, category_ids: CategoryIds) -> list[sa.ColumnElement[bool]]:
    found = [*_one_of(wanted), *_exactly(wanted), *_between(wanted)]
    if wanted.category_id is not None:
        found.append(Ticket.category_id.in_(category_ids))
    if wanted.unassigned:
        found.append(Ticket.assignee_id.is_(None))
    if wanted.sla is not None:
        found += _by_due_time(wanted.sla)
    if wanted.with_due_time:
        found.append(Ticket.sla_due_at.is_not(None))
    if wanted.watcher_id is not None:
        found.append(_watched_by(wanted.watcher_id))
    return found + [
        Ticket.custom_fields[key].astext == value
        for key, value in wanted.custom
        if len(value) > _VALUE_LENGTH
    ]


def _facets(wanted: TicketFilter) -> list[tuple[str, str]]:
    tag = [] if wanted.tag is None else [(TAG, wanted.tag)]
    return tag + [(CUSTOM + key, value[:_VALUE_LENGTH]) for key, value in wanted.custom]


def _one_of(wanted: TicketFilter) -> list[sa.ColumnElement[bool]]:
    several: tuple[tuple[Any, Sequence[Any]], ...] = (
        (Ticket.status, wanted.statuses),
        (Ticket.priority, wanted.priorities),
    )
    return [column.in_(values) for column, values in several if values]


def _exactly(wanted: TicketFilter) -> list[sa.ColumnElement[bool]]:
    single: tuple[tuple[Any, Any], ...] = (
        (Ticket.channel, wanted.channel),
        (Ticket.client_id, wanted.client_id),
        (Ticket.assignee_id, wanted.assignee_id),
        (Ticket.team_id, wanted.team_id),
        (Ticket.merged_into_id, wanted.merged_into_id),
    )
    return [column == value for column, value in single if value is not None]


def _between(wanted: TicketFilter) -> list[sa.ColumnElement[bool]]:
    spans: tuple[tuple[Any, datetime | None, datetime | None], ...] = (
        (Ticket.created_at, wanted.created_since, wanted.created_until),
        (Ticket.updated_at, wanted.updated_since, wanted.updated_until),
    )
    found: list[sa.ColumnElement[bool]] = []
    for column, since, until in spans:
        found += [column >= since] if since is not None else []
        found += [column < until] if until is not None else []
    return found


def _by_due_time(sla: SlaFilter) -> list[sa.ColumnElement[bool]]:
    now = utc_now()
    if sla == "breached":
        return [Ticket.sla_due_at <= now]
    return [Ticket.sla_due_at > now, Ticket.sla_warning_at <= now]


def _watched_by(member_id: UUID) -> sa.ColumnElement[bool]:
    return sa.exists().where(
        TicketWatcher.organization_id == Ticket.organization_id,
        TicketWatcher.member_id == member_id,
        TicketWatcher.ticket_id == Ticket.id,
    )


def _is_facet(
    facet: type[TicketFacet] | AliasedClass[TicketFacet], name: str, value: str
) -> sa.ColumnElement[bool]:
    # Not by the time of creation as well: the planner would take two conditions for rarer than one.
    return sa.and_(
        facet.organization_id == Ticket.organization_id,
        facet.ticket_id == Ticket.id,
        facet.name == _in_the_text(name),
        facet.value == _in_the_text(value),
    )


def _in_the_text(value: str) -> sa.BindParameter[str]:
    """A value that the statement shows: a plan for any tag would suit neither a rare nor a common
    one."""
    return sa.bindparam(None, value, type_=sa.Text(), literal_execute=True)


def _has_facet(name: str, value: str) -> sa.ColumnElement[bool]:
    facet = aliased(TicketFacet)
    return sa.exists().where(
        facet.organization_id == Ticket.organization_id,
        facet.name == name,
        facet.value == value,
        facet.created_at == Ticket.created_at,
        facet.ticket_id == Ticket.id,
    )
