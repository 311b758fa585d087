"""An ai-svc is killed while a provider's answer streams through the gateway: the other one ends the
conversation's run clearly, nothing is lost or doubled, and what was set aside is settled."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import httpx
import pytest
from planted_person import made, seen
from system_stack import Stack, eventually, running_stack, wait_until_indexed
from wire.openai_wire import OpenAIWire
from wire.replies import says

from devstack.servers.service import ServiceServer

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

COST: Final = "A segunda via da certidão custa R$ 39,10."
TIME: Final = "O prazo de entrega é de cinco dias úteis."
QUESTION: Final = "Quanto custa a segunda via da certidão e qual é o prazo de entrega?"
ANSWER: Final = f"{COST} [[S1|{COST[:-1]}]] {TIME} [[S1|{TIME[:-1]}]]"
TOLD: Final = len(ANSWER.split(TIME)[0].split()) + 2
"""Words after which the first sentence is out, and the second is not."""
CONVERSATIONS: Final = "/chat/conversations"
_RUNNING: Final = re.compile(r"^chat_runs_running(?:\{.*\})? ([0-9.]+)", re.MULTILINE)


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    number: int
    name: str
    data: Any


@pytest.fixture(scope="module")
async def wire() -> AsyncIterator[OpenAIWire]:
    """The provider: on this machine, in OpenAI's protocol."""
    async with OpenAIWire.open() as wire:
        yield wire


@pytest.fixture(scope="module")
def stack(wire: OpenAIWire) -> Iterator[Stack]:
    """Of this module's own, with two ai-svc behind the gateway."""
    with running_stack(
        durable=True,
        assistants=2,
        LLM_PROVIDERS="openai",
        OPENAI_API_KEY="sk-tests",
        OPENAI_BASE_URL=wire.url,
        OPENAI_COUNTRY="BR",
    ) as running:
        yield running


