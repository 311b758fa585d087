"""A service desk of 200,000 clients and 500,000 tickets: its migrations in use, and every call.

Takes a quarter of an hour, most of it for the rows: `python -m bench crm`. BENCH_CRM_SHARE=0.01
makes a hundredth of it, to try the bench itself; BENCH_CRM_ONLY="report: timeline" calls only what
has one of these words in its name. Only the whole is written down.
"""

import json
import os
from contextlib import ExitStack
from typing import Final

from bench.crm_calls import Calls, draw
from bench.crm_filling import (
    FIRST_REVISION,
    GROUPED_REVISION,
    TIMED_REVISION,
    fill,
    fill_groups,
    fill_timers,
    large_and_small,
    settle,
)
from bench.crm_migration import Migrated, alembic, migrate_in_use, revisions_after
from bench.figures import Figure, Goal, Outcome, figure, ratios
from bench.key_server import running_identity
from bench.load import Plan, Request, Seen, send
from bench.servers import running_servers
from bench.service_process import SEALING, ServiceProcess, running_service
from devstack.people import AURORA

_SHARE: Final = float(os.environ.get("BENCH_CRM_SHARE", "1"))
_CLIENTS: Final = int(200_000 * _SHARE)
_TICKETS: Final = int(500_000 * _SHARE)
_REVISIONS: Final = revisions_after(FIRST_REVISION)
_ONLY: Final = os.environ.get("BENCH_CRM_ONLY", "").split()
_ROUNDS: Final = 3
_CONNECTIONS: Final = 8
_SECONDS: Final = 1.0

METHOD: Final = f"""
{_CLIENTS:,} clients and {_TICKETS:,} tickets over two years, with messages, consents and audit
events (`bench/crm_rows.py`), are written by COPY at revision `{FIRST_REVISION}`, with a hundredth
of them in a second organization; timers of service levels follow once there is a table for them
(`{TIMED_REVISION}`), teams and categories at `{GROUPED_REVISION}`. Then each further revision
runs, while four connections read clients, tickets, pages, messages and audit events as `cogep_app`
in short transactions; the longest any of these reads took is the figure. All is vacuumed then, as
autovacuum would do. One core-api process under uvicorn answers each call over HTTP: one request at
a time for the latencies, {_CONNECTIONS} connections for the ratios, in {_ROUNDS} rounds. The bare
handlers (`bench/crm_bare.py`) send the same columns, filter and order through asyncpg, check the
token as strictly and build the same JSON; core-api and they take turns.
"""

_COLUMNS: Final = """
id, number, client_id, subject, description, priority, channel, status, tags, category_id,
custom_fields, team_id, assignee_id, created_by, last_message_at, resolved_at, closed_at,
reopened_at, reopen_count, first_replied_at, merged_into_id, follow_up_of_id, sla_due_at,
created_at, updated_at, version
"""
_TICKET: Final = f"SELECT {_COLUMNS} FROM crm.tickets WHERE organization_id = $1 AND id = $2"
_PAGE: Final = f"""
SELECT {_COLUMNS} FROM crm.tickets WHERE organization_id = $1
ORDER BY created_at DESC, id DESC LIMIT $2
"""


async def measure() -> Outcome:
    """Fill, migrate, call."""
    with ExitStack() as stack:
        servers = stack.enter_context(running_servers(migrate=False))
        keys = SEALING | {"FIELD_KEY_CURRENT": "1"}
        owner = servers.database_url("cogep_owner")
        await alembic(owner, FIRST_REVISION, keys)
        superuser, app = servers.plain_url("postgres"), servers.plain_url("cogep_app")
        desks = large_and_small(_CLIENTS, _TICKETS)
        await fill(superuser, desks)
        between = {
            TIMED_REVISION: lambda: fill_timers(superuser),
            GROUPED_REVISION: lambda: fill_groups(superuser),
        }
        migrated = await migrate_in_use(owner, app, AURORA.id, _REVISIONS, keys, between)
        await settle(superuser)
        load = [_load("when the migrations were through")]
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
        sample = await draw(superuser, AURORA.id, _CLIENTS, desks[0].seed)
        calls = Calls(identity.token("ana"), sample)
        figures = _of_migrations(migrated)
        if not _ONLY:
            figures += await _ratios(core_api, bare, calls)
            load.append(_load("after the ratios"))
        figures += await _latencies(core_api, calls)
        load.append(_load("at the end"))
        return Outcome(METHOD, figures, load, is_whole=_SHARE == 1 and not _ONLY)


def _of_migrations(migrated: Migrated) -> list[Figure]:
    blocked = max(migrated.blocked_in.values())
    return [
        figure("migrations, longest read meanwhile", [blocked], "ms", Goal(below=1000)),
        figure("migrations, all", [sum(migrated.seconds.values())], "s"),
        *(
            line
            for revision, slowest in migrated.blocked_in.items()
            for line in (
                figure(f"{revision}, longest read", [slowest], "ms"),
                figure(f"{revision}, duration", [migrated.seconds[revision]], "s"),
            )
        ),
    ]


async def _ratios(core_api: ServiceProcess, bare: ServiceProcess, calls: Calls) -> list[Figure]:
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
            figure(f"{name}, bare", rates[1], "requests/s"),
        ]
    return figures


async def _latencies(core_api: ServiceProcess, calls: Calls) -> list[Figure]:
    figures = []
    for kind, goal in (
        (calls.reads(), None),
        (calls.timeline(), Goal(below=50)),
        (calls.client_searches(), Goal(below=50)),
        (calls.ticket_searches(), Goal(below=100)),
        (calls.reports(), Goal(below=1000)),
    ):
        for name, requests in kind.items():
            if _is_wanted(name):
                rounds = [await send(_plan(core_api, requests)) for _ in range(_ROUNDS)]
                figures += _percentiles(name, rounds, goal)
    for name, (status, requests) in calls.writes().items():
        if _is_wanted(name):
            rounds = [await send(_plan(core_api, requests, status=status)) for _ in range(_ROUNDS)]
            figures += _percentiles(name, rounds, None)
    return figures


def _is_wanted(name: str) -> bool:
    return not _ONLY or any(word in name for word in _ONLY)


def _percentiles(name: str, rounds: list[Seen], goal: Goal | None) -> list[Figure]:
    return [
        figure(f"{name}, {share}", [seen.latencies_ms[share] for seen in rounds], "ms", bound)
        for share, bound in (("p50", None), ("p95", goal))
    ]


def _load(when: str) -> str:
    return f"load average over the last minute, {when}: {os.getloadavg()[0]:.1f}"


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
