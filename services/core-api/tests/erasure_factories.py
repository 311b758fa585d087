"""A person planted everywhere core-api keeps something, and a look into every row and object."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
from core_api_factories import CLIENTS, TICKETS, Person, generated_cpf, make_consent, make_purpose
from core_api_imports import upload
from privacy_factories import REQUESTS, make_proven
from redis.asyncio import Redis

from chassis.data.columns import utc_now
from core_api.anchoring import Signer
from core_api.modules.erasure.sweeping import Swept, advance, sweep_erasures
from core_api.subject_stores import Workshop
from core_api.workplace import Workplace
from devstack.people import AURORA
from shared_schemas.events import PrivacyErasureCompleted
from shared_schemas.ids import OrganizationId, new_id

ERASURES: Final = "/api/v1/erasures"
CPF: Final = generated_cpf(77)
MARKERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "name": "Zoraidina",
        "former name": "Quiteriana",
        "email": "zoraidina.marca@exemplo.com.br",
        "phone": "5511961234567",
        "document": CPF,
        "code": "MARCA-COD-9077",
        "tag": "marca-etiqueta",
        "subject": "xilocarpose",
        "description": "bromelaceia",
        "message": "tripanossoma",
        "edited": "quadrigeminal",
        "note": "ornitorrincada",
        "file name": "laudozoraide",
        "file content": "conteudomarcado",
        "role": "sindicaperpetua",
        "view": "visaomarcada",
        "reason": "motivomarcado",
        "hold": "suspensaomarcada",
        "street": "alamedamarcada",
    }
)
"""What nobody else has, by where it is."""
_TABLES: Final = (
    "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('crm', 'ai')"
    " ORDER BY 1"
)


@dataclass
class Planted:
    """Who was planted, and what belongs to them."""

    id: str
    tickets: list[str] = field(default_factory=list)
    merged: str = ""
    request_id: str = ""


async def plant(person: Person, *, tickets: int = 3) -> Planted:
    """A client with everything a client can have, known to the subject's request of erasure."""
    m = MARKERS
    key = {"idempotency-key": f"plantar-{new_id()}"}
    answer = await person.post(
        CLIENTS,
        {
            "name": f"{m['former name']} da Silva",
            "emails": [{"address": m["email"]}],
            "phones": [{"number": f"+{m['phone']}"}],
            "addresses": [{"uf": "SP", "city": "São Paulo", "street": m["street"], "number": "7"}],
            "document": m["document"],
            "external_id": m["code"],
            "tags": [m["tag"]],
        },
        headers=key,
    )
    assert answer.status_code == 201, answer.text
    planted = Planted(answer.json()["data"]["id"])
    path = f"{CLIENTS}/{planted.id}"
    changed = await person.patch(path, {"name": f"{m['name']} da Silva"})
    assert changed.status_code == 200, changed.text
    await person.made(f"{path}/notes", {"body": f"Atenção: {m['note']}"})
    company = await person.made(CLIENTS, {"name": "Padaria Central", "kind": "company"})
    await person.made(f"{path}/relations", {"client_id": company["id"], "role": m["role"]})
    for number in range(tickets):
        planted.tickets.append(await _ticket(person, planted.id, number))
    await _view(person, planted.id)
    await _consents(person, planted.id)
    return planted


async def _ticket(person: Person, client_id: str, number: int) -> str:
    m = MARKERS
    key = {"idempotency-key": f"chamado-{new_id()}"}
    given = {
        "client_id": client_id,
        "subject": f"{m['subject']} {number}",
        "description": f"Sobre {m['description']}",
        "tags": [m["tag"]],
    }
    answer = await person.post(TICKETS, given, headers=key)
    assert answer.status_code == 201, answer.text
    ticket_id = str(answer.json()["data"]["id"])
    path = f"{TICKETS}/{ticket_id}"
    name = f"{m['file name']}-{number}.txt"
    sent = await person.call(
        "POST", f"{path}/attachments", files={"file": (name, m["file content"].encode())}
    )
    assert sent.status_code == 201, sent.text
    said = await person.made(
        f"{path}/messages",
        {
            "kind": "note",
            "body": f"Disse {m['edited']}",
            "attachment_ids": [sent.json()["data"]["id"]],
        },
    )
    edited = await person.patch(f"{path}/messages/{said['id']}", {"body": f"Disse {m['message']}"})
    assert edited.status_code == 200, edited.text
    return ticket_id


async def _view(person: Person, client_id: str) -> None:
    await person.made(
        "/api/v1/views", {"name": MARKERS["view"], "filter": {"client_id": client_id}}
    )


async def _consents(person: Person, client_id: str) -> None:
    purposes = await person.seen("/api/v1/consent-purposes")
    if not purposes:
        await make_purpose(person)
    consent = await make_consent(person, client_id)
    await person.made(f"/api/v1/consents/{consent['id']}/revoke", {"reason": MARKERS["reason"]})
    await make_consent(person, client_id)
    await person.made(f"{CLIENTS}/{client_id}/preferences-links", {"valid_hours": 24})


async def merge_in(person: Person, planted: Planted) -> None:
    """Another entry of the same person, joined with the planted one."""
    other = await person.made(
        CLIENTS, {"name": f"{MARKERS['name']} Silva", "emails": [{"address": MARKERS["email"]}]}
    )
    await person.made(
        f"{CLIENTS}/{planted.id}/merge",
        {"other_id": other["id"], "reason": MARKERS["reason"]},
    )
    planted.merged = other["id"]


