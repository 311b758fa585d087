"""Handling deliveries: inbox row and handler in one transaction of the event's organization."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

import sqlalchemy as sa
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.database import Database
from chassis.data.system_tables import inbox_items
from chassis.messaging.entries import Delivery
from chassis.observability import metrics
from chassis.observability.tracing import continued
from shared_schemas.events import BaseEvent

E = TypeVar("E", bound=BaseEvent)


class HandlerTooSlow(Exception):
    """The handler did not finish within its time."""


@dataclass(frozen=True, slots=True)
class Subscription(Generic[E]):
    """A handler for one type of event. It works in the transaction it is given and never commits.

    Events arrive at least once and, while one is being retried, out of order; what the inbox row's
    transaction contains happens once.
    """

    event: type[E]
    handler: Callable[[AsyncSession, E], Awaitable[None]]


def log_context(event: BaseEvent) -> AbstractContextManager[None]:
    """Every line written inside names the event; those after it no longer do."""
    return structlog.contextvars.bound_contextvars(
        request_id=event.correlation_id,
        event_id=str(event.event_id),
        event_type=event.event_type,
    )


class Handling:
    """Works off deliveries for one consumer."""

    def __init__(
        self,
        database: Database,
        consumer: str,
        subscriptions: Sequence[Subscription[Any]],
        *,
        time_limit: timedelta,
    ) -> None:
        self.known: Mapping[tuple[str, int], type[BaseEvent]] = {
            (item.event.TYPE, item.event.VERSION): item.event for item in subscriptions
        }
        self._handlers = {
            (item.event.TYPE, item.event.VERSION): item.handler for item in subscriptions
        }
        if len(self._handlers) < len(subscriptions):
            raise ValueError("two subscriptions for the same event type and version")
        self._ages = {
            item.event.TYPE: metrics.EVENT_AGE.labels(item.event.TYPE, consumer)
            for item in subscriptions
        }
        self._database = database
        self._consumer = consumer
        self._time_limit = time_limit.total_seconds()
        self._take = _take_statement(database.schema)

    async def handle(self, deliveries: Sequence[Delivery]) -> None:
        """All in one transaction; they belong to one organization. Raises what a handler raises.

        Those already in the inbox are skipped.
        """
        by_id = {delivery.event.event_id: delivery for delivery in deliveries}
        organization_id = deliveries[0].event.organization_id
        async with self._database.transaction(organization_id) as session:
            # In the order of ids: two consumers that race for the same events must not deadlock.
            taken = await session.scalars(
                self._take,
                {
                    "consumer": self._consumer,
                    "organization_id": organization_id,
                    "ids": sorted(by_id),
                },
            )
            fresh = set(taken)
            await self._call_handlers(
                session, [by_id[event_id].event for event_id in by_id if event_id in fresh]
            )
        self._count(deliveries, fresh)

    async def _call_handlers(self, session: AsyncSession, events: Sequence[BaseEvent]) -> None:
        """One after the other; each has its time, and up to half of it again."""
        loop = asyncio.get_running_loop()
        limit = asyncio.timeout(None)
        try:
            async with limit:
                for event in events:
                    # Moving the deadline for each of a hundred quick handlers costs as they do.
                    if (limit.when() or 0.0) < loop.time() + self._time_limit:
                        limit.reschedule(loop.time() + 1.5 * self._time_limit)
                    await self._call(session, event)
        except TimeoutError as error:
            if limit.expired():
                raise HandlerTooSlow(f"no end after {self._time_limit:g} s") from error
            raise

    async def _call(self, session: AsyncSession, event: BaseEvent) -> None:
        handler = self._handlers[event.event_type, event.version]
        with log_context(event), self._span(event):
            await handler(session, event)

    def _span(self, event: BaseEvent) -> AbstractContextManager[None]:
        if event.traceparent is None and not isinstance(
            trace.get_tracer_provider(), TracerProvider
        ):
            return nullcontext()  # nothing to continue and nobody to tell
        return continued(event.traceparent, f"{event.event_type} process")

    def _count(self, deliveries: Sequence[Delivery], fresh: set[UUID]) -> None:
        now = datetime.now(UTC)
        results: Counter[tuple[str, str]] = Counter()
        for delivery in deliveries:
            event = delivery.event
            if event.event_id in fresh:
                age = (now - event.timestamp).total_seconds()
                self._ages[event.event_type].observe(max(age, 0.0))
                results[event.event_type, "done"] += 1
            else:
                results[event.event_type, "duplicate"] += 1
        for (event_type, result), count in results.items():
            metrics.EVENTS_HANDLED.labels(event_type, self._consumer, result).inc(count)


def _take_statement(schema: str) -> Any:
    """Inserts the inbox rows that are not there yet and returns their event ids."""
    table = sa.Table("inbox", sa.MetaData(schema=schema), *inbox_items())
    ids = sa.func.unnest(sa.bindparam("ids", type_=ARRAY(sa.Uuid()))).column_valued("event_id")
    rows = sa.select(
        sa.bindparam("consumer", type_=sa.Text()),
        ids,
        sa.bindparam("organization_id", type_=sa.Uuid()),
    )
    return (
        insert(table)
        .from_select(["consumer", "event_id", "organization_id"], rows)
        .on_conflict_do_nothing(index_elements=["consumer", "event_id"])
        .returning(table.c.event_id)
    )
