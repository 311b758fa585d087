"""A person planted everywhere the system keeps something, and a search of every place for them."""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import httpx
from core_api_factories import generated_cpf
from redis.asyncio import Redis
from system_stack import Stack, eventually

from chassis.messaging.dead_letters import bury
from chassis.messaging.entries import Entry
from devstack.checkout import ROOT
from devstack.generated_secrets import load_or_generate
from devstack.people import AURORA
from devstack.topology import DATABASE
from shared_schemas.events import ClientUpdated
from shared_schemas.ids import OrganizationId

MARKERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "name": "zulmiraldina",
        "email": "zulmiraldina.lima@exemplo.com.br",
        "phone": "5511976512349",
        "document": generated_cpf(4041),
        "code": "PRONT-88231-Z",
        "tag": "etiqueta-zebrada",
        "subject": "esternocleido",
        "description": "paralelepipedal",
        "message": "otorrinoquimica",
        "attachment": "laudoconfidencialissimo",
        "document text": "inconstitucionalista",
        "question": "hipopotomonstro",
    }
)
"""Twelve things nobody else has."""
FACT: Final = "8.642"
_TABLES: Final = (
    "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('crm', 'ai')"
    " ORDER BY 1"
)


@dataclass
class Planted:
    """Who was planted, and ids of what belongs to them."""

    client_id: str
    tickets: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    request_id: str = ""


async def made(http: httpx.AsyncClient, path: str, body: Any = None, **options: Any) -> Any:
    """What a POST that must succeed has made."""
    response = await http.post(f"/api/v1{path}", json=body, **options)
    assert response.is_success, (path, response.text)
    return response.json()["data"]


async def seen(http: httpx.AsyncClient, path: str, **params: Any) -> Any:
    """The data of a GET that must succeed."""
    response = await http.get(f"/api/v1{path}", params=params)
    assert response.is_success, (path, response.text)
    return response.json()["data"]


async def plant(http: httpx.AsyncClient, purpose: str, *, tickets: int = 40) -> Planted:
    """One client with tickets, attachments, documents, answers, an export, and what hangs on it."""
    client = await made(
        http,
        "/clients",
        {
            "name": f"{MARKERS['name'].capitalize()} Lima",
            "emails": [{"address": MARKERS["email"]}],
            "phones": [{"number": f"+{MARKERS['phone']}"}],
            "document": MARKERS["document"],
            "external_id": MARKERS["code"],
            "tags": [MARKERS["tag"]],
        },
        headers={"idempotency-key": f"planted-{uuid4()}"},
    )
    planted = Planted(str(client["id"]))
    note = f"De {MARKERS['name']}: ligar para {MARKERS['phone']}, CPF {MARKERS['document']}"
    await made(http, f"/clients/{planted.client_id}/notes", {"body": note})
    consent = {"purpose_code": purpose, "decision": "granted", "channel": "phone"}
    await made(http, f"/clients/{planted.client_id}/consents", consent | {"notice_version": 1})
    for number in range(tickets):
        planted.tickets.append(await _ticket(http, planted.client_id, number))
    for number in range(3):
        planted.documents.append(await _document(http, planted.client_id, purpose, number))
    await _ask(http, planted.client_id)
    await _converse(http, planted.client_id)
    await _access(http, planted.client_id)
    return planted


async def _ticket(http: httpx.AsyncClient, client_id: str, number: int) -> str:
    ticket = await made(
        http,
        "/tickets",
        {
            "client_id": client_id,
            "subject": f"{MARKERS['subject']} {number}",
            "description": f"Sobre o {MARKERS['description']}.",
            "tags": [MARKERS["tag"]],
        },
        headers={"idempotency-key": f"ticket-{uuid4()}"},
    )
    path = f"/tickets/{ticket['id']}"
    attached: list[str] = []
    if number % 8 == 0:
        sent = await http.post(
            f"/api/v1{path}/attachments",
            files={"file": (f"{MARKERS['attachment']}.txt", MARKERS["attachment"].encode())},
        )
        assert sent.status_code == 201, sent.text
        attached = [sent.json()["data"]["id"]]
    body = f"{MARKERS['message']} {number}"
    await made(
        http, f"{path}/messages", {"kind": "client", "body": body, "attachment_ids": attached}
    )
    return str(ticket["id"])


async def _document(http: httpx.AsyncClient, client_id: str, purpose: str, number: int) -> str:
    text = (
        f"O limite da cliente {MARKERS['name'].capitalize()} é de R$ {FACT},0{number}."
        f" Parecer {MARKERS['document text']} número {number}."
    )
    document = await made(
        http,
        "/rag/documents",
        {
            "title": f"Parecer {number} de {MARKERS['name']}",
            "text": text,
            "visibility": "client",
            "client_id": client_id,
            "purpose_code": purpose,
            "legal_basis": "consent",
        },
    )
    await indexed(http, str(document["id"]), client_id)
    return str(document["id"])


