"""A created ticket waits for triage, once, in its own organization."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis

from ai_svc.modules.triage.service import SUBSCRIPTIONS
from ai_svc.workshop import Workshop
from chassis.messaging.backoff import Backoff
from chassis.messaging.consumer import ConsumerSettings, StreamConsumer
from devstack.people import PEOPLE
from devstack.testing import DatabaseUrls
from shared_schemas.events import TicketCreated
from shared_schemas.ids import OrganizationId, new_id

pytestmark = pytest.mark.committed

AURORA = OrganizationId(PEOPLE["ana"].organization.id)
AT_ONCE = ConsumerSettings(backoff=Backoff(first=timedelta(0), longest=timedelta(0)))


@pytest.fixture
async def redis(app: FastAPI) -> AsyncIterator[Redis]:
    """Without streams of earlier tests."""
    redis: Redis = app.state.resources.redis
    await redis.flushdb()
    yield redis
    await redis.flushdb()


def ticket_created(ticket_id: UUID | None = None) -> TicketCreated:
    return TicketCreated.caused(
        organization_id=AURORA,
        correlation_id="req-1",
        ticket_id=ticket_id or new_id(),
        client_id=new_id(),
    )


async def consume(app: FastAPI, redis: Redis, *events: TicketCreated) -> None:
    workshop: Workshop = app.state.workshop
    for event in events:
        await redis.xadd("events:ticket.created", {"envelope": event.model_dump_json()})
    consumer = StreamConsumer(
        workshop.database, redis, group="ai-svc", subscriptions=SUBSCRIPTIONS, settings=AT_ONCE
    )
    await consumer.drain_once()


async def triages(urls: DatabaseUrls) -> list[Any]:
    connection = await asyncpg.connect(urls.superuser)
    rows: list[Any] = await connection.fetch("SELECT * FROM ai.triages ORDER BY created_at")
    await connection.close()
    return rows


async def test_ticket_waits_for_triage(
    app: FastAPI, redis: Redis, database_urls: DatabaseUrls, clean: None
) -> None:
    event = ticket_created()

    await consume(app, redis, event)

    (row,) = await triages(database_urls)
    assert row["organization_id"] == AURORA
    assert row["ticket_id"] == event.payload.ticket_id
    assert row["client_id"] == event.payload.client_id
    assert row["status"] == "waiting"
    assert row["opened_at"] == event.timestamp


async def test_same_ticket_waits_once(
    app: FastAPI, redis: Redis, database_urls: DatabaseUrls, clean: None
) -> None:
    event = ticket_created()

    await consume(app, redis, event, event)
    await consume(app, redis, ticket_created(ticket_id=event.payload.ticket_id))

    assert len(await triages(database_urls)) == 1
    assert await redis.xlen("events:dead:ai-svc") == 0
    assert (await redis.xpending("events:ticket.created", "ai-svc"))["pending"] == 0
