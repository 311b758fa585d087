"""From a committed outbox row to a committed effect: the chassis' relay and consumer at work."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
from redis.asyncio import Redis
from sqlalchemy import event as orm_event
from sqlalchemy.ext.asyncio import AsyncSession

from bench import event_floors, event_store
from bench.chassis_database import open_database
from bench.figures import Goal, Outcome, figure, percentile, ratios
from bench.servers import Servers, running_servers
from chassis.data.database import Database
from chassis.messaging import outbox
from chassis.messaging.consumer import StreamConsumer, Subscription
from chassis.messaging.relay import OutboxRelay
from shared_schemas.events import TicketCreated

_EVENTS = 5_000
_SLOW_EVENTS = 500  # the naive loop needs a second for these
_BATCH = 100
_ROUNDS = 5
_SINGLES = 60
_PAUSE_SECONDS = 0.05

METHOD = f"""
Throughput: {_EVENTS:,} events (`ticket.created`, ten organizations) are committed to the
outbox at once; the clock runs from that commit until the inbox row of the last one is
committed. The product is the real `OutboxRelay` and `StreamConsumer` with one subscription
whose handler counts, on one event loop. *Batch floor*: the same events on bare asyncpg and
redis-py, relay and consumer side by side on one loop: {_BATCH} rows claimed, {_BATCH} XADDs
pipelined, one UPDATE, one commit; then XREADGROUP {_BATCH}, one INSERT of many rows into the
inbox, one commit, one XACK; all that as superuser and without tenants. *One-row loop*: the
same code with 1 instead of {_BATCH}, over {_SLOW_EVENTS} events. PostgreSQL and Valkey are
durable; everything is emptied before each round; rounds alternate. Latency: {_SINGLES} single
events per round, each published with `outbox.add` in a transaction of its own,
{_PAUSE_SECONDS * 1000:.0f} ms apart; from the return of that commit to the commit of the
handler's transaction.
"""


@dataclass(frozen=True, slots=True)
class _Bench:
    servers: Servers
    admin: asyncpg.Connection
    pool: asyncpg.Pool
    redis: Redis
    source: Database
    target: Database


@dataclass(slots=True)
class _Counter:
    """The handler: it does nothing but notice how far it is."""

    expected: int
    seen: int = 0
    all_seen: asyncio.Event = field(default_factory=asyncio.Event)
    committed_at: dict[UUID, float] = field(default_factory=dict)

    async def count(self, _session: AsyncSession, _event: TicketCreated) -> None:
        self._one_more()

    def _one_more(self) -> None:
        self.seen += 1
        if self.seen == self.expected:
            self.all_seen.set()

    async def time(self, session: AsyncSession, event: TicketCreated) -> None:
        @orm_event.listens_for(session.sync_session, "after_commit", once=True)
        def committed(_session: Any) -> None:
            self.committed_at[event.event_id] = time.perf_counter()
            self._one_more()


async def measure() -> Outcome:
    """Throughput in alternating rounds, then latency."""
    ours: list[float] = []
    floor: list[float] = []
    naive: list[float] = []
    with running_servers() as servers:
        async with AsyncExitStack() as stack:
            bench = await _open(stack, servers)
            for round_number in range(_ROUNDS + 1):
                rates = (
                    await _floor(bench, _EVENTS, _BATCH),
                    await _ours(bench, _EVENTS),
                    await _floor(bench, _SLOW_EVENTS, 1),
                )
                if round_number:  # the first round warms up
                    for found, rate in zip((floor, ours, naive), rates, strict=True):
                        found.append(rate)
            latencies = [await _latencies(bench) for _ in range(_ROUNDS)]
    p50 = [percentile(sorted(round_), 0.5) for round_ in latencies]
    p95 = [percentile(sorted(round_), 0.95) for round_ in latencies]
    return Outcome(
        METHOD,
        [
            ratios("events, product over the batch floor", ours, floor, Goal(at_least=0.4)),
            ratios("events, product over the one-row loop", ours, naive, Goal(at_least=5)),
            figure("commit to handled, p50", p50, "ms", Goal(below=50)),
            figure("commit to handled, p95", p95, "ms"),
            figure("product", ours, "events/s"),
            figure("batch floor", floor, "events/s"),
            figure("one-row loop", naive, "events/s"),
        ],
    )


async def _open(stack: AsyncExitStack, servers: Servers) -> _Bench:
    await event_store.create_schemas(servers)
    admin = await asyncpg.connect(servers.plain_url("postgres"))
    stack.push_async_callback(admin.close)
    pool = await stack.enter_async_context(
        asyncpg.create_pool(servers.plain_url("postgres"), min_size=2, max_size=2)
    )
    redis = Redis.from_url(servers.redis_url)
    stack.push_async_callback(redis.aclose)
    source = await stack.enter_async_context(open_database(servers, event_store.SOURCE))
    target = await stack.enter_async_context(open_database(servers, event_store.TARGET))
    return _Bench(servers, admin, pool, redis, source, target)


async def _floor(bench: _Bench, count: int, batch: int) -> float:
    await _empty(bench)
    await event_store.commit_to_outbox(bench.admin, event_store.events(count))
    started = time.perf_counter()
    await event_floors.move(bench.pool, bench.redis, count, batch)
    seconds = time.perf_counter() - started
    await _check(bench, count)
    return count / seconds


async def _ours(bench: _Bench, count: int) -> float:
    await _empty(bench)
    counter = _Counter(count)
    async with _running(bench, counter.count):
        await event_store.commit_to_outbox(bench.admin, event_store.events(count))
        started = time.perf_counter()
        bench.source.outbox_written()
        await asyncio.wait_for(counter.all_seen.wait(), 120)
        await _last_commit(bench, count)
        seconds = time.perf_counter() - started
    await _check(bench, count)
    return count / seconds


async def _latencies(bench: _Bench) -> list[float]:
    await _empty(bench)
    counter = _Counter(_SINGLES)
    published_at: dict[UUID, float] = {}
    async with _running(bench, counter.time):
        for event in event_store.events(_SINGLES):
            async with bench.source.transaction(event.organization_id) as session:
                outbox.add(session, event)
            published_at[event.event_id] = time.perf_counter()
            await asyncio.sleep(_PAUSE_SECONDS)
        await asyncio.wait_for(counter.all_seen.wait(), 30)
    return [(counter.committed_at[id_] - then) * 1000 for id_, then in published_at.items()]


@asynccontextmanager
async def _running(
    bench: _Bench, handler: Callable[[AsyncSession, TicketCreated], Awaitable[None]]
) -> AsyncIterator[None]:
    """Relay and consumer as services run them."""
    relay = OutboxRelay(bench.source, bench.redis)
    consumer = StreamConsumer(
        bench.target,
        bench.redis,
        group="bench",
        subscriptions=[Subscription(TicketCreated, handler)],
    )
    tasks = [asyncio.create_task(relay.run()), asyncio.create_task(consumer.run())]
    try:
        yield
    finally:
        await _cancel(tasks)


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Until they have ended: before Python 3.12 `wait_for` may swallow a cancellation."""
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=0.5)


async def _last_commit(bench: _Bench, count: int) -> None:
    """The last handler has run; its transaction commits within a moment."""
    while True:
        if await event_store.handled(bench.admin) >= count:
            return
        await asyncio.sleep(0.005)


async def _empty(bench: _Bench) -> None:
    await event_store.empty(bench.admin)
    await bench.redis.flushdb()


async def _check(bench: _Bench, count: int) -> None:
    found = await event_store.handled(bench.admin)
    if found != count:
        raise AssertionError(f"{found} of {count} events were handled")
