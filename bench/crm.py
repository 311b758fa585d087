"""A service desk of 200,000 clients and 500,000 tickets: its migrations in use, and every call.

Takes about ten minutes, most of them for the rows: `python -m bench crm`. BENCH_CRM_SHARE=0.01
makes a hundredth of it, to try the bench itself.
"""

import json
import os
import random
from contextlib import ExitStack
from typing import Any, Final
from uuid import UUID

import asyncpg

from bench.crm_filling import FIRST_REVISION, fill, large_and_small
from bench.crm_migration import Migrated, alembic, migrate_in_use
from bench.figures import Figure, Goal, Outcome, figure, ratios
from bench.key_server import running_identity
from bench.load import Plan, Request, Seen, send
from bench.servers import Servers, running_servers
from bench.service_process import SEALING, ServiceProcess, running_service
from devstack.people import AURORA

_SHARE: Final = float(os.environ.get("BENCH_CRM_SHARE", "1"))
_CLIENTS: Final = int(200_000 * _SHARE)
_TICKETS: Final = int(500_000 * _SHARE)
_REVISIONS: Final = [f"crm_{number:03d}" for number in range(2, 10)]
_ROUNDS: Final = 3
_CONNECTIONS: Final = 8
_SECONDS: Final = 1.5
_SAMPLE: Final = 400

METHOD: Final = f"""
{_CLIENTS:,} clients and {_TICKETS:,} tickets over two years, with messages, consents and audit
events (`bench/crm_rows.py`), are written by COPY at revision `{FIRST_REVISION}`, with a hundredth
of them in a second organization. Then each further revision runs, while four connections read
clients, tickets, pages, messages and audit events as `cogep_app` in short transactions; the longest
any of these reads took is the figure. Then one core-api process under uvicorn answers each call
over HTTP: one request at a time for the latencies, {_CONNECTIONS} connections for the ratios, in
{_ROUNDS} rounds. The bare handlers (`bench/crm_bare.py`) send the same columns, filter and order
through asyncpg, check the token as strictly and build the same JSON; core-api and they take turns.
"""

_COLUMNS: Final = """
id, number, client_id, subject, description, priority, channel, status, tags, category_id,
custom_fields, team_id, assignee_id, created_by, last_message_at, resolved_at, closed_at,
reopened_at, reopen_count, first_replied_at, merged_into_id, follow_up_of_id, sla_due_at,
sla_warning_at, created_at, updated_at, version
"""
_TICKET: Final = f"SELECT {_COLUMNS} FROM crm.tickets WHERE organization_id = $1 AND id = $2"
_PAGE: Final = f"""
SELECT {_COLUMNS} FROM crm.tickets WHERE organization_id = $1
ORDER BY created_at DESC, id DESC LIMIT $2
"""
_YEAR: Final = "since=2025-11-02&until=2026-11-01"
_TWO_YEARS: Final = "since=2024-11-02&until=2026-11-01"


async def measure() -> Outcome:
    """Fill, migrate, call."""
    with ExitStack() as stack:
        servers = stack.enter_context(running_servers(migrate=False))
        keys = SEALING | {"FIELD_KEY_CURRENT": "1"}
        owner = servers.database_url("cogep_owner")
        await alembic(owner, FIRST_REVISION, keys)
        await fill(servers.plain_url("postgres"), large_and_small(_CLIENTS, _TICKETS))
        app = servers.plain_url("cogep_app")
        migrated = await migrate_in_use(owner, app, AURORA.id, _REVISIONS, keys)
        identity = stack.enter_context(running_identity())
        core_api = stack.enter_context(
            running_service("core_api.main:create_app", servers, identity, **keys)
        )
        bare = stack.enter_context(
            running_service(
                "bench.crm_bare:create_app",
                servers,
                identity,
                BENCH_DATABASE_URL=app,
                BENCH_JWKS=json.dumps(identity.tokens.jwks()),
                BENCH_TICKET=_TICKET,
                BENCH_PAGE=_PAGE,
            )
        )
        calls = _Calls(identity.token("ana"), await _sample(servers))
        figures = [*_of_migrations(migrated), *await _ratios(core_api, bare, calls)]
        figures += await _latencies(core_api, calls)
    return Outcome(METHOD, figures)


