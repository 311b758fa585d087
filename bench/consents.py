"""A hundred thousand consents: asking for a legal basis, deciding, and verifying the ledger.

`python -m bench consents`. Goals: a check under 1 ms at p95 within a request, 50,000 links/s.
"""

import hashlib
import time
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx

from bench.chassis_database import open_database
from bench.figures import Figure, Goal, Outcome, figure, percentile
from bench.key_server import running_identity
from bench.servers import Servers, running_servers
from bench.service_process import running_service
from chassis.data.database import Database
from core_api.chain import FIRST, canonical, chained
from core_api.modules.consents.legal_basis import legal_basis_of
from core_api.modules.consents.verifying import verify_ledger
from core_api.schema import SCHEMA
from devstack.people import AURORA
from shared_schemas.ids import OrganizationId, new_id

_CONSENTS: Final = 100_000
_CLIENTS: Final = 50_000
_CHECKS: Final = 3_000
_DECISIONS: Final = 300
_ROUNDS: Final = 5
_ORGANIZATION: Final = OrganizationId(AURORA.id)
_TEXT: Final = "Usamos seu e-mail para enviar novidades."

METHOD: Final = f"""
PostgreSQL with {_CLIENTS:,} clients of one organization and {_CONSENTS:,} consents, two per client,
each a link of the ledger. A check is the product's own statement as `cogep_app` under row-level
security, {_CHECKS:,} clients one after the other: within a transaction that is open, as a write
asks it; and over HTTP, in a request of its own, for comparison. Verifying computes every link
again and compares them with their receipts, as the endpoint does. {_ROUNDS} rounds.
"""


async def measure() -> Outcome:
    """Fill, then rounds."""
    with running_servers() as servers, running_identity() as identity:
        clients = await _fill(servers)
        with running_service("core_api.main:create_app", servers, identity) as core_api:
            headers = {"Authorization": f"Bearer {identity.token('ana')}"}
            base = f"http://127.0.0.1:{core_api.port}/api/v1"
            async with (
                open_database(servers, SCHEMA) as database,
                httpx.AsyncClient(base_url=base, headers=headers) as http,
            ):
                figures = await _figures(database, http, clients)
    return Outcome(METHOD, figures)


async def _figures(
    database: Database, http: httpx.AsyncClient, clients: Sequence[UUID]
) -> list[Figure]:
    checked: list[float] = []
    asked: list[float] = []
    verified: list[float] = []
    decided: list[float] = []
    await _checks(database, clients[:100])
    for number in range(_ROUNDS):
        some = clients[number * _CHECKS : (number + 1) * _CHECKS]
        checked.append(percentile(sorted(await _checks(database, some)), 0.95))
        asked.append(percentile(sorted(await _requests(http, some[:500])), 0.95))
        verified.append(await _links_per_second(database))
        decided.append(percentile(sorted(await _decisions(http, some[:_DECISIONS])), 0.95))
    return [
        figure("check of a legal basis in a transaction, p95", checked, "ms", Goal(below=1)),
        figure("the same as a request of its own, p95", asked, "ms"),
        figure("ledger verified", verified, "links/s", Goal(at_least=50_000)),
        figure("recording a decision over HTTP, p95", decided, "ms"),
    ]


async def _checks(database: Database, clients: Sequence[UUID]) -> list[float]:
    """Milliseconds of each."""
    taken = []
    async with database.transaction(_ORGANIZATION) as session:
        for client_id in clients:
            began = time.perf_counter()
            standing = await legal_basis_of(session, _ORGANIZATION, client_id, "novidades")
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
    given = {"purpose_code": "novidades", "decision": "granted", "channel": "phone"}
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


async def _fill(servers: Servers) -> list[UUID]:
    """Clients, a purpose with its notice, consents and their links; the clients."""
    connection = await asyncpg.connect(servers.plain_url("postgres"))
    try:
        clients = [new_id() for _ in range(_CLIENTS)]
        await connection.execute(
            "INSERT INTO crm.organizations (organization_id, slug, name) VALUES ($1, $2, $2)",
            *(AURORA.id, AURORA.slug),
        )
        await connection.copy_records_to_table(
            "clients",
            schema_name="crm",
            columns=["id", "organization_id", "kind", "name", "tags"],
            records=((client, AURORA.id, "person", "Júlia Prado", []) for client in clients),
        )
        await _fill_ledger(connection, clients)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
    return clients


async def _fill_ledger(connection: asyncpg.Connection, clients: Sequence[UUID]) -> None:
    purpose, notice, somebody = new_id(), new_id(), new_id()
    sha256 = hashlib.sha256(_TEXT.encode()).hexdigest()
    now = await connection.fetchval("SELECT now()")
    await connection.execute(
        "INSERT INTO crm.consent_purposes (id, organization_id, code, name, description,"
        " legal_basis, notice_version) VALUES ($1, $2, 'novidades', 'Novidades', 'Enviar.',"
        " 'consent', 1)",
        *(purpose, AURORA.id),
    )
    await connection.execute(
        "INSERT INTO crm.consent_notices (id, organization_id, purpose_id, version, locale, text,"
        " sha256, published_by) VALUES ($1, $2, $3, 1, 'pt-BR', $4, $5, $6)",
        *(notice, AURORA.id, purpose, _TEXT, sha256, somebody),
    )
    facts: list[tuple[UUID, dict[str, Any]]] = [
        (notice, {"kind": "notice.published", "notice_sha256": sha256})
    ]
    consents, said = [], ("pt-BR", "granted", "phone")
    for number in range(_CONSENTS):
        consent, client = new_id(), clients[number % len(clients)]
        consents.append((consent, AURORA.id, client, purpose, 1, sha256, *said, now, somebody))
        fields = {"consent_id": consent, "client_id": client, "purpose_id": purpose}
        facts.append(
            (
                consent,
                fields
                | {"kind": "consent.granted", "notice_version": 1, "notice_sha256": sha256}
                | {
                    "locale": "pt-BR",
                    "channel": "phone",
                    "decided_at": now,
                    "recorded_by": somebody,
                    "at": now,
                },
            )
        )
    names = "id organization_id client_id purpose_id notice_version notice_sha256 locale decision"
    columns = [*names.split(), "channel", "decided_at", "recorded_by"]
    await connection.copy_records_to_table(
        "consents", schema_name="crm", columns=columns, records=consents
    )
    await _chain(connection, facts)


async def _chain(
    connection: asyncpg.Connection, facts: Sequence[tuple[UUID, dict[str, Any]]]
) -> None:
    previous, links = FIRST, []
    for sequence, (receipt_id, fields) in enumerate(facts, 1):
        place = {"receipt_id": receipt_id, "organization_id": AURORA.id, "sequence": sequence}
        entry = canonical(fields | place)
        link = chained(previous, entry)
        links.append((AURORA.id, sequence, receipt_id, entry, previous, link))
        previous = link
    names = ["organization_id", "sequence", "receipt_id", "entry", "previous_hash", "hash"]
    await connection.copy_records_to_table(
        "consent_ledger", schema_name="crm", columns=names, records=links
    )
    await connection.execute(
        "INSERT INTO crm.consent_ledger_heads (organization_id, sequence, hash)"
        " VALUES ($1, $2, $3)",
        *(AURORA.id, len(links), previous),
    )
