"""Events and traces cross the services for real."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import httpx
import pytest
from span_receiver import SpanReceiver
from system_stack import Stack, eventually, wait_until_indexed

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
async def ana(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with await stack.client("ana") as client:
        yield client


async def test_ticket_reaches_the_assistant_within_the_trace_of_its_request(
    stack: Stack, spans: SpanReceiver, ana: httpx.AsyncClient
) -> None:
    trace = uuid4().hex
    caused = {"traceparent": f"00-{trace}-{trace[:16]}-01"}
    client = await ana.post("/api/v1/clients", json={"kind": "person", "name": "Rui Tavares"})
    ticket = await ana.post(
        "/api/v1/tickets",
        json={"client_id": client.json()["data"]["id"], "subject": "Luz", "description": "Faltou."},
        headers=caused,
    )
    assert ticket.status_code == 201, ticket.text

    async def triaged() -> bool:
        connection = await asyncpg.connect(stack.database_url("postgres"))
        try:
            statement = "SELECT count(*) FROM ai.triages WHERE ticket_id = $1"
            return bool(await connection.fetchval(statement, ticket.json()["data"]["id"]) == 1)
        finally:
            await connection.close()

    async def traced() -> bool:
        return {"core-api", "ai-svc"} <= spans.services.get(trace, set())

    await eventually(triaged)
    await eventually(traced)


async def test_document_is_indexed_within_the_trace_of_its_submission(
    spans: SpanReceiver, ana: httpx.AsyncClient
) -> None:
    trace = uuid4().hex
    document = await ana.post(
        "/api/v1/rag/documents",
        json={"title": "Luz", "text": "A ligação nova de luz leva cinco dias úteis."},
        headers={"traceparent": f"00-{trace}-{trace[:16]}-01"},
    )
    await wait_until_indexed(ana, document.json()["data"]["id"])

    async def traced() -> bool:
        return len(spans.services.get(trace, set())) > 1

    await eventually(traced)
    assert spans.services[trace] == {"ai-svc", "worker-svc"}