class _Calls:
    """The requests of each operation."""

    def __init__(self, token: str, sample: dict[str, list[Any]]) -> None:
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._sample = sample

    def reads(self) -> dict[str, list[Request]]:
        """Name → requests that only read."""
        tickets, clients = self._sample["tickets"], self._sample["clients"]
        names, words = self._sample["names"], self._sample["words"]
        return {
            "read a client": self._get("/clients/{}", clients),
            "read a ticket": self._get("/tickets/{}", tickets),
            "page of 50 tickets": self._get("/tickets?limit=50", [""]),
            "page of 50 clients": self._get("/clients?limit=50", [""]),
            "search clients by name": self._get("/clients/search?q={}", names),
            "search tickets": self._get("/tickets/search?q={}", words),
            "messages of a ticket": self._get("/tickets/{}/messages", tickets),
        }

    def reports(self) -> dict[str, list[Request]]:
        """Name → requests for the reports over all there is."""
        return {
            "report: volume by day": self._get(f"/reports/volume?{_TWO_YEARS}", [""]),
            "report: backlog by agent": self._get("/reports/backlog?by=agent", [""]),
            "report: times": self._get(f"/reports/times?{_TWO_YEARS}", [""]),
            "report: times by agent": self._get(f"/reports/times?{_TWO_YEARS}&by=agent", [""]),
            "report: times by agent, a year": self._get(f"/reports/times?{_YEAR}&by=agent", [""]),
            "report: service levels by agent": self._get(
                f"/reports/sla?{_TWO_YEARS}&by=agent", [""]
            ),
        }

    def writes(self) -> dict[str, tuple[int, list[Request]]]:
        """Name → the status expected, and requests that change something."""
        tickets, clients = self._sample["tickets"], self._sample["clients"]
        new = [
            {"client_id": client, "subject": "Certidão atrasada", "description": "Não chegou."}
            for client in clients
        ]
        note = {"kind": "note", "body": "Ligar amanhã."}
        return {
            "create a ticket": (201, [self._send("POST", "/tickets", body) for body in new]),
            "change a ticket": (
                200,
                [
                    self._send("PATCH", f"/tickets/{ticket}", {"subject": f"Assunto {number}"})
                    for number, ticket in enumerate(tickets)
                ],
            ),
            "add a message": (
                201,
                [self._send("POST", f"/tickets/{ticket}/messages", note) for ticket in tickets],
            ),
        }

    def bare(self) -> dict[str, list[Request]]:
        """What the yardstick is asked."""
        tickets = self._sample["tickets"]
        return {
            "read a ticket": [
                Request("GET", f"/tickets/{each}", self._headers) for each in tickets
            ],
            "page of 50 tickets": [Request("GET", "/tickets", self._headers)],
        }

    def _get(self, path: str, values: list[Any]) -> list[Request]:
        return [Request("GET", "/api/v1" + path.format(each), self._headers) for each in values]

    def _send(self, method: str, path: str, body: dict[str, Any]) -> Request:
        headers = {**self._headers, "Content-Type": "application/json"}
        return Request(method, f"/api/v1{path}", headers, json.dumps(body))


def _of_migrations(migrated: Migrated) -> list[Figure]:
    blocked = max(migrated.blocked_in.values())
    return [
        figure("migrations, longest read meanwhile", [blocked], "ms", Goal(below=1000)),
        figure("migrations, all", [sum(migrated.seconds.values())], "s"),
        *(
            figure(f"{revision}, longest read", [slowest], "ms")
            for revision, slowest in migrated.blocked_in.items()
        ),
    ]


async def _ratios(core_api: ServiceProcess, bare: ServiceProcess, calls: _Calls) -> list[Figure]:
    figures = []
    for name, theirs in calls.bare().items():
        rates: tuple[list[float], list[float]] = ([], [])
        for _ in range(_ROUNDS):
            for rate, process, requests in (
                (rates[0], core_api, calls.reads()[name]),
                (rates[1], bare, theirs),
            ):
                seen = await send(_plan(process, requests, connections=_CONNECTIONS))
                rate.append(seen.per_second)
        figures += [
            ratios(f"{name}, core-api over bare", *rates, Goal(at_least=0.4)),
            figure(f"{name}, core-api", rates[0], "requests/s"),
        ]
    return figures


async def _latencies(core_api: ServiceProcess, calls: _Calls) -> list[Figure]:
    figures = []
    for name, requests in {**calls.reads(), **calls.reports()}.items():
        goal = Goal(below=1000) if name.startswith("report") else None
        rounds = [await send(_plan(core_api, requests)) for _ in range(_ROUNDS)]
        figures += _percentiles(name, rounds, goal)
    for name, (status, requests) in calls.writes().items():
        rounds = [await send(_plan(core_api, requests, status=status)) for _ in range(_ROUNDS)]
        figures += _percentiles(name, rounds, None)
    return figures


def _percentiles(name: str, rounds: list[Seen], goal: Goal | None) -> list[Figure]:
    return [
        figure(f"{name}, {share}", [seen.latencies_ms[share] for seen in rounds], "ms", goal)
        for share in ("p50", "p95")
    ]


def _plan(
    process: ServiceProcess, requests: list[Request], *, connections: int = 1, status: int = 200
) -> Plan:
    return Plan(
        port=process.port,
        requests=requests,
        connections=connections,
        seconds=_SECONDS,
        warm_up_seconds=0.3,
        expected_status=status,
    )


async def _sample(servers: Servers) -> dict[str, list[Any]]:
    """Ids of unfinished tickets and of clients, words of names and of subjects."""
    connection = await asyncpg.connect(servers.plain_url("postgres"))
    dice = random.Random(1)
    mine: UUID = AURORA.id
    try:
        tickets = await connection.fetch(
            "SELECT id, subject FROM crm.tickets WHERE organization_id = $1 "
            "AND status NOT IN ('resolved', 'closed') ORDER BY id DESC LIMIT 5000",
            mine,
        )
        clients = await connection.fetch(
            "SELECT id, split_part(crm.fold(name), ' ', 1) AS name FROM crm.clients "
            "WHERE organization_id = $1 LIMIT 20000",
            mine,
        )
    finally:
        await connection.close()
    tickets = dice.sample(tickets, min(_SAMPLE, len(tickets)))
    clients = dice.sample(clients, min(_SAMPLE, len(clients)))
    ascii_words = [row["subject"].split()[0] for row in tickets if row["subject"].isascii()]
    return {
        "tickets": [row["id"] for row in tickets],
        "clients": [str(row["id"]) for row in clients],
        "names": [row["name"] for row in clients if row["name"].isalnum()],
        "words": ascii_words,
    }
