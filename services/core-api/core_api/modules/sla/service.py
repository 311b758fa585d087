"""Service levels follow a ticket's life. What other contexts call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.sla.clock import Metric
from core_api.modules.sla.ledger import Cause, Ledger, Page, calendars_in
from core_api.modules.sla.models import COUNTED
from core_api.modules.sla.policies import Policies, Policy, PolicyBook, Routing
from core_api.modules.sla.rules import Happening, Offer, Timer, advance
from shared_schemas.ids import OrganizationId, UserId

__all__ = ["COUNTED", "Cause", "Followed", "TicketFacts", "TicketMoment", "apply", "follow"]

_OVER: Final = frozenset({"resolved", "closed"})
_REPLY: Final = "reply"
_CLIENT: Final = "client"


@dataclass(frozen=True, kw_only=True)
class TicketFacts:
    """A ticket as far as service levels care."""

    ticket_id: UUID
    client_id: UUID
    status: str
    priority: str
    category_id: UUID | None
    created_at: datetime
    first_replied_at: datetime | None

    @property
    def routing(self) -> Routing:
        """What decides which policy applies."""
        return Routing(
            priority=self.priority, category_id=self.category_id, client_id=self.client_id
        )


@dataclass(frozen=True, kw_only=True)
class TicketMoment:
    """Something that has happened to a ticket, which is locked or new."""

    organization_id: OrganizationId
    ticket: TicketFacts
    """As it is now."""
    at: datetime
    why: str
    actor_id: UserId | None
    correlation_id: str
    status_before: str
    message_kind: str | None = None
    is_new: bool = False
    is_merged: bool = False
    routing_changed: bool = False
    """Its priority, category or client is another one: so may be its policy, from now on."""
    answered_before: bool = False

    @property
    def matters(self) -> bool:
        """Whether any timer can start, rest, go on or end by it, or be held to other terms."""
        return (
            self.is_new
            or self.routing_changed
            or self.status_before != self.ticket.status
            or self.message_kind in {_REPLY, _CLIENT}
        )


@dataclass(frozen=True, kw_only=True)
class Followed:
    """What a moment means to the ledger: decided, not yet written."""

    ledger: Ledger
    page: Page
    due_at: datetime | None
    warning_at: datetime | None
    first_response_seconds: int | None
    """In business time, as the next."""
    resolution_seconds: int | None

    async def write(self) -> None:
        """After the ticket is in the database: the ledger refers to it."""
        await self.ledger.write([self.page])


async def follow(tx: AsyncSession, moment: TicketMoment) -> Followed | None:
    """What the moment means to the ticket's timers; None when nothing. Two small statements at
    most: of what only time brings, the sweep takes care."""
    if not moment.matters:
        return None
    policies = Policies(tx, moment.organization_id)
    ledger = Ledger(tx, moment.organization_id)
    ticket = moment.ticket
    with tx.no_autoflush:
        book = await policies.book()
        timers = (
            [] if moment.is_new else (await ledger.timers([ticket.ticket_id]))[ticket.ticket_id]
        )
        if not book.policies and not timers:
            return None
        (policy,) = await policies.choose(book, [ticket.routing])
        cause = Cause(
            what=moment.why, actor_id=moment.actor_id, correlation_id=moment.correlation_id
        )
        since = None if moment.is_new or moment.routing_changed else book.pending_since
        page = await _page(ledger, timers, _offer(policy, since), _happening(moment), ticket, cause)
    if not page.changed:
        return None
    due_at, warning_at = page.due()
    return Followed(
        ledger=ledger,
        page=page,
        due_at=due_at,
        warning_at=warning_at,
        first_response_seconds=page.took(Metric.FIRST_RESPONSE),
        resolution_seconds=page.took(Metric.RESOLUTION),
    )


async def apply(
    tx: AsyncSession,
    organization_id: OrganizationId,
    tickets: Sequence[TicketFacts],
    at: datetime,
    cause: Cause,
    since: datetime | None = None,
) -> list[Page]:
    """Brings locked tickets to which nothing has happened up to `at`: settings that changed, levels
    that were reached. Written; the pages are those that changed."""
    policies, ledger = Policies(tx, organization_id), Ledger(tx, organization_id)
    book: PolicyBook = await policies.book()
    timers = await ledger.timers([ticket.ticket_id for ticket in tickets])
    chosen = await policies.choose(book, [ticket.routing for ticket in tickets])
    pages = []
    for ticket, policy in zip(tickets, chosen, strict=True):
        happening = Happening(
            at=at,
            created_at=ticket.created_at,
            status_before=ticket.status,
            status=ticket.status,
            is_over=ticket.status in _OVER,
            answered_before=ticket.first_replied_at is not None,
        )
        offer = _offer(policy, book.pending_since or since)
        mine = timers[ticket.ticket_id]
        pages.append(await _page(ledger, mine, offer, happening, ticket, cause))
    changed = [page for page in pages if page.changed]
    await ledger.write(changed)
    return changed


async def _page(
    ledger: Ledger,
    timers: list[Timer],
    offer: Offer,
    happening: Happening,
    ticket: TicketFacts,
    cause: Cause,
) -> Page:
    named = calendars_in(timers) | {terms.calendar for terms in offer.terms.values()}
    calendars = await ledger.calendars(named)
    return Page(
        ticket_id=ticket.ticket_id,
        client_id=ticket.client_id,
        at=happening.at,
        timers=advance(timers, offer, happening, calendars),
        calendars=calendars,
        cause=cause,
    )


def _offer(policy: Policy | None, since: datetime | None) -> Offer:
    return Offer(since=since) if policy is None else policy.offer(since)


def _happening(moment: TicketMoment) -> Happening:
    before, after = moment.status_before, moment.ticket.status
    return Happening(
        at=moment.at,
        created_at=moment.ticket.created_at,
        status_before=before,
        status=after,
        is_over=after in _OVER,
        reopened=before in _OVER and after not in _OVER,
        merged=moment.is_merged,
        replied=moment.message_kind == _REPLY,
        asked=moment.message_kind == _CLIENT,
        answered_before=moment.answered_before,
    )
