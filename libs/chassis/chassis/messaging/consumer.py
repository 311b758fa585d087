"""A service's reader of events: batches, one commit each, poison set aside, nothing lost."""

import asyncio
import heapq
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
import structlog
from redis.asyncio import Redis

from chassis.data.database import Database
from chassis.messaging.backoff import Backoff
from chassis.messaging.dead_letters import bury, count_dead
from chassis.messaging.endurance import (
    RECONNECT,
    describe,
    heed_cancellation,
    is_outage,
    keep_running,
)
from chassis.messaging.entries import Decoder, Delivery, Entry, UndecodableEvent
from chassis.messaging.group_reader import GroupReader, PendingEntry
from chassis.messaging.handling import Handling, Subscription, log_context
from chassis.messaging.listener import StreamListener
from chassis.messaging.membership import membership
from chassis.messaging.retries import Retries
from chassis.messaging.streams import redrive_of, stream_of
from chassis.observability import metrics

__all__ = ["ConsumerSettings", "StreamConsumer", "StreamListener", "Subscription"]

_log = structlog.get_logger(__name__)
_PATIENT: Final = Backoff(first=timedelta(seconds=1), longest=timedelta(seconds=30))


@dataclass(frozen=True, slots=True)
class ConsumerSettings:
    """How much at once, how patient, how often again."""

    read: int = 1000
    """Entries taken at once, of each stream: enough for each organization's to fill a batch."""
    batch: int = 100
    """Events of one organization in one transaction."""
    block: timedelta = timedelta(seconds=2)
    """Longest wait for new entries; stays below the client's socket timeout."""
    time_limit: timedelta = timedelta(seconds=30)
    """For one handler."""
    max_attempts: int = 5
    backoff: Backoff = _PATIENT
    max_deliveries: int = 20
    """An entry delivered so often without any outcome kills its consumers: it is set aside."""
    abandoned_after: timedelta = timedelta(seconds=30)
    """Entries held longer by another member are taken over."""
    upkeep: timedelta = timedelta(seconds=10)