async def indexed(http: httpx.AsyncClient, document_id: str, client_id: str) -> None:
    """Waits until it is; readable it is once the assistant has heard of the client's consent."""

    async def is_indexed() -> bool:
        path = f"/api/v1/rag/documents/{document_id}"
        found = await http.get(path, params={"client_id": client_id})
        return found.is_success and found.json()["data"]["status"] == "indexed"

    await eventually(is_indexed, seconds=60)


async def _ask(http: httpx.AsyncClient, client_id: str) -> None:
    name = MARKERS["name"].capitalize()
    for question in (
        f"Qual é o limite da cliente {name}?",
        f"Qual é o parecer {MARKERS['question']} da cliente {name}?",
    ):
        await made(http, "/rag/ask", {"question": question, "filters": {"client_id": client_id}})


async def _converse(http: httpx.AsyncClient, client_id: str) -> None:
    """Two conversations: one about the client as a whole, one that comes to them by name."""
    name = MARKERS["name"].capitalize()
    about = await made(http, "/chat/conversations", {"client_id": client_id})
    for content in (
        f"Qual é o limite da cliente {name}?",
        f"Lembre que a cliente {name} prefere ser chamada à tarde.",
    ):
        await made(http, f"/chat/conversations/{about['id']}/messages", {"content": content})
    other = await made(http, "/chat/conversations", {"title": "Atendimentos do dia"})
    path = f"/chat/conversations/{other['id']}/messages"
    await made(http, path, {"content": f"Quais são os dados do cliente {MARKERS['email']}?"})
    await made(http, path, {"content": "E os chamados dessa pessoa?"})
    await _name_in_words(http)


async def _name_in_words(http: httpx.AsyncClient) -> None:
    """By no id: only by what the person is called, and by their numbers."""
    named = f"{MARKERS['name'].upper()}  LIMA, CPF {MARKERS['document']}"
    await made(http, "/chat/conversations", {"title": f"Retornar: {named}"})
    await made(http, "/rag/ask", {"question": f"Quem atende {named}, {MARKERS['email']}?"})


async def _access(http: httpx.AsyncClient, client_id: str) -> None:
    """The subject asks for a copy of their data: the export."""
    request = await made(
        http,
        "/privacy-requests",
        {"client_id": client_id, "type": "access", "description": f"Sou {MARKERS['name']}"},
    )
    await execute(http, str(request["id"]))

    async def copied() -> bool:
        state = await seen(http, f"/privacy-requests/{request['id']}/subject-data")
        return bool(state["files"])

    await eventually(copied, seconds=90)


async def execute(http: httpx.AsyncClient, request_id: str) -> None:
    """The subject is known, the request executed."""
    path = f"/privacy-requests/{request_id}"
    checked = {"level": "strong", "method": "in_person", "passed": True}
    await made(http, f"{path}/identity-checks", checked)
    await made(http, f"{path}/execute", {})


async def give_up_on_events(stack: Stack, planted: Planted) -> None:
    """Events about the person that no service could handle, with a cause that says too much."""
    async with Redis.from_url(stack.redis_url) as redis:
        for service in ("core-api", "ai-svc", "worker-svc"):
            event = ClientUpdated.caused(
                organization_id=OrganizationId(AURORA.id),
                correlation_id=f"given-up-{service}",
                client_id=UUID(planted.client_id),
                changed=("email",),
            )
            entry = Entry("events:client.updated", "0-1", event.model_dump_json().encode())
            await bury(redis, service, entry, cause=f"Error: {MARKERS['email']}", attempts=5)


async def ask_for_erasure(http: httpx.AsyncClient, planted: Planted) -> None:
    """The request that ends it all."""
    request = await made(
        http, "/privacy-requests", {"client_id": planted.client_id, "type": "erasure"}
    )
    planted.request_id = str(request["id"])
    await execute(http, planted.request_id)


async def completed(http: httpx.AsyncClient, planted: Planted, *, seconds: float) -> Any:
    """The request, once it is closed."""

    async def closed() -> Any:
        request = await seen(http, f"/privacy-requests/{planted.request_id}")
        return request if request["status"] == "completed" else None

    return await eventually(closed, seconds=seconds)


async def places_with(stack: Stack, markers: Mapping[str, str]) -> list[str]:
    """Every table, key, stream, object and log file that holds a marker."""
    found = await tables_with(stack.database_url("postgres"), markers)
    async with Redis.from_url(stack.redis_url) as redis:
        async for name, text in _keys(redis):
            found += _named(f"redis {name}", text, markers)
    objects = stack.settings.state / "objects"
    for folder in (objects, stack.settings.logs):
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                raw = await asyncio.to_thread(file.read_bytes)
                text = f"{file.name}\n{raw.decode(errors='replace')}"
                found += _named(str(file.relative_to(stack.settings.state)), text, markers)
    return found


