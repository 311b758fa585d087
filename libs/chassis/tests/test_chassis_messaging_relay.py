"""From the outbox to the stream: in order, at least once, and again when Redis forgot."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import asyncpg
import pytest
from chassis_messaging_factories import (
    AURORA,
    BOREAL,
    STREAM,
    Notebook,
    consumer_of,
    notes,
    publish,
    running,
    ticket_created,
    tickets,
    until,
)
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.database import Database
from chassis.messaging import outbox
from chassis.messaging.epoch import Loss
from chassis.messaging.nudge import OutboxNudge
from chassis.messaging.outbox_rows import EventRow, OutboxRows
from chassis.messaging.relay import OutboxRelay, RelaySettings
from chassis.settings import DatabaseSettings
from shared_schemas.events import TicketCreated

pytestmark = pytest.mark.committed


async def insert(session: AsyncSession, event: TicketCreated) -> None:
    statement = outbox.insertion(session.info["schema"])
    await session.execute(statement, outbox.parameters(session, event))


async def on_stream(redis: Redis) -> list[TicketCreated]:
    entries: Any = await redis.xrange(STREAM)
    return [TicketCreated.model_validate_json(fields[b"envelope"]) for _, fields in entries]


async def is_on_stream(redis: Redis, event: TicketCreated) -> bool:
    return event in await on_stream(redis)


async def test_an_event_reaches_its_stream_once(database: Database, redis: Redis) -> None:
    event = ticket_created()
    await publish(database, event)
    relay = OutboxRelay(database, redis)
    assert await relay.drain_once() == 1
    assert await relay.drain_once() == 0
    assert await on_stream(redis) == [event]


async def test_events_keep_the_order_in_which_they_were_written(
    database: Database, redis: Redis
) -> None:
    events = [ticket_created(AURORA if n % 3 else BOREAL) for n in range(30)]
    await publish(database, *events)
    await OutboxRelay(database, redis, RelaySettings(batch=7)).drain_once()
    assert await on_stream(redis) == events


async def test_a_transaction_that_fails_publishes_nothing(database: Database, redis: Redis) -> None:
    with suppress(RuntimeError):
        async with database.transaction(AURORA) as session:
            outbox.add(session, ticket_created())
            await session.flush()
            raise RuntimeError
    assert await OutboxRelay(database, redis).drain_once() == 0


async def test_an_event_of_another_organization_is_refused(database: Database) -> None:
    async with database.transaction(AURORA) as session:
        with pytest.raises(ValueError, match="another organization"):
            outbox.add(session, ticket_created(BOREAL))


async def test_an_event_inserted_by_a_statement_is_published_like_any_other(
    database: Database, redis: Redis
) -> None:
    async with database.transaction(AURORA) as session:
        await insert(session, written := ticket_created())
        with suppress(RuntimeError):
            async with session.begin_nested():
                await insert(session, ticket_created())
                raise RuntimeError  # a savepoint takes its events back
        with pytest.raises(ValueError, match="another organization"):
            outbox.parameters(session, ticket_created(BOREAL))
    await OutboxRelay(database, redis).drain_once()
    assert await on_stream(redis) == [written]


async def test_a_late_commit_with_an_early_position_is_not_skipped(
    database: Database, redis: Redis
) -> None:
    early, late = ticket_created(), ticket_created()
    relay = OutboxRelay(database, redis)
    async with database.transaction(AURORA) as session:
        outbox.add(session, early)
        await session.flush()  # has its position, is not committed
        await publish(database, late)
        assert await relay.drain_once() == 1
    assert await relay.drain_once() == 1
    assert await on_stream(redis) == [late, early]


async def test_the_trace_travels_with_the_event(database: Database, redis: Redis) -> None:
    tracer = TracerProvider().get_tracer("test")
    with tracer.start_as_current_span("request") as span:
        await publish(database, ticket_created())
    await OutboxRelay(database, redis).drain_once()
    (event,) = await on_stream(redis)
    assert event.traceparent is not None
    assert trace.format_trace_id(span.get_span_context().trace_id) in event.traceparent


async def test_only_one_relay_leads(database: Database, redis: Redis) -> None:
    await publish(database, ticket_created())
    rows = OutboxRows(database.schema)
    async with database.worker_connection() as leader:
        assert await rows.try_lead(leader)
        assert await OutboxRelay(database, redis).drain_once() == 0
    assert await OutboxRelay(database, redis).drain_once() == 1


class Killed(BaseException):
    """Stands for kill -9: nothing after it runs."""


async def test_killed_between_publishing_and_marking_has_no_double_effect(
    database: Database,
    redis: Redis,
    superuser: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events = [ticket_created() for _ in range(5)]
    await publish(database, *events)

    async def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(OutboxRows, "mark_published", die)
        with pytest.raises(Killed):
            await OutboxRelay(database, redis).drain_once()
    assert await OutboxRelay(database, redis).drain_once() == 5
    assert len(await on_stream(redis)) == 10
    notebook = Notebook()
    await consumer_of(database, redis, notebook.write).drain_once()
    assert await notes(superuser) == tickets(*events)


async def test_an_emptied_redis_gets_everything_again(
    database: Database, redis: Redis, superuser: asyncpg.Connection
) -> None:
    events = [ticket_created() for _ in range(10)]
    relay = OutboxRelay(database, redis)
    consumer = consumer_of(database, redis, Notebook().write)
    await publish(database, *events[:5])
    await relay.drain_once()
    await consumer.drain_once()
    await publish(database, *events[5:])
    await relay.drain_once()

    await redis.flushdb()  # the second half was never read

    assert await relay.drain_once() == 10
    await consumer.drain_once()
    assert await notes(superuser) == tickets(*events)


async def test_a_redis_emptied_between_two_batches_is_noticed(
    database: Database, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [ticket_created() for _ in range(6)]
    await publish(database, *events)
    original = OutboxRows.mark_published
    flushed = False

    async def flush_then_mark(self: OutboxRows, *args: Any) -> None:
        nonlocal flushed
        if not flushed:
            await redis.flushdb()
        flushed = True
        await original(self, *args)

    monkeypatch.setattr(OutboxRows, "mark_published", flush_then_mark)
    await OutboxRelay(database, redis, RelaySettings(batch=2)).drain_once()
    found = await on_stream(redis)
    assert {event.event_id for event in found} == {event.event_id for event in events}


async def test_a_redis_that_lost_its_tail_gets_the_last_moments_again(
    database: Database, redis: Redis, superuser: asyncpg.Connection
) -> None:
    old, recent = ticket_created(), ticket_created()
    relay = OutboxRelay(database, redis)
    await publish(database, old)
    await relay.drain_once()
    await superuser.execute(
        "UPDATE chassis_test.outbox SET published_at = published_at - interval '1 hour'"
    )
    mark = await redis.get("outbox:epoch:chassis_test")
    await publish(database, recent)
    await relay.drain_once()
    # Redis restarts from a file that was written before the second batch.
    assert isinstance(mark, bytes)
    await redis.delete(STREAM)
    await redis.set("outbox:epoch:chassis_test", b"earlier-run/" + mark.partition(b"/")[2])

    assert await OutboxRelay(database, redis).drain_once() == 1
    assert await on_stream(redis) == [recent]


async def test_an_event_that_waited_long_is_published_again_like_any_other(
    database: Database, redis: Redis, superuser: asyncpg.Connection
) -> None:
    await publish(database, ticket_created())
    await superuser.execute(
        "UPDATE chassis_test.outbox SET created_at = created_at - interval '10 days'"
    )  # Redis was away that long
    await OutboxRelay(database, redis).drain_once()
    await redis.flushdb()
    assert await OutboxRelay(database, redis).drain_once() == 1


async def test_an_event_older_than_the_inboxes_memory_is_not_published_again(
    database: Database, redis: Redis, superuser: asyncpg.Connection
) -> None:
    await publish(database, ticket_created())
    await OutboxRelay(database, redis).drain_once()
    await superuser.execute(
        "UPDATE chassis_test.outbox SET created_at = created_at - interval '15 days'"
    )
    await redis.flushdb()
    assert await OutboxRelay(database, redis).drain_once() == 0


async def test_a_new_relay_publishes_nothing_twice_on_a_healthy_redis(
    database: Database, redis: Redis
) -> None:
    await publish(database, ticket_created())
    await OutboxRelay(database, redis).drain_once()
    assert await OutboxRelay(database, redis).drain_once() == 0


ONLY_NUDGES = RelaySettings(poll=timedelta(days=1))


async def relay_listens(redis: Redis) -> bool:
    marked = await redis.get("outbox:epoch:chassis_test")
    ((_, listeners),) = await redis.pubsub_numsub("channel:outbox:chassis_test")
    return bool(marked and listeners)


async def test_a_commit_wakes_the_relay_at_once(database: Database, redis: Redis) -> None:
    async with running(OutboxRelay(database, redis, ONLY_NUDGES).run()):
        await until(lambda: relay_listens(redis))
        # The first may be found without being told of; the second comes after the relay has looked.
        events = [ticket_created() for _ in range(3)]
        for event in events[:2]:
            await publish(database, event)
            await until(partial(is_on_stream, redis, event))
        async with database.transaction(AURORA) as session:
            await insert(session, events[2])
        await until(partial(is_on_stream, redis, events[2]))
    assert await on_stream(redis) == events


async def test_a_commit_in_another_process_wakes_the_relay_at_once(
    database: Database, chassis_settings: DatabaseSettings, redis: Redis
) -> None:
    elsewhere = Database(chassis_settings, schema=database.schema, application_name="elsewhere")
    async with (
        running(OutboxRelay(database, redis, ONLY_NUDGES).run()),
        OutboxNudge(elsewhere, redis).ringing(),
    ):
        await until(lambda: relay_listens(redis))
        events = [ticket_created() for _ in range(2)]
        for event in events:
            await publish(elsewhere, event)
            await until(partial(is_on_stream, redis, event))
    await elsewhere.close()
    assert await on_stream(redis) == events


async def test_a_burst_of_commits_travels_together(
    database: Database, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    put_on_streams = OutboxRelay._put_on_streams

    async def counting(relay: OutboxRelay, rows: Sequence[EventRow]) -> Loss:
        batches.append(len(rows))
        return await put_on_streams(relay, rows)

    monkeypatch.setattr(OutboxRelay, "_put_on_streams", counting)
    rests = RelaySettings(poll=timedelta(days=1), rest=timedelta(seconds=1))
    async with running(OutboxRelay(database, redis, rests).run()):
        await until(lambda: relay_listens(redis))
        await publish(database, first := ticket_created())
        await until(partial(is_on_stream, redis, first))
        burst = [ticket_created() for _ in range(5)]
        for event in burst:
            await publish(database, event)
        await until(partial(is_on_stream, redis, burst[-1]))
    assert batches == [1, 5]


async def test_an_idle_relay_notices_an_emptied_redis(database: Database, redis: Redis) -> None:
    quick = RelaySettings(poll=timedelta(milliseconds=20))
    async with running(OutboxRelay(database, redis, quick).run()):
        await publish(database, event := ticket_created())
        await until(partial(is_on_stream, redis, event))
        await redis.flushdb()
        await until(partial(is_on_stream, redis, event))
    assert await on_stream(redis) == [event]


async def test_streams_are_cut_only_behind_the_slowest_group(
    database: Database, redis: Redis
) -> None:
    relay = OutboxRelay(database, redis, RelaySettings(keep_in_stream=timedelta(0)))
    await publish(database, *[ticket_created() for _ in range(300)])
    await relay.drain_once()
    for group in ("fast", "slow"):
        await redis.xgroup_create(STREAM, group, id="0")
        await redis.xreadgroup(group, "a", {STREAM: ">"}, count=300, noack=group == "fast")
    slow: Any = await redis.xpending_range(STREAM, "slow", "-", "+", 300)
    ids = [row["message_id"] for row in slow]
    await redis.xack(STREAM, "slow", *ids[:250])
    await relay.trim()
    first: Any = await redis.xrange(STREAM, count=1)
    left = int(await redis.xlen(STREAM))
    assert left < 300
    assert first[0][0] <= ids[250]


async def test_a_stream_is_not_cut_while_a_known_group_is_missing(
    database: Database, redis: Redis
) -> None:
    relay = OutboxRelay(database, redis, RelaySettings(keep_in_stream=timedelta(0)))
    await publish(database, ticket_created())
    await relay.drain_once()
    await redis.xgroup_create(STREAM, "down", id="0")
    await relay.trim()
    await redis.flushdb()
    await relay.drain_once()
    await publish(database, *[ticket_created() for _ in range(300)])
    await relay.drain_once()
    await redis.xgroup_create(STREAM, "fast", id="$")
    await relay.trim()
    assert await redis.xlen(STREAM) == 301
