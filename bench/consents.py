"""A hundred thousand consents: asking for a legal basis, deciding, verifying the ledger, and seeing
what an erasure would erase.

`python -m bench consents`. Goals: a check under 1 ms at p95 within a request, 50,000 links/s, a
preview under 1 s.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import httpx

from bench.chassis_database import open_database
from bench.consents_filling import ANSWERS, CLIENTS, CONSENTS, PURPOSE, fill
from bench.figures import Figure, Goal, Outcome, figure, percentile
from bench.key_server import running_identity
from bench.servers import running_servers
from bench.service_process import ServiceProcess, running_service
from chassis.data.database import Database
from core_api.modules.consents.legal_basis import legal_basis_of
from core_api.modules.consents.verifying import verify_ledger
from core_api.schema import SCHEMA
from devstack.people import AURORA
from shared_schemas.ids import OrganizationId

_CHECKS: Final = 3_000
_DECISIONS: Final = 300
_ROUNDS: Final = 5
_PREVIEWS: Final = 20
_TICKETS: Final = 40
_DOCUMENTS: Final = 3
_PATIENCE_SECONDS: Final = 60
_ORGANIZATION: Final = OrganizationId(AURORA.id)

METHOD: Final = f"""
PostgreSQL with {CLIENTS:,} clients of one organization and {CONSENTS:,} consents, two per client,
each a link of the ledger. A check is the product's own statement as `cogep_app` under row-level
security, {_CHECKS:,} clients one after the other: within a transaction that is open, as a write
asks it; and over HTTP, in a request of its own, for comparison. Verifying computes every link
again and compares them with their receipts, as the endpoint does. An erasure's preview is asked for
over HTTP, {_PREVIEWS} times a round, for clients with {_TICKETS} tickets, two messages on each, and
{_DOCUMENTS} documents in a real ai-svc, which is asked by core-api; beside them stand the events of
all consents and {ANSWERS:,} answers kept for `Idempotency-Key`. {_ROUNDS} rounds.
"""


async def measure() -> Outcome:
    """Fill, then rounds."""
    with running_servers() as servers, running_identity() as identity:
        clients = await fill(servers)
        with (
            running_service("ai_svc.main:create_app", servers, identity) as ai_svc,
            running_service(
                "core_api.main:create_app", servers, identity, AI_SVC_URL=_at(ai_svc)
            ) as core_api,
        ):
            headers = {"Authorization": f"Bearer {identity.token('ana')}"}
            async with (
                open_database(servers, SCHEMA) as database,
                httpx.AsyncClient(base_url=f"{_at(core_api)}/api/v1", headers=headers) as http,
                httpx.AsyncClient(base_url=f"{_at(ai_svc)}/api/v1", headers=headers) as assistant,
            ):
                known = await _known(http, assistant)
                figures = await _figures(database, http, clients, known)
    return Outcome(METHOD, figures)


def _at(service: ServiceProcess) -> str:
    return f"http://127.0.0.1:{service.port}"


async def _figures(
    database: Database, http: httpx.AsyncClient, clients: Sequence[UUID], known: Sequence[str]
) -> list[Figure]:
    checked: list[float] = []
    asked: list[float] = []
    verified: list[float] = []
    decided: list[float] = []
    previewed: list[float] = []
    await _checks(database, clients[:100])
    for number in range(_ROUNDS):
        some = clients[number * _CHECKS : (number + 1) * _CHECKS]
        checked.append(percentile(sorted(await _checks(database, some)), 0.95))
        asked.append(percentile(sorted(await _requests(http, some[:500])), 0.95))
        verified.append(await _links_per_second(database))
        decided.append(percentile(sorted(await _decisions(http, some[:_DECISIONS])), 0.95))
        previewed.append(percentile(sorted(await _previews(http, known)), 0.95))
    return [
        figure("check of a legal basis in a transaction, p95", checked, "ms", Goal(below=1)),
        figure("the same as a request of its own, p95", asked, "ms"),
        figure("ledger verified", verified, "links/s", Goal(at_least=50_000)),
        figure("preview of an erasure over HTTP, p95", previewed, "ms", Goal(below=1_000)),
        figure("recording a decision over HTTP, p95", decided, "ms"),
    ]


async def _checks(database: Database, clients: Sequence[UUID]) -> list[float]:
    """Milliseconds of each."""
    taken = []
    async with database.transaction(_ORGANIZATION) as session:
        for client_id in clients:
            began = time.perf_counter()
            standing = await legal_basis_of(session, _ORGANIZATION, client_id, PURPOSE)
            taken.append((time.perf_counter() - began) * 1e3)
            if not standing.allowed:
                raise RuntimeError(f"the bench's own consent does not stand: {standing.ground}")
    return taken


async def _requests(http: httpx.AsyncClient, clients: Sequence[UUID]) -> list[float]:
    taken = []
    for client_id in clients:
        began = time.perf_counter()
        answer = await http.get(f"/clients/{client_id}/legal-basis/novidades")
        taken.append((time.perf_counter() - began) * 1e3)
        answer.raise_for_status()
    return taken


async def _decisions(http: httpx.AsyncClient, clients: Sequence[UUID]) -> list[float]:
    taken = []
    given = {"purpose_code": PURPOSE, "decision": "granted", "channel": "phone"}
    for client_id in clients:
        began = time.perf_counter()
        answer = await http.post(f"/clients/{client_id}/consents", json=given | _VERSION)
        taken.append((time.perf_counter() - began) * 1e3)
        answer.raise_for_status()
    return taken


_VERSION: Final = {"notice_version": 1}


async def _links_per_second(database: Database) -> float:
    began = time.perf_counter()
    async with database.transaction(_ORGANIZATION, read_only=True) as session:
        walk, broken = await verify_ledger(session, _ORGANIZATION, {})
    if broken is not None:
        raise RuntimeError(f"the bench's own ledger is broken: {broken}")
    return walk.sequence / (time.perf_counter() - began)


async def _previews(http: httpx.AsyncClient, known: Sequence[str]) -> list[float]:
    """Milliseconds of each; every service must have answered."""
    taken = []
    for number in range(_PREVIEWS):
        began = time.perf_counter()
        answer = await http.get(f"/clients/{known[number % len(known)]}/erasure-preview")
        taken.append((time.perf_counter() - began) * 1e3)
        counts = {
            store["store"]: store["count"]
            for service in answer.json()["data"]["services"]
            for store in service["stores"]
        }
        if (counts["tickets"], counts["documents"]) != (_TICKETS, _DOCUMENTS):
            raise RuntimeError(f"the preview does not count what there is: {counts}")
    return taken


async def _known(http: httpx.AsyncClient, assistant: httpx.AsyncClient) -> list[str]:
    """Clients with tickets, messages and documents."""
    purpose = {
        "code": "contrato",
        "name": "Atendimento do contrato",
        "description": "Atender quem tem contrato conosco.",
        "legal_basis": "contract",
        "notice_text": "Usamos seus dados para atender o seu contrato.",
        "locale": "pt-BR",
        "assistant_may_use": True,
    }
    await _made(http, "/consent-purposes", purpose)
    return [await _person(http, assistant, number) for number in range(3)]


async def _person(http: httpx.AsyncClient, assistant: httpx.AsyncClient, number: int) -> str:
    name = f"Marilda Prado {number}"
    contact = {"email": f"marilda{number}@exemplo.com.br", "phone": f"+551197651234{number}"}
    client_id = str((await _made(http, "/clients", {"name": name, **contact}))["id"])
    for ticket_number in range(_TICKETS):
        given = {"subject": f"Chamado {ticket_number}", "description": f"{name} pede ajuda."}
        ticket = await _made(http, "/tickets", {"client_id": client_id, **given})
        for kind in ("client", "note"):
            said = {"kind": kind, "body": f"Mensagem sobre o chamado {ticket_number}."}
            await _made(http, f"/tickets/{ticket['id']}/messages", said)
    for document_number in range(_DOCUMENTS):
        await _filed(assistant, client_id, f"Parecer {document_number} sobre {name}.")
    return client_id


async def _filed(assistant: httpx.AsyncClient, client_id: str, text: str) -> None:
    """As soon as the assistant has heard that the purpose bears it."""
    about = {"client_id": client_id, "purpose_code": "contrato", "legal_basis": "contract"}
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            given = {"text": text, "visibility": "client", **about}
            answer = await assistant.post("/rag/documents", json=given)
            if answer.is_success:
                return
            await asyncio.sleep(0.1)


async def _made(http: httpx.AsyncClient, path: str, body: Any) -> Any:
    answer = await http.post(path, json=body)
    answer.raise_for_status()
    return answer.json()["data"]
