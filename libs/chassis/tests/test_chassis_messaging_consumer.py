"""From the stream to the handler: once in effect, poison set aside, nothing lost."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
import structlog
from chassis_data_schema import NOTES
from chassis_messaging_factories import (
    AT_ONCE,
    AURORA,
    BOREAL,
    GROUP,
    STREAM,
    Notebook,
    consumer_of,
    notes,
    publish,
    put_on_stream,
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
from chassis.messaging.backoff import Backoff
from chassis.messaging.consumer import ConsumerSettings, StreamConsumer, Subscription
from chassis.messaging.dead_letters import list_dead, redrive
from chassis.messaging.relay import OutboxRelay
from shared_schemas.events import TicketCreated, TicketUpdated
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed


async def is_settled(redis: Redis) -> bool:
    pending: Any = await redis.xpending(STREAM, GROUP)
    return bool(pending["pending"] == 0)


async def test_a_handler_runs_once_per_event(
    database: Database, redis: Redis, superuser: asyncpg.Connection
) -> None:
    events = [ticket_created(AURORA if n % 2 else BOREAL) for n in range(250)]
    await put_on_stream(redis, *events)
    await consumer_of(database, redis, Notebook().write).drain_once()
    assert await notes(superuser) == tickets(*events)
    assert await is_settled(redis)


async def test_a_batch_of_one_organization_is_one_transaction(
    database: Database, redis: Redis
) -> None:
    seen: list[int] = []

    async def remember(session: AsyncSession, _: TicketCreated) -> None:
        seen.append(await session.scalar(sa.select(sa.func.txid_current())) or 0)

    await put_on_stream(redis, *[ticket_created() for _ in range(50)])
    await consumer_of(database, redis, remember).drain_once()
    assert (len(seen), len(set(seen))) == (50, 1)


async def test_the_handler_works_as_the_events_tenant(database: Database, redis: Redis) -> None:
    visible: dict[Any, set[Any]] = {}
    notebook = Notebook()

    async def look(session: AsyncSession, event: TicketCreated) -> None:
        await notebook.write(session, event)
        found = await session.scalars(sa.select(NOTES.c.organization_id))
        visible.setdefault(event.organization_id, set()).update(found)

    await put_on_stream(redis, ticket_created(AURORA), ticket_created(BOREAL))
    await consumer_of(database, redis, look).drain_once()
    assert visible == {AURORA: {AURORA}, BOREAL: {BOREAL}}


async def test_a_duplicate_is_skipped_and_settled(
    database: Database, redis: Redis, superuser: asyncpg.Connection
) -> None:
    event = ticket_created()
    consumer = consumer_of(database, redis, Notebook().write)
    await put_on_stream(redis, event, event)
    await consumer.drain_once()
    await put_on_stream(redis, event)
    await consumer.drain_once()
    assert await notes(superuser) == tickets(event)
    assert await is_settled(redis)


async def test_events_published_before_the_first_start_are_handled(
    database: Database, redis: Redis, superuser: asyncpg.Connection
) -> None:
    event = ticket_created()
    await put_on_stream(redis, event)
    await consumer_of(database, redis, Notebook().write).drain_once()
    assert await notes(superuser) == tickets(event)


async def test_streams_are_merged_in_the_order_of_what_happened(
    database: Database, redis: Redis
) -> None:
    order: list[str] = []

    async def note(_: AsyncSession, event: TicketCreated | TicketUpdated) -> None:
        order.append(event.event_type)

    for _ in range(3):
        await put_on_stream(redis, ticket_created())
        updated = TicketUpdated.caused(
            organization_id=AURORA, correlation_id="r", ticket_id=new_id(), client_id=new_id()
        )
        await redis.xadd("events:ticket.updated", {"envelope": updated.model_dump_json()})
    consumer = StreamConsumer(
        database,
        redis,
        group=GROUP,
        subscriptions=[Subscription(TicketUpdated, note), Subscription(TicketCreated, note)],
    )
    await consumer.drain_once()
    assert order == ["ticket.created", "ticket.updated"] * 3


async def test_poison_dies_while_the_healthy_go_on(
    database: Database, redis: Redis, superuser: asyncpg.Connection
) -> None:
    events = [ticket_created() for _ in range(20)]
    notebook = Notebook(poison={events[7].payload.ticket_id})
    await put_on_stream(redis, *events)
    await consumer_of(database, redis, notebook.write).drain_once()

    assert await notes(superuser) == tickets(*events[:7], *events[8:])
    assert await is_settled(redis)
    (letter,) = await list_dead(redis, GROUP)
    assert (letter.event_id, letter.attempts) == (str(events[7].event_id), 3)
    assert letter.cause == "ValueError: this ticket is poison"
    assert await redis.hlen(f"events:failures:{GROUP}") == 0


async def test_the_line_about_a_dead_letter_names_its_own_event_only(
    database: Database, redis: Redis
) -> None:
    healthy, poisonous = ticket_created(), ticket_created()
    notebook = Notebook(poison={poisonous.payload.ticket_id})
    consumer = consumer_of(database, redis, notebook.write)
    with structlog.testing.capture_logs(
        processors=[structlog.contextvars.merge_contextvars]
    ) as logs:
        for envelope in (healthy, poisonous):
            await put_on_stream(redis, envelope)
            await consumer.drain_once()
        await redis.xadd(STREAM, {"envelope": "{}"})
        await consumer.drain_once()

    dead = [entry for entry in logs if entry["event"] == "event_dead"]
    assert [entry.get("event_id") for entry in dead] == [str(poisonous.event_id), None]
    assert [entry.get("request_id") for entry in dead] == [poisonous.correlation_id, None]


async def test_a_redriven_letter_is_handled_by_its_service_alone(
    database: Database, redis: Redis, superuser: asyncpg.Connection
) -> None:
    event = ticket_created()
    notebook = Notebook(poison={event.payload.ticket_id})
    consumer = consumer_of(database, redis, notebook.write)
    await put_on_stream(redis, event)
    await consumer.drain_once()

    notebook.poison.clear()
    assert await redrive(redis, GROUP, "all") == 1
    await consumer.drain_once()
    assert await notes(superuser) == tickets(event)
    assert await list_dead(redis, GROUP) == []
    assert await redis.xlen(STREAM) == 1
    assert await redis.xlen(f"events:redrive:{GROUP}") == 0


async def test_a_letter_redriven_in_vain_dies_again(database: Database, redis: Redis) -> None:
    events = [ticket_created() for _ in range(3)]
    notebook = Notebook(poison={event.payload.ticket_id for event in events})
    consumer = consumer_of(database, redis, notebook.write)
    await put_on_stream(redis, *events)
    await consumer.drain_once()
    first = (await list_dead(redis, GROUP))[0]
    assert await redrive(redis, GROUP, [first.id]) == 1
    await consumer.drain_once()
    letters = await list_dead(redis, GROUP)
    assert [letter.event_id for letter in letters] == [
        str(event.event_id) for event in (events[1], events[2], events[0])
    ]


async def test_letters_are_listed_in_pages(database: Database, redis: Redis) -> None:
    for _ in range(5):
        await redis.xadd(STREAM, {"envelope": "{}"})
    await consumer_of(database, redis, Notebook().write).drain_once()
    first = await list_dead(redis, GROUP, limit=3)
    rest = await list_dead(redis, GROUP, limit=3, after=first[-1].id)
    assert (len(first), len(rest)) == (3, 2)


@pytest.mark.parametrize(
    ("envelope", "cause"),
    [
        (b"\xff not json", "invalid envelope: not JSON"),
        (b'{"event_type": "ticket.created", "version": 1}', "invalid envelope: correlation_id"),
        (b'{"event_type": "ticket.created", "version": 9}', "no handler for ticket.created"),
    ],
)
async def test_what_cannot_be_understood_dies_at_once(
    database: Database, redis: Redis, envelope: bytes, cause: str
) -> None:
    await redis.xadd(STREAM, {"envelope": envelope})
    await consumer_of(database, redis, Notebook().write).drain_once()
    (letter,) = await list_dead(redis, GROUP)
    assert letter.cause.startswith(f"UndecodableEvent: {cause}")
    assert await is_settled(redis)


async def test_a_failure_is_tried_again_later_not_at_once(database: Database, redis: Redis) -> None:
    event = ticket_created()
    notebook = Notebook(poison={event.payload.ticket_id})
    hour = timedelta(hours=1)
    patient = ConsumerSettings(backoff=Backoff(first=hour, longest=hour))
    await put_on_stream(redis, event)
    consumer = consumer_of(database, redis, notebook.write, patient)
    async with running(consumer.run()):
        await until(lambda: has_failed(redis))
        await put_on_stream(redis, healthy := ticket_created())
        await until(lambda: was_called(notebook, healthy))
    assert notebook.calls == [event.payload.ticket_id, healthy.payload.ticket_id]
    assert await list_dead(redis, GROUP) == []


async def test_draining_again_does_not_hurry_what_waits(database: Database, redis: Redis) -> None:
    event = ticket_created()
    notebook = Notebook(poison={event.payload.ticket_id})
    hour = timedelta(hours=1)
    patient = ConsumerSettings(backoff=Backoff(first=hour, longest=hour))
    await put_on_stream(redis, event)
    consumer = consumer_of(database, redis, notebook.write, patient)
    await consumer.drain_once()
    await consumer.drain_once()
    assert len(notebook.calls) == 1


async def has_failed(redis: Redis) -> bool:
    return bool(await redis.hlen(f"events:failures:{GROUP}"))


async def was_called(notebook: Notebook, event: TicketCreated) -> bool:
    return event.payload.ticket_id in notebook.calls


async def test_failures_are_counted_across_restarts(database: Database, redis: Redis) -> None:
    event = ticket_created()
    notebook = Notebook(poison={event.payload.ticket_id})
    patient = ConsumerSettings(max_attempts=3)  # each consumer below tries once
    await put_on_stream(redis, event)
    for _ in range(3):
        await consumer_of(database, redis, notebook.write, patient).drain_once()
    (letter,) = await list_dead(redis, GROUP)
    assert letter.attempts == 3


async def test_a_handler_that_hangs_is_given_up(database: Database, redis: Redis) -> None:
    async def hang(_session: AsyncSession, _event: TicketCreated) -> None:
        await asyncio.Event().wait()

    await put_on_stream(redis, ticket_created())
    impatient = ConsumerSettings(
        max_attempts=1, time_limit=timedelta(milliseconds=20), backoff=AT_ONCE.backoff
    )
    await consumer_of(database, redis, hang, impatient).drain_once()
    (letter,) = await list_dead(redis, GROUP)
    assert letter.cause == "HandlerTooSlow: no end after 0.02 s"


async def test_a_handlers_events_are_published_with_its_effect(
    database: Database, redis: Redis
) -> None:
    async def answer(session: AsyncSession, event: TicketCreated) -> None:
        outbox.add(
            session,
            TicketUpdated.caused(
                organization_id=event.organization_id,
                correlation_id=event.correlation_id,
                ticket_id=event.payload.ticket_id,
                client_id=event.payload.client_id,
            ),
        )

    await put_on_stream(redis, ticket_created())
    await consumer_of(database, redis, answer).drain_once()
    assert await OutboxRelay(database, redis).drain_once() == 1
    entries: Any = await redis.xrange("events:ticket.updated")
    ((_, fields),) = entries
    followed = TicketUpdated.model_validate_json(fields[b"envelope"])
    assert followed.correlation_id == "request-1"


async def test_the_handler_continues_the_trace(database: Database, redis: Redis) -> None:
    traces: list[int] = []

    async def look(_session: AsyncSession, _event: TicketCreated) -> None:
        traces.append(trace.get_current_span().get_span_context().trace_id)

    with TracerProvider().get_tracer("test").start_as_current_span("request") as span:
        await publish(database, ticket_created())
    await OutboxRelay(database, redis).drain_once()
    await consumer_of(database, redis, look).drain_once()
    assert traces == [span.get_span_context().trace_id]


async def test_a_group_that_redis_forgot_is_created_again(
    database: Database, redis: Redis, superuser: asyncpg.Connection
) -> None:
    first, second = ticket_created(), ticket_created()
    notebook = Notebook()
    async with running(consumer_of(database, redis, notebook.write).run()):
        await put_on_stream(redis, first)
        await until(lambda: was_called(notebook, first))
        await redis.flushdb()
        await put_on_stream(redis, second)
        await until(lambda: was_called(notebook, second), seconds=3)  # before its lease is renewed
        await until(lambda: is_settled(redis))
    assert await notes(superuser) == tickets(first, second)


async def test_an_entry_of_a_dead_member_is_taken_over(
    database: Database, redis: Redis, superuser: asyncpg.Connection
) -> None:
    event = ticket_created()
    await put_on_stream(redis, event)
    await redis.xgroup_create(STREAM, GROUP, id="0")
    await redis.xreadgroup(GROUP, f"{GROUP}-7", {STREAM: ">"})  # and then it was killed
    eager = ConsumerSettings(abandoned_after=timedelta(milliseconds=1))
    notebook = Notebook()
    async with running(consumer_of(database, redis, notebook.write, eager).run()):
        await until(lambda: was_called(notebook, event))
        await until(lambda: is_settled(redis))
    assert await notes(superuser) == tickets(event)


async def test_an_entry_that_kills_its_consumers_is_set_aside(
    database: Database, redis: Redis
) -> None:
    await put_on_stream(redis, ticket_created())
    await redis.xgroup_create(STREAM, GROUP, id="0")
    await redis.xreadgroup(GROUP, f"{GROUP}-0", {STREAM: ">"})
    entries: Any = await redis.xrange(STREAM)
    ((entry_id, _),) = entries
    await redis.xclaim(STREAM, GROUP, f"{GROUP}-0", 0, [entry_id], retrycount=21)
    notebook = Notebook()
    await consumer_of(database, redis, notebook.write).drain_once()
    (letter,) = await list_dead(redis, GROUP)
    assert letter.cause == "delivered 21 times without an outcome"
    assert notebook.calls == []


async def test_members_have_stable_names(database: Database, redis: Redis) -> None:
    for _ in range(3):
        await consumer_of(database, redis, Notebook().write).drain_once()
    await put_on_stream(redis, ticket_created())
    async with (
        running(consumer_of(database, redis, Notebook().write).run()),
        running(consumer_of(database, redis, Notebook().write).run()),
    ):
        await until(lambda: has_members(redis, 2))
    found: Any = await redis.xinfo_consumers(STREAM, GROUP)
    assert {row["name"] for row in found} == {b"test-svc-0", b"test-svc-1"}


async def has_members(redis: Redis, count: int) -> bool:
    found: Any = await redis.xinfo_consumers(STREAM, GROUP)
    return len(found) == count


async def test_two_members_share_the_work_without_doubling_it(
    database: Database, redis: Redis, superuser: asyncpg.Connection
) -> None:
    events = [ticket_created(AURORA if n % 2 else BOREAL) for n in range(400)]
    await put_on_stream(redis, *events)
    first = consumer_of(database, redis, Notebook().write)
    second = consumer_of(database, redis, Notebook().write)
    await asyncio.gather(first.drain_once(), second.drain_once())
    assert await notes(superuser) == tickets(*events)
