"""Looking through all that the running system wrote, for what tests have planted."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import asyncpg
import httpx
from redis.asyncio import Redis
from span_receiver import SpanReceiver
from system_stack import Stack

from devstack.planted import WATCH

_OUTBOXES: Final = "SELECT envelope FROM crm.outbox UNION ALL SELECT envelope FROM ai.outbox"


async def leaks(stack: Stack, spans: SpanReceiver) -> list[str]:
    """Where a planted value stands, and which test planted it: log files, spans, metrics, events,
    streams and dead letters."""
    found: list[str] = []
    for path in sorted(stack.settings.logs.rglob("*.log*")):
        text = await asyncio.to_thread(path.read_text, errors="replace")
        found += WATCH.found_in(path.name, text)
    found += WATCH.found_in(
        "spans", "\n".join(body.decode(errors="replace") for body in spans.bodies)
    )
    for service, text in await _metrics(stack):
        found += WATCH.found_in(f"metrics of {service}", text)
    connection = await asyncpg.connect(stack.database_url("postgres"))
    try:
        envelopes = [row[0] for row in await connection.fetch(_OUTBOXES)]
    finally:
        await connection.close()
    found += WATCH.found_in("outbox", "\n".join(envelopes))
    async with Redis.from_url(stack.redis_url) as redis:
        async for name, text in _streams(redis):
            found += WATCH.found_in(name, text)
    return found


async def _metrics(stack: Stack) -> list[tuple[str, str]]:
    """With every label there is, as Prometheus collects them."""
    topology = stack.topology
    async with httpx.AsyncClient(trust_env=False) as http:
        texts = []
        for service in (topology.core_api, topology.ai_svc, topology.worker_svc):
            answer = await http.get(f"http://127.0.0.1:{service.port}/metrics")
            answer.raise_for_status()
            assert "# TYPE" in answer.text, service.name
            texts.append((service.name, answer.text))
    return texts


async def _streams(redis: Redis) -> AsyncIterator[tuple[str, str]]:
    async for key in redis.scan_iter(match="events:*", _type="stream", count=1_000):
        entries: Any = await redis.xrange(key)
        values = [value for _, fields in entries for value in fields.values()]
        yield key.decode(), "\n".join(value.decode(errors="replace") for value in values)