async def tables_with(database_url: str, markers: Mapping[str, str]) -> list[str]:
    """Every table of both schemas with a row that holds a marker, in letters or in bytes."""
    found: list[str] = []
    connection = await asyncpg.connect(database_url)
    try:
        for (table,) in await connection.fetch(_TABLES):
            for place, marker in markers.items():
                count = await connection.fetchval(
                    f"SELECT count(*) FROM {table} t WHERE strpos(crm.fold(t::text), $1) > 0"
                    " OR strpos(t::text, $2) > 0",
                    marker.lower(),
                    marker.encode().hex(),
                )
                if count:
                    found.append(f"{table}: {count} × {place}")
    finally:
        await connection.close()
    return found


async def _keys(redis: Redis) -> AsyncIterator[tuple[str, str]]:
    async for key in redis.scan_iter(count=1_000):
        name = key.decode(errors="replace")
        match await redis.type(key):
            case b"string":
                value: Any = await redis.get(key)
            case b"hash":
                value = await redis.hgetall(key)
            case b"list":
                value = await redis.lrange(key, 0, -1)
            case b"set":
                value = await redis.smembers(key)
            case b"zset":
                value = await redis.zrange(key, 0, -1)
            case b"stream":
                value = await redis.xrange(key)
            case b"none":
                continue  # its time was over between the two questions
            case kind:
                raise AssertionError(f"{name} is a {kind!r}")
        yield name, f"{name} {value!r}"


def _named(place: str, text: str, markers: Mapping[str, str]) -> list[str]:
    folded = text.lower()
    return [f"{place}: {what}" for what, marker in markers.items() if marker.lower() in folded]


async def rows_of_others(stack: Stack, ids: list[str]) -> dict[str, str]:
    """Every row of every table that names one of these ids, as it is to the last byte."""
    connection = await asyncpg.connect(stack.database_url("postgres"))
    try:
        found = {}
        for (table,) in await connection.fetch(_TABLES):
            if table.endswith((".outbox", ".inbox", ".audit_events", ".audit_links")):
                continue  # they grow: what happens to others is noted there
            rows = await connection.fetch(
                f"SELECT t::text FROM {table} t WHERE t::text ~ $1", "|".join(ids)
            )
            text = "\n".join(sorted(row[0] for row in rows))
            found[table] = hashlib.sha256(text.encode()).hexdigest() if text else ""
    finally:
        await connection.close()
    return found


async def objects_of_others(stack: Stack, ids: list[str]) -> dict[str, str]:
    """Every object that lies under one of these ids, or holds one, as it is to the last byte."""
    folder = stack.settings.state / "objects"
    found = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            raw = await asyncio.to_thread(file.read_bytes)
            name = str(file.relative_to(folder))
            if any(each in name or each.encode() in raw for each in ids):
                found[name] = hashlib.sha256(raw).hexdigest()
    return found


def verified(stack: Stack, receipt: Any) -> subprocess.CompletedProcess[str]:
    """What `cogep privacy verify` says of a receipt."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COGEP_")}
    return subprocess.run(
        [sys.executable, "-m", "devstack", "privacy", "verify", "-"],
        env=kept | {"COGEP_STATE_DIR": str(stack.settings.state)},
        input=json.dumps(receipt),
        capture_output=True,
        text=True,
        check=False,
    )


def script(stack: Stack, name: str, *arguments: str, **changes: str) -> str:
    """What one of the backup scripts prints, with the environment of this stack."""
    secrets = load_or_generate(stack.settings.state)
    environment = {
        "PATH": os.environ["PATH"],
        "PG_BIN": str(stack.topology.postgres.bin),
        "PGHOST": "127.0.0.1",
        "PGPORT": str(stack.settings.ports.postgres),
        "PGUSER": "postgres",
        "PGPASSWORD": secrets.passwords.superuser,
        "PGDATABASE": DATABASE,
        "COGEP_OWNER_PASSWORD": secrets.passwords.owner,
        "COGEP_APP_PASSWORD": secrets.passwords.app,
        "COGEP_WORKER_PASSWORD": secrets.passwords.worker,
        "BACKUP_DIR": str(stack.settings.state / "backups"),
        "PYTHON": sys.executable,
        "ENVIRONMENT": "test",
        "STORAGE_URL": (stack.settings.state / "objects").as_uri(),
        "LEDGER_SIGNING_KEY": secrets.ledger_signing_key(),
        **secrets.sealing(),
        **changes,
    }
    done = subprocess.run(
        [Path(ROOT) / "infra" / "scripts" / name, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
