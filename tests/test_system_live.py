"""Live updates, attachments and search through the real gateway, which must buffer none of it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from system_event_stream import Event, events
from system_stack import Stack, eventually

pytestmark = pytest.mark.stack

STREAM = "/api/v1/stream"


class Line:
    """One connection for server-sent events."""

    def __init__(self, response: httpx.Response) -> None:
        self._events = events(response)

    async def until(self, name: str) -> dict[str, Any]:
        """The data and the id of the next event of this name; EOFError when there is none."""
        async with asyncio.timeout(20):
            async for event in self._events:
                if event.name == name:
                    return {**event.data, "id": event.id}
        raise EOFError

    async def rest(self) -> list[Event]:
        """What still comes until the connection ends."""
        async with asyncio.timeout(20):
            return [event async for event in self._events]


@asynccontextmanager
async def listening(client: httpx.AsyncClient, last: str | None = None) -> AsyncIterator[Line]:
    headers = {"last-event-id": last} if last else {}
    async with client.stream("GET", STREAM, headers=headers) as response:
        response.raise_for_status()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Line(response)


@pytest.fixture(scope="module")
async def ana(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with await stack.client("ana") as client:
        yield client


@pytest.fixture(scope="module")
async def beto(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with await stack.client("beto") as client:
        yield client


async def make_ticket(client: httpx.AsyncClient, subject: str) -> dict[str, Any]:
    person = await client.post("/api/v1/clients", json={"kind": "person", "name": "Rui Prado"})
    body = {
        "client_id": person.json()["data"]["id"],
        "subject": subject,
        "description": "Sem luz na praça.",
    }
    answer = await client.post("/api/v1/tickets", json=body)
    assert answer.status_code == 201, answer.text
    ticket: dict[str, Any] = answer.json()["data"]
    return ticket


async def test_what_happens_is_heard_at_once_and_by_nobody_else(
    ana: httpx.AsyncClient, beto: httpx.AsyncClient
) -> None:
    async with listening(ana) as ours, listening(beto) as theirs:
        await ours.until("ready")
        await theirs.until("ready")
        ticket = await make_ticket(ana, "Poste apagado")
        done = time.monotonic()
        told = await ours.until("ticket.created")
        delay = time.monotonic() - done
        own = await make_ticket(beto, "Outro poste")
        heard = await theirs.until("ticket.created")

    assert told["payload"]["ticket_id"] == ticket["id"]
    assert heard["payload"]["ticket_id"] == own["id"]
    assert delay < 2, "buffered on the way"


async def test_a_line_that_broke_off_is_resumed(ana: httpx.AsyncClient) -> None:
    async with listening(ana) as line:
        last = (await line.until("ready"))["id"]
    tickets = [await make_ticket(ana, f"Poste {number}") for number in range(3)]

    async with listening(ana, last) as line:
        told = [await line.until("ticket.created") for _ in tickets]

    assert [each["payload"]["ticket_id"] for each in told] == [each["id"] for each in tickets]


async def test_a_file_goes_in_and_out_and_the_ticket_is_found(ana: httpx.AsyncClient) -> None:
    ticket = await make_ticket(ana, "Iluminação queimada")
    raw = b"%PDF-1.7\n" + bytes(range(256)) * 12_000  # three megabytes
    path = f"/api/v1/tickets/{ticket['id']}/attachments"

    made = await ana.post(path, files={"file": ("laudo técnico.pdf", raw)})
    link = await ana.post(f"{path}/{made.json()['data']['id']}/link")
    async with httpx.AsyncClient(base_url=str(ana.base_url), trust_env=False) as stranger:
        got = await stranger.get(link.json()["data"]["url"])

    async def found() -> list[Any]:
        answer = await ana.get("/api/v1/tickets/search", params={"q": "iluminac"})
        hits: list[Any] = answer.json()["data"]
        return hits

    assert made.status_code == 201, made.text
    assert got.content == raw
    assert "laudo%20t%C3%A9cnico.pdf" in got.headers["content-disposition"]
    assert [hit["id"] for hit in await eventually(found)] == [ticket["id"]]


async def test_a_service_told_to_end_does_not_wait_for_its_listeners(
    stack: Stack, ana: httpx.AsyncClient
) -> None:
    service = stack.topology.core_api
    async with listening(ana) as line:
        await line.until("ready")
        began = time.monotonic()
        await asyncio.to_thread(service.stop)
        seconds = time.monotonic() - began
    service.start()
    await asyncio.to_thread(service.wait_until_ready)

    assert seconds < 5, "its connections held it up"

    async def back() -> bool:
        async with listening(ana) as line:
            return bool(await line.until("ready"))

    assert await eventually(back)
