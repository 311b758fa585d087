"""The assistant through the real gateway: who asks gets a cited answer while it is written, comes
back to it, confirms what it proposes, and nobody else sees any of it."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from planted_person import made, seen
from system_event_stream import Event, hear
from system_stack import Stack, eventually, running_stack, wait_until_indexed

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

TEXT = "A segunda via da certidão custa R$ 39,10 e fica pronta em cinco dias úteis."
QUESTION = "Quanto custa a segunda via da certidão?"
CONVERSATIONS = "/chat/conversations"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Of this module's own."""
    with running_stack() as running:
        yield running


@pytest.fixture(scope="module")
async def ana(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with await stack.client("ana") as client:
        yield client


@pytest.fixture(scope="module")
async def beto(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with await stack.client("beto") as client:
        yield client


@pytest.fixture(scope="module", autouse=True)
async def _knowledge(ana: httpx.AsyncClient) -> None:
    document = await made(ana, "/rag/documents", {"title": "Certidões", "text": TEXT})
    await wait_until_indexed(ana, document["id"])


async def test_an_answer_is_streamed_cited_and_can_be_heard_again(
    ana: httpx.AsyncClient, beto: httpx.AsyncClient
) -> None:
    conversation = await made(ana, CONVERSATIONS, {})
    path = f"{CONVERSATIONS}/{conversation['id']}/messages"

    heard: list[Event] = []
    await hear(ana, "POST", path, heard, json={"content": QUESTION})

    names = [event.name for event in heard]
    assert (names[0], names[1], names[-1]) == ("start", "agent", "done")
    assert names.index("citation") <= names.index("delta")
    answer = heard[-1].data["answer"]
    assert "39,10" in answer["text"]
    (source,) = answer["sources"]
    content = await ana.get(f"/api/v1/rag/documents/{source['document_id']}/content")
    assert content.text[source["char_start"] : source["char_end"]] == source["quote"]
    message_id = heard[0].data["message_id"]
    again: list[Event] = []
    last = {"last-event-id": heard[1].id}
    await hear(ana, "GET", f"{path}/{message_id}/events", again, headers=last)
    assert again == heard[2:]
    for stranger in (
        await beto.get(f"/api/v1{CONVERSATIONS}/{conversation['id']}"),
        await beto.get(f"/api/v1{path}"),
        await beto.get(f"/api/v1{path}/{message_id}/events"),
        await beto.post(f"/api/v1{path}", json={"content": QUESTION}),
    ):
        assert stranger.status_code == 404, stranger.text


async def test_what_it_proposes_happens_once_and_only_when_confirmed(
    ana: httpx.AsyncClient, beto: httpx.AsyncClient
) -> None:
    name = f"Cliente {uuid4().hex[:8]}"
    client = await made(ana, "/clients", {"name": name, "email": "c@exemplo.com.br"})
    conversation = await made(ana, CONVERSATIONS, {"client_id": client["id"]})
    path = f"{CONVERSATIONS}/{conversation['id']}/messages"
    content = "Abra um chamado: a certidão veio com o nome errado."
    sent = await made(ana, path, {"content": content, "client_id": client["id"]})

    pending = await seen(ana, "/chat/proposals", conversation_id=conversation["id"])
    (proposal,) = [each for each in pending if each["skill"] == "create_ticket"]
    assert proposal["arguments"]["client_id"] == client["id"], sent
    before = await seen(ana, "/tickets", client_id=client["id"])
    assert before == []
    refused = await beto.post(f"/api/v1/chat/proposals/{proposal['id']}/confirm")
    assert refused.status_code == 404

    first = await made(ana, f"/chat/proposals/{proposal['id']}/confirm")
    second = await made(ana, f"/chat/proposals/{proposal['id']}/confirm")

    assert first["status"] == second["status"] == "confirmed"
    (ticket,) = await seen(ana, "/tickets", client_id=client["id"])
    assert ticket["id"] == first["result"]["ticket_id"]


async def test_a_new_ticket_gets_a_triage_that_a_person_takes_over(ana: httpx.AsyncClient) -> None:
    await made(
        ana,
        "/consent-purposes",
        {
            "code": f"atendimento-{uuid4().hex[:8]}",
            "name": "Atendimento",
            "description": "Responder aos chamados de quem tem contrato.",
            "legal_basis": "contract",
            "notice_text": "Usamos seus dados para responder aos seus chamados.",
            "locale": "pt-BR",
            "assistant_may_use": True,
        },
    )
    category = await made(ana, "/categories", {"name": "Certidões"})
    client = await made(ana, "/clients", {"name": f"Cliente {uuid4().hex[:8]}"})
    ticket = await made(
        ana,
        "/tickets",
        {
            "client_id": client["id"],
            "subject": "Urgente: segunda via da certidão",
            "description": QUESTION,
        },
    )
    path = f"/tickets/{ticket['id']}"

    async def triaged() -> Any:
        answer = await ana.get(f"/api/v1{path}/triage")
        return answer.json()["data"] if answer.is_success else None

    triage = await eventually(triaged, seconds=60)

    assert triage["category_id"] == category["id"], triage
    untouched = await ana.get(f"/api/v1{path}")
    assert untouched.json()["data"]["category_id"] is None
    etag = {"if-match": untouched.headers["etag"]}
    await made(ana, f"{path}/triage/accept", {}, headers=etag)
    assert (await seen(ana, path))["category_id"] == category["id"]


async def test_openai_clients_and_mcp_come_through_under_the_same_token(
    stack: Stack, ana: httpx.AsyncClient
) -> None:
    body = {
        "model": "cogep-assistant",
        "messages": [{"role": "user", "content": QUESTION}],
    }
    answered = await ana.post("/api/v1/ai/v1/chat/completions", json=body)
    assert answered.status_code == 200, answered.text
    assert "39,10" in answered.json()["choices"][0]["message"]["content"]
    async with httpx.AsyncClient(base_url=stack.url, trust_env=False) as nobody:
        refused = await nobody.post("/api/v1/ai/v1/chat/completions", json=body)
        assert refused.status_code == 401
        closed = await nobody.post("/api/v1/ai/mcp", json={})
        assert closed.status_code == 401