class StreamConsumer:
    """One member of the service's group. `run()` never ends by itself; tests use `drain_once()`."""

    def __init__(
        self,
        database: Database,
        redis: Redis,
        *,
        group: str,
        subscriptions: Sequence[Subscription[Any]],
        settings: ConsumerSettings | None = None,
    ) -> None:
        self._database = database
        self._redis = redis
        self._group = group
        self._settings = settings = settings or ConsumerSettings()
        self._handling = Handling(database, group, subscriptions, time_limit=settings.time_limit)
        self._decoder = Decoder(self._handling.known)
        self._redriven = redrive_of(group)
        event_types = {item.event.TYPE for item in subscriptions}
        streams = [*sorted(stream_of(name) for name in event_types), self._redriven]
        self._reader = GroupReader(redis, group, streams)
        self._retries = Retries(redis, group, settings.backoff)
        self._leftovers = True
        self._next_upkeep = 0.0

    async def run(self) -> None:
        """Consumes until cancelled; survives restarts of PostgreSQL and Redis."""
        await keep_running(f"stream consumer {self._group}", self._consume)

    async def drain_once(self) -> int:
        """Works off all that is there and due, without waiting; returns how many it saw."""
        seen = 0
        async with membership(self._redis, self._group) as member:
            await self._reader.create_groups()
            self._leftovers = True
            while worked := await self._step(member.name, block=None):
                seen += worked
        return seen

    async def _consume(self) -> None:
        async with membership(self._redis, self._group) as member:
            await self._reader.create_groups()
            self._leftovers = True  # of an earlier life under this name
            while member.lease.held:
                heed_cancellation()
                await self._step(member.name, block=self._patience())
                await self._upkeep(member.name)

    def _patience(self) -> timedelta:
        """Until the next attempt is due, at most `block`."""
        if self._leftovers:
            return timedelta(milliseconds=1)
        seconds = self._retries.seconds_to_next()
        block = self._settings.block
        return block if seconds is None else min(block, timedelta(seconds=seconds))

    async def _step(self, member: str, block: timedelta | None) -> int:
        again = await self._try_again(member)
        batches = await self._reader.read(member, self._settings.read, block)
        return again + await self._work_off(batches)

    async def _try_again(self, member: str) -> int:
        """Own pending entries: failed ones whose time has come, and leftovers."""
        if not self._leftovers and self._retries.seconds_to_next() != 0.0:
            return 0
        pending = await self._reader.own_pending(member, self._settings.batch)
        due = [item for item in pending if self._retries.is_due(item.key)]
        self._leftovers = bool(due)
        batches = await self._reader.fetch(member, due)
        await self._let_go(due, batches)
        deadly = {item.key: item for item in due if self._kills(item)}
        for entries in batches:
            for entry in [entry for entry in entries if entry.key in deadly]:
                count = deadly[entry.key].deliveries
                await self._bury(entry, f"delivered {count} times without an outcome", count)
                entries.remove(entry)
        return await self._work_off(batches, again=True)

    async def _let_go(
        self, due: Sequence[PendingEntry], batches: Sequence[Sequence[Entry]]
    ) -> None:
        """Entries that were deleted from their stream while they were pending."""
        present = {entry.key for entries in batches for entry in entries}
        gone = [Entry(item.stream, item.id, b"") for item in due if item.key not in present]
        await self._reader.acknowledge(gone, and_delete=self._redriven)
        await self._retries.settled([entry.key for entry in gone])

    def _kills(self, item: PendingEntry) -> bool:
        planned = self._retries.is_planned(item.key)  # it failed here, so it had an outcome
        return item.deliveries > self._settings.max_deliveries and not planned

    async def _work_off(self, batches: Sequence[Sequence[Entry]], *, again: bool = False) -> int:
        streams = [await self._decode(batch) for batch in batches if batch]
        for chunk in _by_organization(_in_order(streams), self._settings.batch):
            settled = [delivery.entry for delivery in await self._handle(chunk)]
            await self._reader.acknowledge(settled, and_delete=self._redriven)
            if again:
                await self._retries.settled([entry.key for entry in settled])
        return sum(len(batch) for batch in batches)

    async def _decode(self, batch: Sequence[Entry]) -> list[Delivery]:
        deliveries = []
        for entry in batch:
            try:
                deliveries.append(Delivery(entry, self._decoder.decode(entry)))
            except UndecodableEvent as error:
                await self._bury(entry, describe(error), 1)
        return deliveries

    async def _handle(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Returns those that are settled. Together first; one by one to find who is to blame."""
        try:
            await self._handling.handle(deliveries)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is counted and kept
            if is_outage(error) and not await self._database_answers():
                self._leftovers = True
                await self._wait_for_database()
                return []
            if len(deliveries) == 1:
                await self._failed(deliveries[0], error)
                return []
            settled: list[Delivery] = []
            for delivery in deliveries:
                settled += await self._handle([delivery])
            return settled
        return deliveries

    async def _failed(self, delivery: Delivery, error: Exception) -> None:
        entry, event = delivery.entry, delivery.event
        failures = await self._retries.failed(entry.key)
        _log.warning(
            "event_failed",
            event_id=str(event.event_id),
            event_type=event.event_type,
            request_id=event.correlation_id,
            failures=failures,
            cause=describe(error),
            exc_info=error if failures == 1 else None,
        )
        if failures >= self._settings.max_attempts:
            with log_context(event):
                await self._bury(entry, describe(error), failures)
        else:
            self._count(event.event_type, "retried")

    async def _bury(self, entry: Entry, cause: str, attempts: int) -> None:
        await bury(self._redis, self._group, entry, cause=cause, attempts=attempts)
        await self._retries.settled([entry.key])
        event_type = entry.stream.removeprefix(stream_of(""))
        _log.error("event_dead", event_type=event_type, entry=entry.id, cause=cause)
        self._count(event_type, "dead")

    def _count(self, event_type: str, result: str) -> None:
        metrics.EVENTS_HANDLED.labels(event_type, self._group, result).inc()

    async def _database_answers(self) -> bool:
        try:
            async with self._database.worker_transaction() as session:
                await session.execute(sa.text("SELECT 1"))
        except Exception as error:  # noqa: BLE001 - any error here is the answer
            return not is_outage(error)
        return True

    async def _wait_for_database(self) -> None:
        """An outage is nobody's failed attempt: entries stay pending until it is over."""
        failures = 1
        _log.warning("consumer_waits_for_database", group=self._group)
        while not await self._database_answers():
            await asyncio.sleep(RECONNECT.after(failures).total_seconds())
            failures += 1

    async def _upkeep(self, member: str) -> None:
        if time.monotonic() < self._next_upkeep:
            return
        self._next_upkeep = time.monotonic() + self._settings.upkeep.total_seconds()
        if await self._reader.take_over(
            member, self._settings.abandoned_after, self._settings.batch
        ):
            self._leftovers = True
        for stream, (unread, pending) in (await self._reader.lag()).items():
            event_type = stream.removeprefix(stream_of(""))
            metrics.STREAM_LAG.labels(event_type, self._group).set(unread)
            metrics.STREAM_PENDING.labels(event_type, self._group).set(pending)
        metrics.DEAD_LETTERS.labels(self._group).set(await count_dead(self._redis, self._group))


def _in_order(streams: Sequence[Sequence[Delivery]]) -> Iterable[Delivery]:
    """Each stream keeps its order; between streams the order of what happened decides."""
    if len(streams) == 1:
        return streams[0]
    return heapq.merge(*streams, key=lambda delivery: delivery.event.timestamp)


def _by_organization(deliveries: Iterable[Delivery], size: int) -> Iterable[list[Delivery]]:
    """A transaction has one tenant: batches of one organization each, order kept within."""
    batches: dict[Any, list[list[Delivery]]] = {}
    for delivery in deliveries:
        of_one = batches.setdefault(delivery.event.organization_id, [[]])
        if len(of_one[-1]) == size:
            of_one.append([])
        of_one[-1].append(delivery)
    return [batch for of_one in batches.values() for batch in of_one]
