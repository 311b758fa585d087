"""Carries committed events from the outbox to their streams, in order and at least once."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.data.database import Database
from chassis.messaging.endurance import heed_cancellation, keep_running
from chassis.messaging.epoch import EpochMark, Loss
from chassis.messaging.nudge import OutboxNudge
from chassis.messaging.outbox_rows import EventRow, OutboxRows
from chassis.messaging.streams import ENVELOPE, stream_of
from chassis.messaging.trimming import StreamTrimmer
from chassis.observability import metrics

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """How eagerly the relay works and how far back it can go."""

    batch: int = 1000
    poll: timedelta = timedelta(seconds=1)
    """Fallback for a lost nudge; also how soon an emptied Redis is noticed."""
    retention: timedelta = timedelta(days=7)
    """Published events younger than this are published again when Redis came back empty."""
    tail: timedelta = timedelta(minutes=5)
    """The same when Redis lost its last moments; longer than any fsync interval or replica lag."""
    keep_in_stream: timedelta = timedelta(hours=1)
    rest: timedelta = timedelta(milliseconds=40)
    """From one batch to the next, unless it was full: a burst of commits travels together, and an
    event after a pause goes out at once."""
    upkeep: timedelta = timedelta(seconds=10)
    """Between two measurements and trims."""


class OutboxRelay:
    """One is active per schema; the others stand by. `run()` never ends by itself."""

    def __init__(
        self, database: Database, redis: Redis, settings: RelaySettings | None = None
    ) -> None:
        self._database = database
        self._redis = redis
        self._settings = settings = settings or RelaySettings()
        self._rows = OutboxRows(database.schema)
        self._mark = EpochMark(redis, database.schema)
        self._trimmer = StreamTrimmer(
            redis, keep=settings.keep_in_stream, retention=settings.retention
        )
        self._nudge = OutboxNudge(database, redis)
        self._event_types: set[str] = set()
        self._next_upkeep = 0.0

    async def run(self) -> None:
        """Publishes until cancelled; survives restarts of PostgreSQL and Redis."""
        schema = self._database.schema
        async with self._nudge.ringing(), asyncio.TaskGroup() as group:
            group.create_task(keep_running(f"outbox nudge {schema}", self._nudge.listen))
            group.create_task(keep_running(f"outbox relay {schema}", self._stand_by_and_lead))

    async def drain_once(self) -> int:
        """Publishes everything that is waiting and says how much; 0 while another relay leads."""
        async with self._database.worker_connection() as connection:
            if not await self._rows.try_lead(connection):
                return 0
            await self._recover(connection, await self._mark.first_look())
            published = 0
            while batch := await self._publish_batch(connection):
                published += batch
            return published

    async def trim(self) -> int:
        """Cuts the streams this relay fills, behind their slowest readers."""
        return sum([await self._trimmer.trim(name) for name in sorted(self._event_types)])

    async def _stand_by_and_lead(self) -> None:
        async with self._leadership() as connection:
            _log.info("relay_leads", schema=self._database.schema)
            await self._recover(connection, await self._mark.first_look())
            self._event_types |= await self._rows.event_types(connection)
            while True:
                heed_cancellation()
                rested_at = time.monotonic() + self._settings.rest.total_seconds()
                published = await self._publish_batch(connection)
                await self._upkeep(connection)
                if published < self._settings.batch:
                    seconds = self._settings.poll.total_seconds()
                    await self._nudge.wait(seconds, not_before=rested_at)

    @asynccontextmanager
    async def _leadership(self) -> AsyncIterator[AsyncConnection]:
        """The advisory lock, held by the connection that reads and marks: lost together."""
        async with self._database.worker_connection() as connection:
            while not await self._rows.try_lead(connection):
                await self._nudge.wait(self._settings.poll.total_seconds())
            self._nudge.relay_is_here = True
            try:
                yield connection
            finally:
                self._nudge.relay_is_here = False

    async def _publish_batch(self, connection: AsyncConnection) -> int:
        """Read, put on the streams, mark. No transaction is open while Redis is being talked to.

        A crash between the last two publishes the batch twice; the inboxes absorb it.
        """
        rows = await self._rows.unpublished(connection, self._settings.batch)
        if not rows:
            await self._recover(connection, await self._mark.look())
            return 0
        loss = await self._put_on_streams(rows)
        if loss is not Loss.NOTHING:
            await self._recover(connection, loss)
            return len(rows)  # still unmarked: the next batch brings them again
        await self._rows.mark_published(connection, [row.id for row in rows])
        for event_type, count in Counter(row.event_type for row in rows).items():
            metrics.OUTBOX_PUBLISHED.labels(self._database.schema, event_type).inc(count)
        return len(rows)

    async def _put_on_streams(self, rows: Sequence[EventRow]) -> Loss:
        pipeline = self._redis.pipeline(transaction=False)
        value = self._mark.renew(pipeline)
        for row in rows:
            pipeline.xadd(stream_of(row.event_type), {ENVELOPE: row.envelope})
            self._event_types.add(row.event_type)
        previous, *_ = await pipeline.execute()
        return self._mark.renewed(value, previous)

    async def _recover(self, connection: AsyncConnection, loss: Loss) -> None:
        """Makes the outbox publish again what Redis lost, then renews the mark: in this order."""
        if loss is Loss.NOTHING:
            return
        window = self._settings.retention if loss is Loss.EVERYTHING else self._settings.tail
        again = await self._rows.publish_again(
            connection,
            window,
            oldest=2 * self._settings.retention,  # inboxes remember a little longer
        )
        await self._mark.restore()
        if again:
            _log.warning(
                "redis_lost_events", schema=self._database.schema, lost=loss.value, again=again
            )

    async def _upkeep(self, connection: AsyncConnection) -> None:
        if time.monotonic() < self._next_upkeep:
            return
        self._next_upkeep = time.monotonic() + self._settings.upkeep.total_seconds()
        pending, seconds = await self._rows.backlog(connection)
        metrics.OUTBOX_PENDING.labels(self._database.schema).set(pending)
        metrics.OUTBOX_LAG.labels(self._database.schema).set(seconds)
        await self.trim()
