"""Which policy applies to a ticket, and what it offers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.categories import service as categories
from core_api.modules.clients import service as clients
from core_api.modules.sla.clock import Measure, Metric, Revision, Terms
from core_api.modules.sla.models import SlaCalendar, SlaPolicy, SlaRecomputation
from core_api.modules.sla.rules import Offer
from shared_schemas.ids import OrganizationId


@dataclass(frozen=True, kw_only=True)
class Routing:
    """What decides which policy applies to a ticket."""

    priority: str
    category_id: UUID | None
    client_id: UUID | None
    client_tags: frozenset[str] | None = None
    """Given for a preview; otherwise those of the client."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A policy in force, on the current revision of its calendar."""

    revision: Revision
    name: str
    calendar: Revision
    measure: Measure
    priorities: frozenset[str]
    category_ids: frozenset[UUID]
    client_tags: frozenset[str]
    targets: Mapping[Metric, timedelta | None]
    pauses_in: frozenset[str]

    def offer(self, since: datetime | None = None) -> Offer:
        """What a ticket is measured against, in force since then."""
        terms = {
            metric: Terms(
                policy=self.revision, calendar=self.calendar, measure=self.measure, target=target
            )
            for metric, target in self.targets.items()
            if target is not None
        }
        return Offer(terms=terms, pauses_in=self.pauses_in, since=since)

    def matches(self, priority: str, category: frozenset[UUID], tags: frozenset[str]) -> bool:
        """Whether it applies: `category` is the ticket's and all above it."""
        return (
            (not self.priorities or priority in self.priorities)
            and (not self.category_ids or bool(self.category_ids & category))
            and (not self.client_tags or bool(self.client_tags & tags))
        )


@dataclass(frozen=True, kw_only=True)
class PolicyBook:
    """The policies of one organization in the order in which they are asked."""

    policies: Sequence[Policy]
    pending_since: datetime | None
    """When the latest change was made that is not yet applied to all open tickets."""

    def choose(
        self, priority: str, category: frozenset[UUID], tags: frozenset[str]
    ) -> Policy | None:
        """The first that matches."""
        return next(
            (policy for policy in self.policies if policy.matches(priority, category, tags)), None
        )


class Policies:
    """The policies of one organization in force."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def book(self) -> PolicyBook:
        """All of them, in one statement: a handful of rows."""
        pending = (
            sa.select(sa.func.max(SlaRecomputation.requested_at))
            .where(
                SlaRecomputation.organization_id == self._organization_id,
                SlaRecomputation.finished_at.is_(None),
            )
            .scalar_subquery()
        )
        same = sa.and_(
            SlaCalendar.organization_id == SlaPolicy.organization_id,
            SlaCalendar.id == SlaPolicy.calendar_id,
        )
        statement = (
            sa.select(
                *SlaPolicy.__table__.c,
                SlaCalendar.revision.label("calendar_revision"),
                pending.label("pending_since"),
            )
            .join(SlaCalendar, same)
            .where(
                SlaPolicy.organization_id == self._organization_id, SlaPolicy.deleted_at.is_(None)
            )
            .order_by(SlaPolicy.is_default, SlaPolicy.position, SlaPolicy.id)
        )
        rows = (await self._session.execute(statement)).all()
        return PolicyBook(
            policies=[_policy(row) for row in rows],
            pending_since=rows[0].pending_since if rows else None,
        )

    async def choose(self, book: PolicyBook, routings: Sequence[Routing]) -> list[Policy | None]:
        """The policy of each ticket. Categories and tags are looked up when a policy asks for
        them."""
        above, tags = await self._categories(book, routings), await self._tags(book, routings)
        return [
            book.choose(
                routing.priority,
                above.get(routing.category_id, frozenset()) if routing.category_id else frozenset(),
                _tags_of(routing, tags),
            )
            for routing in routings
        ]

    async def _categories(
        self, book: PolicyBook, routings: Iterable[Routing]
    ) -> Mapping[UUID, frozenset[UUID]]:
        wanted = {routing.category_id for routing in routings if routing.category_id is not None}
        if not wanted or not any(policy.category_ids for policy in book.policies):
            return {}
        return await categories.ids_above(self._session, self._organization_id, wanted)

    async def _tags(
        self, book: PolicyBook, routings: Iterable[Routing]
    ) -> Mapping[UUID, frozenset[str]]:
        wanted = {
            routing.client_id
            for routing in routings
            if routing.client_id is not None and routing.client_tags is None
        }
        if not wanted or not any(policy.client_tags for policy in book.policies):
            return {}
        return await clients.tags_of(self._session, self._organization_id, wanted)


def _tags_of(routing: Routing, tags: Mapping[UUID, frozenset[str]]) -> frozenset[str]:
    if routing.client_tags is not None:
        return routing.client_tags
    return tags.get(routing.client_id, frozenset()) if routing.client_id else frozenset()


def _policy(row: Any) -> Policy:
    seconds = {metric: getattr(row, f"{metric.value}_seconds") for metric in Metric}
    return Policy(
        revision=Revision(row.id, row.revision),
        name=row.name,
        calendar=Revision(row.calendar_id, row.calendar_revision),
        measure=row.measure,
        priorities=frozenset(row.priorities),
        category_ids=frozenset(row.category_ids),
        client_tags=frozenset(row.client_tags),
        targets={
            metric: None if given is None else timedelta(seconds=given)
            for metric, given in seconds.items()
        },
        pauses_in=frozenset(row.pauses_in),
    )
