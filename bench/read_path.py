"""`GET /api/v1/clients/{id}`: core-api against one bare Starlette route that answers the same."""

import json
import urllib.request
from contextlib import ExitStack
from typing import Any
from uuid import UUID

import asyncpg

from bench.figures import Goal, Outcome, figure, ratios
from bench.key_server import running_identity
from bench.load import Plan, Request, Seen, send
from bench.servers import Servers, running_servers
from bench.service_process import SEALING, ServiceProcess, running_service
from chassis.security.sealing import Place, Vault
from chassis.settings import SealingSettings
from devstack.people import AURORA
from shared_schemas.ids import new_id

_CLIENTS = 500
_CONNECTIONS = 16
_SECONDS = 4.0
_WARM_UP_SECONDS = 1.0
_ROUNDS = 5

METHOD = f"""
Both run under uvicorn (uvloop, httptools, one process, no access log of uvicorn's) on the
same durable PostgreSQL, ten pooled connections each. A load generator of its own process
keeps {_CONNECTIONS} keep-alive connections busy, one request in flight on each, over
{_CLIENTS} clients of one organization; {_WARM_UP_SECONDS:g} s of warm-up, then {_SECONDS:g} s
are counted. {_ROUNDS} rounds, in each core-api, then the bare handler; the ratio is that of
the two neighbours. The bare handler (`bench/bare_reader.py`) runs the same SELECT in `BEGIN
READ ONLY` + `set_config` in one round trip and `COMMIT`, as `cogep_app` under row-level
security, builds the same JSON (compared before the measurement), and checks the token with
python-jose as strictly; like core-api it remembers by digest a token that held. *Checked
anew*: the same handler verifying the signature on every request. Rate limiting is off in
core-api; its request log, metrics and security headers are on.
"""

_SQL = """
SELECT id, organization_id, kind, name, email, phone, emails, phones, addresses, document_sealed,
       tags, external_id, custom_fields, created_at, updated_at, version,
       (SELECT CASE WHEN bool_or(b.purpose_id IS NULL) THEN 'wholly'
                    WHEN NOT bool_or(b.purpose_id IS NULL) THEN 'partly' END
        FROM crm.processing_blocks b
        WHERE b.organization_id = c.organization_id AND b.lifted_at IS NULL
          AND b.client_id = ANY (array_append(ARRAY(
            SELECT m.id FROM crm.clients m
            WHERE m.organization_id = c.organization_id AND m.merged_into_id = c.id), c.id))
       ) AS processing_blocked
FROM crm.clients c WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL
"""
_INSERT = """
INSERT INTO crm.clients
    (id, organization_id, kind, name, email, phone, emails, phones, document_sealed, tags,
     external_id, version)
SELECT id, $2, 'person', 'Cliente ' || number, email, phone,
       jsonb_build_array(jsonb_build_object('address', email, 'label', NULL, 'primary', true)),
       jsonb_build_array(jsonb_build_object('number', phone, 'label', NULL, 'primary', true)),
       sealed, '{munícipe}', 'BENCH-' || number, 1
FROM unnest($1::uuid[], $3::bytea[]) WITH ORDINALITY AS new (id, sealed, number),
     LATERAL (SELECT 'cliente' || number || '@example.com' AS email,
                     '+551190000' || lpad(number::text, 4, '0') AS phone) AS contact
"""


async def measure() -> Outcome:
    """Alternating rounds of core-api and the two variants of the bare handler."""
    rounds: dict[str, list[Seen]] = {"core-api": [], "remembered": [], "checked": []}
    with ExitStack() as stack:
        servers = stack.enter_context(running_servers())
        identity = stack.enter_context(running_identity())
        core_api = stack.enter_context(
            running_service("core_api.main:create_app", servers, identity)
        )
        bare = stack.enter_context(
            running_service(
                "bench.bare_reader:create_app",
                servers,
                identity,
                BENCH_DATABASE_URL=servers.plain_url("cogep_app"),
                BENCH_JWKS=json.dumps(identity.tokens.jwks()),
                BENCH_SQL=_SQL,
                **SEALING,
            )
        )
        # An attendant: both sides open the document, and mask it. Who may see it whole leaves an
        # audit row behind, which is another operation.
        token = identity.token("bruno")
        _get(core_api, "/api/v1/me", token)  # provisions organization and member
        clients = await _create_clients(servers)
        paths = {"core-api": "/api/v1/clients", "remembered": "/remembered", "checked": "/checked"}
        processes = {"core-api": core_api, "remembered": bare, "checked": bare}
        _compare(core_api, bare, clients[0], token)
        for _ in range(_ROUNDS):
            for name, seen in rounds.items():
                seen.append(await send(_plan(processes[name], paths[name], clients, token)))
    return _outcome(rounds)


def _outcome(rounds: dict[str, list[Seen]]) -> Outcome:
    rates = {name: [seen.per_second for seen in rounds_] for name, rounds_ in rounds.items()}
    p95 = [seen.latencies_ms["p95"] for seen in rounds["core-api"]]
    ours = rates["core-api"]
    return Outcome(
        METHOD,
        [
            ratios("core-api over the bare handler", ours, rates["remembered"], Goal(at_least=0.5)),
            ratios("core-api over the bare handler, checked anew", ours, rates["checked"], None),
            figure("core-api", ours, "requests/s"),
            figure("bare handler", rates["remembered"], "requests/s"),
            figure("bare handler, checked anew", rates["checked"], "requests/s"),
            figure(f"core-api p95 at {_CONNECTIONS} connections", p95, "ms"),
        ],
    )


def _plan(process: ServiceProcess, path: str, clients: list[UUID], token: str) -> Plan:
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    return Plan(
        port=process.port,
        requests=[Request("GET", f"{path}/{client}", headers) for client in clients],
        connections=_CONNECTIONS,
        seconds=_SECONDS,
        warm_up_seconds=_WARM_UP_SECONDS,
    )


async def _create_clients(servers: Servers) -> list[UUID]:
    clients = [new_id() for _ in range(_CLIENTS)]
    vault = Vault(SealingSettings.model_validate(SEALING))
    sealed = [
        vault.seal(b"52998224725", Place(AURORA.id, client, "clients.document"))
        for client in clients
    ]
    connection = await asyncpg.connect(servers.plain_url("postgres"))
    try:
        await connection.execute(_INSERT, clients, AURORA.id, sealed)
        await connection.execute("VACUUM ANALYZE crm.clients")
    finally:
        await connection.close()
    return clients


def _compare(core_api: ServiceProcess, bare: ServiceProcess, client: UUID, token: str) -> None:
    """A yardstick that answers something else measures nothing."""
    ours = _get(core_api, f"/api/v1/clients/{client}", token)["data"]
    for path in ("remembered", "checked"):
        theirs = _get(bare, f"/{path}/{client}", token)["data"]
        if ours != theirs:
            raise AssertionError(f"the answers differ: {ours} and {theirs}")


def _get(process: ServiceProcess, path: str, token: str) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{process.port}{path}", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - the same
        body: dict[str, Any] = json.load(answer)
        return body
