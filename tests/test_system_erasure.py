"""A person is erased from the whole system: nothing of them is left in any table, key, stream,
object or log; not with a service stopped, killed between steps, or Redis emptied; not when events
about them were on their way, or had been given up; and not when a backup from before is
restored."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import asyncpg
import httpx
import pytest
from planted_person import (
    FACT,
    MARKERS,
    Planted,
    ask_for_erasure,
    completed,
    give_up_on_events,
    indexed,
    made,
    objects_of_others,
    places_with,
    plant,
    rows_of_others,
    script,
    seen,
    tables_with,
    verified,
)
from redis.asyncio import Redis
from system_stack import Stack, eventually, running_stack

from chassis.messaging.dead_letters import count_dead
from devstack.generated_secrets import load_or_generate

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

_EVERYWHERE = {
    "crm.clients",
    "crm.client_notes",
    "crm.tickets",
    "crm.ticket_messages",
    "crm.ticket_words",
    "ai.documents",
    "ai.chunks",
    "ai.answers",
    "ai.conversation_messages",
    "ai.memory_facts",
    "redis events:dead:core-api",
    "redis events:dead:ai-svc",
    "redis events:dead:worker-svc",
}
"""Some of the places in which the person must be found before."""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Of this module's own: it is stopped and killed. Swept every second."""
    with running_stack(durable=True, WORKER_SWEEP_EVERY="PT1S") as running:
        yield running