async def import_file(person: Person) -> str:
    """A file in which the person stands, looked at and not started."""
    content = f"codigo;nome;email;cpf\n1;{MARKERS['name']} da Silva;;{MARKERS['document']}\n"
    answer = await upload(person, content, name=f"{MARKERS['name']}.csv")
    assert answer.status_code in {201, 202}, answer.text
    return str(answer.json()["data"]["id"])


async def place_hold(person: Person, client_id: str) -> dict[str, Any]:
    """A legal hold on a client."""
    day = (utc_now() + timedelta(days=30)).date().isoformat()
    given = {"reason": MARKERS["hold"], "review_on": day}
    return await person.made(f"{CLIENTS}/{client_id}/legal-holds", given)


async def lift_hold(person: Person, hold_id: str) -> None:
    """It is over."""
    await person.made(f"/api/v1/legal-holds/{hold_id}/lift", {"reason": MARKERS["hold"]})


async def execute(person: Person, planted: Planted) -> dict[str, Any]:
    """The subject asks, is known, and the request is executed; the erasure that has begun."""
    request = await make_proven(
        person,
        client_id=planted.id,
        type="erasure",
        description=f"Apaguem tudo de {MARKERS['name']}",
    )
    planted.request_id = request["id"]
    await person.made(f"{REQUESTS}/{request['id']}/execute", {})
    (erasure,) = await person.seen(ERASURES, client_id=planted.id)
    found: dict[str, Any] = erasure
    return found


def signer_of(workplace: Workplace) -> Signer:
    """Signs receipts and tombstones."""
    return Signer(workplace.settings.ledger)


async def sweep(workshop: Workshop, workplace: Workplace) -> Swept:
    """What worker-svc asks for every few seconds."""
    return await sweep_erasures(workshop, signer_of(workplace))


async def go_on(workshop: Workshop, workplace: Workplace, erasure_id: str) -> Swept:
    """One erasure, as far as it goes."""
    swept = Swept()
    tenant = OrganizationId(AURORA.id)
    await advance(workshop, signer_of(workplace), tenant, UUID(erasure_id), swept)
    return swept


def answer_of(erasure: Mapping[str, Any], **changes: Any) -> PrivacyErasureCompleted:
    """What ai-svc says when it has done its part."""
    given = {
        "privacy_request_id": erasure["privacy_request_id"],
        "client_id": erasure["client_id"],
        "service": "ai-svc",
        "erased": {"chunks": 3},
        "kept": {"client_absences": 1},
    }
    return PrivacyErasureCompleted.caused(
        organization_id=OrganizationId(AURORA.id), correlation_id="teste", **(given | changes)
    )


async def rows_with(superuser: asyncpg.Connection, marker: str) -> dict[str, int]:
    """Tables, with how many rows of each hold the marker: in letters, or in bytes."""
    found: dict[str, int] = {}
    in_hex = marker.encode().hex()
    for (table,) in await superuser.fetch(_TABLES):
        count = await superuser.fetchval(
            f"SELECT count(*) FROM {table} t WHERE strpos(lower(t::text), lower($1)) > 0"
            " OR strpos(t::text, $2) > 0 OR strpos(crm.fold(t::text), crm.fold($1)) > 0",
            marker,
            in_hex,
        )
        if count:
            found[table] = count
    return found


def objects_with(workplace: Workplace, marker: str) -> list[str]:
    """Objects that hold the marker, in their name or content."""
    folder = Path(urlsplit(workplace.settings.storage.url).path)
    return [
        str(file.relative_to(folder))
        for file in folder.rglob("*")
        if file.is_file() and (marker in file.name or marker.encode() in file.read_bytes())
    ]


async def keys_with(redis: Redis, marker: str) -> list[bytes]:
    """Streams that hold the marker."""
    found = []
    async for key in redis.scan_iter(count=1000, _type="stream"):
        entries = await redis.xrange(key)
        if marker in str(entries):
            found.append(key)
    return found


async def fingerprints(superuser: asyncpg.Connection, client_id: str) -> dict[str, str]:
    """Every row that refers to a client or to a ticket of theirs, as it is to the last byte."""
    tables = await superuser.fetch(
        "SELECT table_schema || '.' || table_name AS name, column_name"
        " FROM information_schema.columns WHERE table_schema IN ('crm', 'ai')"
        " AND column_name IN ('client_id', 'ticket_id', 'about') ORDER BY 1, 2"
    )
    of_tickets = "SELECT id FROM crm.tickets WHERE client_id = $1"
    found = {
        "crm.clients": await superuser.fetchval(
            "SELECT md5(string_agg(t::text, '|')) FROM crm.clients t WHERE id = $1", UUID(client_id)
        )
    }
    for row in tables:
        if row["name"] == "ai.client_absences":
            continue
        wanted = f"IN ({of_tickets})" if row["column_name"] == "ticket_id" else "= $1"
        found[f"{row['name']}.{row['column_name']}"] = await superuser.fetchval(
            f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {row['name']} t"
            f" WHERE {row['column_name']} {wanted}",
            UUID(client_id),
        )
    return found
