"""An ai-svc is killed while a provider's answer streams through the gateway: the other one ends the
conversation's run clearly, nothing is lost or doubled, and what was set aside is settled."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import asyncpg
import httpx
import pytest
from planted_person import made, seen
from system_event_stream import Event, hear
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
BODY: Final = {"content": QUESTION, "agent": "knowledge"}
CONVERSATIONS: Final = "/chat/conversations"
_RUNNING: Final = re.compile(r"^chat_runs_running(?:\{.*\})? ([0-9.]+)", re.MULTILINE)


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
    half = await _halfway(ana, wire, superuser)
    path, message_id, heard, reserved = half.path, half.message_id, half.heard, half.reserved

    victim = await _writer(stack)
    victim.stop(immediate=True)

    with pytest.raises(httpx.TransportError):  # cut in the middle: no client takes it for an end
        await half.listening
    assert _is_without_gap(heard)
    assert "done" not in {each.name for each in heard}
    if order == "after its lease":
        await eventually(lambda: _is_over(superuser, message_id), seconds=60)
    resumed: list[Event] = []
    last = {"last-event-id": heard[-1].id}
    await hear(ana, "GET", f"{path}/{message_id}/events", resumed, headers=last)

    assert _is_without_gap([*heard, *resumed])
    assert resumed[-1].name == "error"
    assert resumed[-1].data["code"] == "CHAT_RUN_LOST"
    assert "guardada" in resumed[-1].data["message"]
    again = await ana.get(
        f"/api/v1{path}/{message_id}/events", headers={"last-event-id": resumed[-1].id}
    )
    assert again.status_code == 204  # or an EventSource would come back for ever
    question, answer = await seen(ana, path)
    assert (question["role"], question["status"], question["content"]) == ("user", "done", QUESTION)
    assert (answer["id"], answer["status"]) == (message_id, "failed")
    assert answer["error"]["code"] == "CHAT_RUN_LOST"

    ended = await _entry(superuser, half.run_id)
    assert (ended["state"], ended["micros"]) == ("expired", reserved["micros"])
    after = await _used(ana)
    assert after["open_calls"] == 0
    assert after["tokens"] - before["tokens"] == ended["input_tokens"] + ended["output_tokens"]
    assert after["cost_micros"] - before["cost_micros"] == ended["micros"]

    wire.then(says(ANSWER))
    anew = await made(ana, path, BODY)
    assert (anew["status"], anew["agent"]) == ("done", "knowledge")
    assert "39,10" in anew["content"]
    assert len(await seen(ana, path)) == 4
    victim.start()
    await asyncio.to_thread(victim.wait_until_ready)


async def test_replica_told_to_end_in_the_middle_of_a_stream(
    stack: Stack, ana: httpx.AsyncClient, superuser: asyncpg.Connection, wire: OpenAIWire
) -> None:
    """As with every release: what was told is kept, and only what it took is paid."""
    half = await _halfway(ana, wire, superuser)
    victim = await _writer(stack)

    await asyncio.to_thread(victim.stop)

    with suppress(httpx.TransportError):  # cut, when it did not end by itself
        await half.listening
    heard = half.heard
    if heard[-1].name != "error":
        last = {"last-event-id": heard[-1].id}
        await hear(ana, "GET", f"{half.path}/{half.message_id}/events", heard, headers=last)
    assert _is_without_gap(heard)
    assert (heard[-1].name, heard[-1].data["code"]) == ("error", "CHAT_RUN_LOST")
    _, answer = await seen(ana, half.path)
    assert (answer["status"], answer["content"]) == ("failed", f"{COST} [1]")
    ended = await _entry(superuser, half.run_id)
    assert ended["state"] == "settled"
    assert 0 < ended["output_tokens"] < half.reserved["output_tokens"]
    victim.start()
    await asyncio.to_thread(victim.wait_until_ready)


async def test_who_hangs_up_at_the_gateway_ends_the_spending(
    ana: httpx.AsyncClient, superuser: asyncpg.Connection, wire: OpenAIWire
) -> None:
    wire.left.clear()
    half = await _halfway(ana, wire, superuser)

    half.listening.cancel()

    await asyncio.wait_for(wire.left.wait(), 30)
    await eventually(lambda: _is_over(superuser, half.message_id))
    _, answer = await seen(ana, half.path)
    assert (answer["status"], answer["error"]["code"]) == ("stopped", "CHAT_ABANDONED")
    ended = await _entry(superuser, half.run_id)
    assert ended["state"] == "settled"
    assert 0 < ended["output_tokens"] < half.reserved["output_tokens"]


@dataclass(frozen=True)
class Half:
    """An answer of which one sentence was told, and the provider says no more."""

    path: str
    heard: list[Event]
    listening: asyncio.Task[None]
    reserved: asyncpg.Record

    @property
    def run_id(self) -> str:
        """Of the run that writes it."""
        return str(self.heard[0].data["run_id"])

    @property
    def message_id(self) -> str:
        """The answer."""
        return str(self.heard[0].data["message_id"])


async def _halfway(
    http: httpx.AsyncClient, wire: OpenAIWire, superuser: asyncpg.Connection
) -> Half:
    conversation = await made(http, CONVERSATIONS, {})
    path = f"{CONVERSATIONS}/{conversation['id']}/messages"
    wire.then(says(ANSWER, stalls_after=TOLD))
    heard: list[Event] = []
    listening = asyncio.create_task(hear(http, "POST", path, heard, json=BODY))
    await eventually(lambda: _told(heard, "delta"))
    reserved = await _entry(superuser, heard[0].data["run_id"])
    assert (reserved["state"], reserved["model"]) == ("reserved", "gpt-5-mini")
    return Half(path, heard, listening, reserved)


async def _told(heard: list[Event], name: str) -> bool:
    return any(each.name == name for each in heard)


def _is_without_gap(events: list[Event]) -> bool:
    return [int(each.id) for each in events] == list(range(1, len(events) + 1))


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


async def _entry(superuser: asyncpg.Connection, run_id: str) -> asyncpg.Record:
    """What the run's one request to the provider counts."""
    query = "SELECT * FROM ai.usage_entries WHERE run_id = $1::uuid AND use = 'chat'"
    (row,) = await superuser.fetch(query, run_id)
    return row


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