@pytest.fixture(scope="module")
async def ana(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with await stack.client("ana") as client:
        document = await made(
            client, "/rag/documents", {"title": "Certidões", "text": f"{COST} {TIME}"}
        )
        await wait_until_indexed(client, document["id"])
        yield client


@pytest.fixture
async def superuser(stack: Stack) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(stack.database_url("postgres"))
    yield connection
    await connection.close()


@pytest.mark.parametrize("order", ["at once", "after its lease"])
async def test_replica_killed_in_the_middle_of_a_stream(
    stack: Stack,
    ana: httpx.AsyncClient,
    superuser: asyncpg.Connection,
    wire: OpenAIWire,
    order: str,
) -> None:
    before = await _used(ana)
    conversation = await made(ana, CONVERSATIONS, {})
    path = f"{CONVERSATIONS}/{conversation['id']}/messages"
    wire.then(says(ANSWER, stalls_after=TOLD))
    heard: list[Event] = []
    body = {"content": QUESTION, "agent": "knowledge"}
    listening = asyncio.create_task(_hear(ana, "POST", path, heard, json=body))
    await eventually(lambda: _told(heard, "delta"))
    message_id = heard[0].data["message_id"]
    (reserved,) = await _entries(superuser, heard[0].data["run_id"])
    assert (reserved["state"], reserved["model"]) == ("reserved", "gpt-5-mini")

    victim = await _writer(stack)
    victim.stop(immediate=True)

    with pytest.raises(httpx.TransportError):  # cut in the middle: no client takes it for an end
        await listening
    assert _is_without_gap(heard)
    assert "done" not in {each.name for each in heard}
    if order == "after its lease":
        await eventually(lambda: _is_over(superuser, message_id), seconds=60)
    resumed: list[Event] = []
    last = {"last-event-id": str(heard[-1].number)}
    await _hear(ana, "GET", f"{path}/{message_id}/events", resumed, headers=last)

    assert _is_without_gap([*heard, *resumed])
    assert resumed[-1].name == "error"
    assert resumed[-1].data["code"] == "CHAT_RUN_LOST"
    assert "guardada" in resumed[-1].data["message"]
    again = await ana.get(
        f"/api/v1{path}/{message_id}/events", headers={"last-event-id": str(resumed[-1].number)}
    )
    assert again.status_code == 204  # or an EventSource would come back for ever
    question, answer = await seen(ana, path)
    assert (question["role"], question["status"], question["content"]) == ("user", "done", QUESTION)
    assert (answer["id"], answer["status"]) == (message_id, "failed")
    assert answer["error"]["code"] == "CHAT_RUN_LOST"

    (ended,) = await _entries(superuser, heard[0].data["run_id"])
    assert (ended["state"], ended["micros"]) == ("expired", reserved["micros"])
    after = await _used(ana)
    assert after["open_calls"] == 0
    assert after["tokens"] - before["tokens"] == ended["input_tokens"] + ended["output_tokens"]
    assert after["cost_micros"] - before["cost_micros"] == ended["micros"]

    wire.then(says(ANSWER))
    anew = await made(ana, path, body)
    assert (anew["status"], anew["agent"]) == ("done", "knowledge")
    assert "39,10" in anew["content"]
    assert len(await seen(ana, path)) == 4
    victim.start()
    await asyncio.to_thread(victim.wait_until_ready)


async def _hear(
    http: httpx.AsyncClient, method: str, path: str, heard: list[Event], **options: Any
) -> None:
    """Adds what is told, as it is told, until the connection ends."""
    fields: dict[str, str] = {}
    headers = {"accept": "text/event-stream", **options.pop("headers", {})}
    async with http.stream(method, f"/api/v1{path}", headers=headers, **options) as response:
        assert response.status_code == 200, await response.aread()
        async for line in response.aiter_lines():
            field, _, value = line.partition(": ")
            fields[field] = value
            if not line and "data" in fields:
                data = json.loads(fields["data"])
                heard.append(Event(int(fields["id"]), fields["event"], data))
            if not line:
                fields = {}


async def _told(heard: list[Event], name: str) -> bool:
    return any(each.name == name for each in heard)


def _is_without_gap(events: list[Event]) -> bool:
    return [each.number for each in events] == list(range(1, len(events) + 1))


async def _writer(stack: Stack) -> ServiceServer:
    """The process that writes the one answer there is."""
    topology = stack.topology
    replicas = (topology.ai_svc, *topology.ai_svc_replicas)
    (writer,) = [each for each in replicas if await _runs(each)]
    return writer


async def _runs(server: ServiceServer) -> bool:
    async with httpx.AsyncClient(trust_env=False) as beside_the_gateway:
        metrics = await beside_the_gateway.get(f"http://127.0.0.1:{server.port}/metrics")
    found = _RUNNING.search(metrics.text)
    return found is not None and float(found[1]) > 0


async def _is_over(superuser: asyncpg.Connection, message_id: str) -> bool:
    """Nobody has asked: the surviving replica ends it by itself."""
    query = "SELECT status FROM ai.conversation_messages WHERE id = $1::uuid"
    return bool(await superuser.fetchval(query, message_id) != "running")


async def _entries(superuser: asyncpg.Connection, run_id: str) -> list[asyncpg.Record]:
    query = "SELECT * FROM ai.usage_entries WHERE run_id = $1::uuid AND use = 'chat'"
    rows: list[asyncpg.Record] = await superuser.fetch(query, run_id)
    return rows


async def _used(http: httpx.AsyncClient) -> dict[str, int]:
    """Open calls of today, and what counts against the person's own budget."""
    rows = await seen(http, "/ai/usage", by="use")
    current = await seen(http, "/ai/usage/current")
    (day,) = [each for each in current if (each["counted"], each["period"]) == ("user", "day")]
    return {
        "open_calls": sum(each["open_calls"] for each in rows),
        "tokens": day["tokens"],
        "cost_micros": day["cost_micros"],
    }
