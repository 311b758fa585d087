"""Events, handlers and shortcuts for the tests of messaging."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from chassis_data_schema import NOTES
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.database import Database
from chassis.messaging import outbox
from chassis.messaging.backoff import Backoff
from chassis.messaging.consumer import ConsumerSettings, StreamConsumer, Subscription
from shared_schemas.events import TicketCreated
from shared_schemas.ids import OrganizationId, new_id

AURORA = OrganizationId(UUID("0192a000-0000-7000-8000-00000000a001"))
BOREAL = OrganizationId(UUID("0192a000-0000-7000-8000-00000000b001"))
STREAM = "events:ticket.created"
GROUP = "test-svc"

AT_ONCE = ConsumerSettings(
    max_attempts=3, backoff=Backoff(first=timedelta(0), longest=timedelta(0))
)


def ticket_created(organization_id: OrganizationId = AURORA, **changes: Any) -> TicketCreated:
    """A ticket.created event."""
    return TicketCreated.caused(
        organization_id=organization_id,
        correlation_id="request-1",
        **{"ticket_id": new_id(), "client_id": new_id()} | changes,
    )


async def publish(database: Database, *events: TicketCreated) -> None:
    """Each event in a transaction of its own."""
    for event in events:
        async with database.transaction(event.organization_id) as session:
            outbox.add(session, event)


async def put_on_stream(redis: Redis, *events: TicketCreated) -> None:
    """Straight onto the stream, as a relay would."""
    for event in events:
        await redis.xadd(STREAM, {"envelope": event.model_dump_json()})


@dataclass
class Notebook:
    """A handler with an effect in the database: one note per ticket. Poisoned tickets fail."""

    poison: set[UUID] = field(default_factory=set)
    calls: list[UUID] = field(default_factory=list)
    correlation_ids: list[str] = field(default_factory=list)

    async def write(self, session: AsyncSession, event: TicketCreated) -> None:
        """The handler."""
        self.calls.append(event.payload.ticket_id)
        self.correlation_ids.append(event.correlation_id)
        await session.execute(
            sa.insert(NOTES).values(
                id=new_id(),
                organization_id=event.organization_id,
                body=str(event.payload.ticket_id),
            )
        )
        if event.payload.ticket_id in self.poison:
            raise ValueError("this ticket is poison")


def consumer_of(
    database: Database,
    redis: Redis,
    handler: Callable[[AsyncSession, TicketCreated], Awaitable[None]],
    settings: ConsumerSettings = AT_ONCE,
) -> StreamConsumer:
    """A consumer of ticket.created."""
    return StreamConsumer(
        database,
        redis,
        group=GROUP,
        subscriptions=[Subscription(TicketCreated, handler)],
        settings=settings,
    )


async def notes(superuser: Any) -> list[str]:
    """Bodies of all notes of all tenants."""
    rows = await superuser.fetch("SELECT body FROM chassis_test.notes")
    return sorted(row["body"] for row in rows)


def tickets(*events: TicketCreated) -> list[str]:
    """What `notes` should be when each event had its effect once."""
    return sorted(str(event.payload.ticket_id) for event in events)


async def until(check: Callable[[], Awaitable[bool]], seconds: float = 10.0) -> None:
    """Returns as soon as `check` holds; fails when it does not within the time."""
    async with asyncio.timeout(seconds):
        while not await check():  # noqa: ASYNC110 - the condition lives on a server
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(service: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """A background service for the length of the context. It must not end by itself."""
    task = asyncio.create_task(service)
    try:
        yield task
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
