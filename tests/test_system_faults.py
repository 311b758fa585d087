"""Servers die, stop and lose their memory under load; what was accepted is still there, once."""

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import httpx
import pytest
from redis.asyncio import Redis
from system_ledger import tickets_under_load
from system_stack import Stack, eventually, running_stack, wait_until_indexed

from chassis.messaging.dead_letters import count_dead, redrive
from chassis.messaging.streams import ENVELOPE
from devstack.generated_secrets import load_or_generate
from devstack.ports import free_port
from devstack.servers.service import ServiceServer
from devstack.topology import build_topology

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

PARAGRAPH = "O prazo de entrega do alvará é de dez dias úteis, contados do protocolo. " * 12


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Of this module's own. Short leases, so that a dead worker's jobs are soon free."""
    with running_stack(durable=True, INGESTION_LEASE="PT3S") as running:
        yield running


@pytest.fixture(scope="module")
async def ana(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with await stack.client("ana") as client:
        yield client


@pytest.fixture(scope="module")
async def client_id(ana: httpx.AsyncClient) -> str:
    response = await ana.post(
        "/api/v1/clients", json={"kind": "company", "name": "Padaria Sol Nascente"}
    )
    assert response.status_code == 201, response.text
    return str(response.json()["data"]["id"])


async def test_worker_killed_twenty_times_indexes_every_document_once(
    stack: Stack, ana: httpx.AsyncClient
) -> None:
    worker = stack.topology.worker_svc
    reference = await wait_until_indexed(ana, await _submit(ana, "referência"))
    accepted = []

    for round_number in range(20):
        accepted += [await _submit(ana, f"rodada {round_number}, {part}") for part in "abc"]
        await asyncio.sleep(0.02 * (round_number % 7))  # the kill lands in a different stage
        worker.stop(immediate=True)
        worker.start()
    await asyncio.to_thread(worker.wait_until_ready)

    for document_id in accepted:
        await wait_until_indexed(ana, document_id, seconds=120)
    async with _superuser(stack) as database:
        chunks = await _count_by_document(database, "chunks", accepted)
        events = await _indexed_events(database, accepted)
    assert chunks == dict.fromkeys(accepted, reference["chunk_count"])
    assert events == dict.fromkeys(accepted, 1)


async def test_worker_that_wakes_after_its_lease_cannot_write(
    stack: Stack, ana: httpx.AsyncClient
) -> None:
    worker = stack.topology.worker_svc
    assert worker.process is not None
    accepted = [await _submit(ana, f"sono {number}") for number in range(30)]
    async with _superuser(stack) as database:
        held = await _freeze_holding_jobs(worker, database)
    successor = _second_worker(stack)
    try:
        successor.start()
        for document_id in accepted:
            await wait_until_indexed(ana, document_id, seconds=60)
        worker.process.send_signal(signal.SIGCONT)
        await asyncio.to_thread(worker.wait_until_ready)
        await asyncio.sleep(1)  # what the sleeper still wants to write, it tries now
    finally:
        worker.process.send_signal(signal.SIGCONT)
        successor.stop()

    async with _superuser(stack) as database:
        events = await _indexed_events(database, accepted)
        chunks = await _count_by_document(database, "chunks", accepted)
    assert held
    assert events == dict.fromkeys(accepted, 1)
    assert len(set(chunks.values())) == 1  # alike texts, alike many chunks: nobody wrote twice


async def test_redis_flushed_and_restarted_empty_loses_no_event(
    stack: Stack, ana: httpx.AsyncClient, client_id: str
) -> None:
    redis_server = stack.topology.redis
    async with tickets_under_load(ana, client_id) as ledger:
        await asyncio.sleep(1)
        await _flush(stack)
        await asyncio.sleep(1)
        redis_server.stop(immediate=True)
        shutil.rmtree(redis_server.data)
        await asyncio.sleep(1)
        redis_server.start()
        await asyncio.to_thread(redis_server.wait_until_ready)
        await asyncio.sleep(1)

    assert ledger.refused == []
    assert ledger.unanswered == 0
    await _eventually_triaged(stack, ledger.accepted)


async def test_postgresql_restarted_at_once_loses_no_acknowledged_write(
    stack: Stack, ana: httpx.AsyncClient, client_id: str
) -> None:
    postgres = stack.topology.postgres
    async with tickets_under_load(ana, client_id) as ledger:
        await asyncio.sleep(1)
        before = len(ledger.accepted)
        postgres.stop(immediate=True)
        postgres.start()
        await asyncio.to_thread(postgres.wait_until_ready)
        await eventually(lambda: _more_than(ledger.accepted, before + 5))

    assert set(ledger.refused) <= {502, 503}
    async with _superuser(stack) as database:
        stored = await database.fetch("SELECT id FROM crm.tickets")
    assert set(ledger.accepted) <= {str(row["id"]) for row in stored}
    await _eventually_triaged(stack, ledger.accepted)


async def test_poison_event_is_set_aside_while_healthy_ones_go_on(
    stack: Stack, ana: httpx.AsyncClient, client_id: str
) -> None:
    async with Redis.from_url(stack.redis_url) as redis:
        dead_before = await count_dead(redis, "ai-svc")
        await redis.xadd("events:ticket.created", {ENVELOPE: b"\x00 not an event"})
        async with tickets_under_load(ana, client_id, most=20) as ledger:
            await eventually(lambda: _more_than(ledger.accepted, 19))
        await _eventually_triaged(stack, ledger.accepted)
        await eventually(lambda: _dead_letters(redis, dead_before + 1))

        assert await redrive(redis, "ai-svc", "all") >= 1
        await eventually(lambda: _dead_letters(redis, dead_before + 1))  # still poison: back again


def _second_worker(stack: Stack) -> ServiceServer:
    ports = replace(stack.settings.ports, worker_svc=free_port())
    settings = replace(stack.settings, ports=ports)
    return build_topology(settings, load_or_generate(settings.state)).worker_svc


async def _freeze_holding_jobs(worker: ServiceServer, database: asyncpg.Connection) -> int:
    """Stops the worker at a moment when it holds jobs; how many it holds."""

    async def frozen() -> int:
        assert worker.process is not None
        worker.process.send_signal(signal.SIGSTOP)
        held: int = await database.fetchval(
            "SELECT count(*) FROM ai.ingestion_queue WHERE state = 'processing'"
        )
        if not held:
            worker.process.send_signal(signal.SIGCONT)
        return held

    return await eventually(frozen, seconds=20)


async def _submit(client: httpx.AsyncClient, title: str) -> str:
    response = await client.post(
        "/api/v1/rag/documents", json={"title": title, "text": f"{title}\n\n{PARAGRAPH}\n" * 4}
    )
    assert response.status_code == 202, response.text
    return str(response.json()["data"]["id"])


async def _count_by_document(
    database: asyncpg.Connection, table: str, document_ids: list[str]
) -> dict[str, int]:
    rows = await database.fetch(
        f"SELECT document_id, count(*) FROM ai.{table} "
        "WHERE document_id = ANY($1::uuid[]) GROUP BY 1",
        document_ids,
    )
    return {str(row["document_id"]): row["count"] for row in rows}


async def _indexed_events(database: asyncpg.Connection, document_ids: list[str]) -> dict[str, int]:
    rows = await database.fetch(
        "SELECT envelope::jsonb->'payload'->>'document_id' AS id, count(*) FROM ai.outbox "
        "WHERE event_type = 'document.indexed' "
        "AND envelope::jsonb->'payload'->>'document_id' = ANY($1::text[]) GROUP BY 1",
        document_ids,
    )
    return {row["id"]: row["count"] for row in rows}


async def _eventually_triaged(stack: Stack, ticket_ids: list[str]) -> None:
    """Every ticket has reached ai-svc, and exactly once."""
    assert ticket_ids
    async with _superuser(stack) as database:

        async def all_there() -> bool:
            found = await database.fetchval(
                "SELECT count(*) FROM ai.triages WHERE ticket_id = ANY($1::uuid[])", ticket_ids
            )
            return bool(found == len(ticket_ids))

        await eventually(all_there, seconds=60)


async def _flush(stack: Stack) -> None:
    async with Redis.from_url(stack.redis_url) as redis:
        await redis.flushall()


async def _dead_letters(redis: Redis, least: int) -> bool:
    return await count_dead(redis, "ai-svc") >= least


async def _more_than(accepted: list[str], count: int) -> bool:
    return len(accepted) > count


@asynccontextmanager
async def _superuser(stack: Stack) -> Any:
    connection = await asyncpg.connect(stack.database_url("postgres"))
    try:
        yield connection
    finally:
        await connection.close()