@pytest.fixture(scope="module")
async def ana(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with await stack.client("ana") as client:
        yield client


@pytest.fixture(scope="module")
async def purpose(ana: httpx.AsyncClient) -> str:
    code = f"credito-{uuid4().hex[:8]}"
    await made(
        ana,
        "/consent-purposes",
        {
            "code": code,
            "name": "Análise de crédito",
            "description": "Analisar o limite de crédito pedido.",
            "legal_basis": "consent",
            "notice_text": "Usamos seus dados para analisar o limite que você pediu.",
            "locale": "pt-BR",
            "assistant_may_use": True,
        },
    )
    return code


@pytest.fixture(scope="module")
async def other(ana: httpx.AsyncClient, purpose: str) -> list[str]:
    """Ids of another client's, of whom nothing may change."""
    client = await made(ana, "/clients", {"name": "Pedro Lima", "email": "pedro@exemplo.com.br"})
    ticket = await made(
        ana,
        "/tickets",
        {"client_id": client["id"], "subject": "Outro", "description": "Nada a ver."},
    )
    path = f"/tickets/{ticket['id']}"
    file = {"file": ("planta.txt", b"A planta da casa de Pedro.")}
    sent = await ana.post(f"/api/v1{path}/attachments", files=file)
    assert sent.status_code == 201, sent.text
    attached = sent.json()["data"]["id"]
    said = {"kind": "note", "body": "Fica como está.", "attachment_ids": [attached]}
    message = await made(ana, f"{path}/messages", said)
    consent = {"purpose_code": purpose, "decision": "granted", "channel": "phone"}
    await made(ana, f"/clients/{client['id']}/consents", consent | {"notice_version": 1})
    document = await made(
        ana,
        "/rag/documents",
        {
            "title": "Parecer de Pedro",
            "text": "O limite do cliente Pedro é de R$ 1.111,00.",
            "visibility": "client",
            "client_id": client["id"],
            "purpose_code": purpose,
            "legal_basis": "consent",
        },
    )
    await indexed(ana, document["id"], client["id"])
    asked = {"question": "Qual é o limite de Pedro?", "filters": {"client_id": client["id"]}}
    await made(ana, "/rag/ask", asked)
    return [client["id"], ticket["id"], message["id"], document["id"], attached]


async def _say_more(ana: httpx.AsyncClient, planted: Planted, purpose: str) -> str:
    """Every kind of event about the person; the id of a document that waits for the worker."""
    path, subject = f"/clients/{planted.client_id}", MARKERS["subject"]
    about = {"client_id": planted.client_id, "purpose_code": purpose}
    filed = {"text": f"Outro parecer {MARKERS['document text']}.", "legal_basis": "consent"}
    document = await made(ana, "/rag/documents", {**filed, **about, "visibility": "client"})
    told = {"client_id": planted.client_id, "subject": subject, "description": subject}
    await made(ana, "/tickets", told)
    changed = await ana.patch(f"/api/v1{path}", json={"tags": [MARKERS["tag"], "outra"]})
    assert changed.status_code == 200, changed.text
    (consent,) = await seen(ana, f"{path}/consents")
    await made(ana, f"/consents/{consent['id']}/revoke", {"reason": MARKERS["message"]})
    again = {"purpose_code": purpose, "decision": "granted", "channel": "phone"}
    await made(ana, f"{path}/consents", again | {"notice_version": 1})
    return str(document["id"])


async def _unpublished(stack: Stack, named: str) -> dict[str, set[str]]:
    """Types of events that name this id and wait, by schema."""
    connection = await asyncpg.connect(stack.database_url("postgres"))
    try:
        found = {}
        for schema in ("crm", "ai"):
            rows = await connection.fetch(
                f"SELECT event_type FROM {schema}.outbox"
                " WHERE published_at IS NULL AND strpos(envelope, $1) > 0",
                named,
            )
            found[schema] = {row[0] for row in rows}
    finally:
        await connection.close()
    return found


async def _settled(stack: Stack) -> None:
    """Nothing is on its way any more: every event published, every one handled."""
    waiting = (
        "SELECT count(*) FROM (SELECT FROM crm.outbox WHERE published_at IS NULL"
        " UNION ALL SELECT FROM ai.outbox WHERE published_at IS NULL) AS events"
    )

    async def nothing_waits() -> bool:
        connection = await asyncpg.connect(stack.database_url("postgres"))
        try:
            return bool(await connection.fetchval(waiting) == 0)
        finally:
            await connection.close()

    await eventually(nothing_waits, seconds=30)


async def _nothing_left(stack: Stack) -> None:
    async def gone() -> bool:
        return await places_with(stack, MARKERS) == []

    try:
        await eventually(gone, seconds=10)
    except AssertionError:
        left = await places_with(stack, MARKERS)
        raise AssertionError(f"still there: {left}") from None


@pytest.mark.leaks_on_purpose  # what the given up events say of themselves
async def test_nothing_of_a_person_is_left_and_others_are_untouched(
    stack: Stack, ana: httpx.AsyncClient, purpose: str, other: list[str]
) -> None:
    planted = await plant(ana, purpose)
    await give_up_on_events(stack, planted)
    found = await places_with(stack, MARKERS)
    assert {place.rpartition(": ")[2].rpartition("× ")[2] for place in found} == set(MARKERS)
    places = {place.rpartition(": ")[0] for place in found}
    assert places >= _EVERYWHERE
    for kind in ("objects", "redis"):
        assert any(place.startswith(kind) for place in places), kind
    await _settled(stack)
    before = await rows_of_others(stack, other)
    files = await objects_of_others(stack, other)
    assert len(files) >= 1
    preview = await seen(ana, f"/clients/{planted.client_id}/erasure-preview")
    counts = {
        store["store"]: store["count"] for one in preview["services"] for store in one["stores"]
    }
    assert all(service["available"] for service in preview["services"])
    assert (counts["tickets"], counts["documents"]) == (40, 3)
    assert counts["named_texts"] >= 2
    backup = script(stack, "backup-db.sh")

    await ask_for_erasure(ana, planted)
    request = await completed(ana, planted, seconds=60)

    await _nothing_left(stack)
    assert await rows_of_others(stack, other) == before
    assert await objects_of_others(stack, other) == files
    receipt = request["receipt"]
    erased = {one["service"]: one["erased"] for one in receipt["statement"]["services"]}
    assert erased["ai-svc"]["named_texts"] == counts["named_texts"]
    said = verified(stack, receipt)
    assert said.returncode == 0, said.stderr
    assert "The receipt is valid" in said.stdout
    forged = receipt | {"head": receipt["head"].replace('"tickets":40', '"tickets":41')}
    assert verified(stack, forged).returncode == 1
    for marker in MARKERS.values():
        assert marker not in str(receipt).lower()
    assert (await seen(ana, "/consents/ledger/verify"))["valid"] is True
    assert (await seen(ana, "/audit/verify"))["valid"] is True
    await _restored_without_them(stack, ana, planted, backup, other, before)


async def _restored_without_them(
    stack: Stack,
    ana: httpx.AsyncClient,
    planted: Planted,
    backup: str,
    other: list[str],
    before: dict[str, str],
) -> None:
    """The backup from before brings nobody back, and takes nothing from others."""
    name = f"restored_{uuid4().hex[:8]}"
    script(stack, "restore-db.sh", backup, name)
    passwords = load_or_generate(stack.settings.state).passwords
    url = passwords.url("postgres", stack.settings.ports.postgres, name)

    assert await tables_with(url, MARKERS) == []
    connection = await asyncpg.connect(url)
    try:
        clients = await connection.fetchval(
            "SELECT count(*) FROM crm.clients WHERE id = $1::uuid AND name = 'Pedro Lima'", other[0]
        )
        tickets = await connection.fetchval(
            "SELECT count(*) FROM crm.tickets WHERE client_id = $1::uuid", planted.client_id
        )
        done = await connection.fetchval(
            "SELECT count(*) FROM ai.erasures WHERE state = 'succeeded'"
        )
    finally:
        await connection.close()
    assert (clients, tickets, done) == (1, 40, 1)


async def test_with_the_assistant_stopped_the_request_stays_open_until_it_is_back(
    stack: Stack, ana: httpx.AsyncClient, purpose: str
) -> None:
    planted = await plant(ana, purpose, tickets=4)
    assistant = stack.topology.ai_svc
    assistant.stop()
    try:
        await ask_for_erasure(ana, planted)

        async def own_part_done() -> bool:
            (erasure,) = await seen(ana, "/erasures", client_id=planted.client_id)
            done = {part["service"]: part["done_at"] is not None for part in erasure["parts"]}
            return done == {"core-api": True, "ai-svc": False}

        await eventually(own_part_done, seconds=60)
        request = await seen(ana, f"/privacy-requests/{planted.request_id}")
        assert (request["status"], request["receipt"]) == ("executing", None)
        left = await places_with(stack, {"document text": MARKERS["document text"]})
        assert left != []
    finally:
        assistant.start()
        await asyncio.to_thread(assistant.wait_until_ready)

    await completed(ana, planted, seconds=60)
    await _nothing_left(stack)


async def test_killed_between_steps_and_with_redis_emptied_it_ends_once(
    stack: Stack, ana: httpx.AsyncClient, purpose: str
) -> None:
    planted = await plant(ana, purpose, tickets=20)
    await ask_for_erasure(ana, planted)
    for round_number in range(6):
        await asyncio.sleep(0.4 + 0.15 * round_number)
        victim = (stack.topology.core_api, stack.topology.ai_svc)[round_number % 2]
        victim.stop(immediate=True)
        if round_number == 3:
            async with Redis.from_url(stack.redis_url) as redis:
                await redis.flushall()
        victim.start()
        await asyncio.to_thread(victim.wait_until_ready)

    request = await completed(ana, planted, seconds=120)

    await _nothing_left(stack)
    said = {one["service"]: one["erased"] for one in request["receipt"]["statement"]["services"]}
    assert said["core-api"]["tickets"] == 20
    assert said["core-api"]["ticket_messages"] == 20
    assert said["core-api"]["subject_keys"] == 1
    assert said["ai-svc"]["documents"] == 3
    connection = await asyncpg.connect(stack.database_url("postgres"))
    try:
        receipts = await connection.fetchval(
            "SELECT count(*) FROM crm.erasures WHERE client_id = $1::uuid AND receipt IS NOT NULL",
            planted.client_id,
        )
        told = await connection.fetchval(
            "SELECT count(*) FROM crm.outbox WHERE event_type = 'privacy.erasure_completed'"
            " AND strpos(envelope, $1) > 0",
            planted.client_id,
        )
    finally:
        await connection.close()
    assert (receipts, told) == (1, 1)


@pytest.mark.leaks_on_purpose  # the words of a person whose events nobody could publish
async def test_events_on_their_way_bring_nobody_back(
    stack: Stack, ana: httpx.AsyncClient, purpose: str
) -> None:
    """Redis is down, the worker is down, and then the assistant: what was said about the person
    waits in both outboxes, a document waits for the worker, and the erasure waits behind them."""
    planted = await plant(ana, purpose, tickets=2)
    topology = stack.topology
    topology.worker_svc.stop()
    topology.redis.stop()
    waiting = await _say_more(ana, planted, purpose)
    topology.ai_svc.stop()
    await ask_for_erasure(ana, planted)

    assert {
        "ticket.created",
        "client.updated",
        "consent.revoked",
        "consent.granted",
        "privacy.erasure_requested",
    } <= (await _unpublished(stack, planted.client_id))["crm"]
    assert "document.submitted" in (await _unpublished(stack, waiting))["ai"]
    for server in (topology.redis, topology.ai_svc, topology.worker_svc):
        server.start()
        await asyncio.to_thread(server.wait_until_ready)
    request = await completed(ana, planted, seconds=120)
    await _settled(stack)

    await _nothing_left(stack)
    said = {one["service"]: one["erased"] for one in request["receipt"]["statement"]["services"]}
    assert (said["core-api"]["tickets"], said["ai-svc"]["documents"]) == (3, 4)
    answer = await ana.get(f"/api/v1/rag/documents/{waiting}")
    assert answer.status_code in {404, 410}
    async with Redis.from_url(stack.redis_url) as redis:
        given_up = [await count_dead(redis, service) for service in ("core-api", "ai-svc")]
    assert given_up == [0, 0]


async def test_what_was_known_is_not_known_to_the_assistant_any_more(
    ana: httpx.AsyncClient,
) -> None:
    answer = await made(ana, "/rag/ask", {"question": "Qual é o limite de crédito da cliente?"})

    assert FACT not in str(answer)
