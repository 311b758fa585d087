"""`POST /api/v1/rag/documents` by fifty clients at once, while the worker is busy ingesting."""

import asyncio
import json
from contextlib import AsyncExitStack

import asyncpg

from bench import backlog
from bench.chassis_database import open_database
from bench.figures import Goal, Outcome, figure
from bench.key_server import Identity, running_identity
from bench.load import Plan, Request, Seen, send
from bench.servers import running_servers
from bench.service_process import ServiceProcess, running_service
from bench.texts import portuguese_text
from knowledge.models import SCHEMA

_CLIENTS = 50
_TEXTS = 300
_SECONDS = 4.0
_WARM_UP_SECONDS = 1.0
_ROUNDS = 3
_BACKLOG = 1_000
_PROBE_PAUSE_SECONDS = 0.02
_THINKING_SECONDS = 0.5

METHOD = f"""
One ai-svc and one worker-svc process under uvicorn, durable PostgreSQL, rate limiting off,
local embedder; {_BACKLOG} texts of {backlog.TEXT_BYTES:,} bytes wait in the queue before the
first round, and the worker must still be busy after the last. {_CLIENTS} connections each
submit a JSON text of {backlog.TEXT_BYTES:,} bytes (one of {_TEXTS}, duplicates allowed), wait
for the 202, and submit again: *at once*, with no pause at all (the service is saturated, so this
latency is {_CLIENTS} divided by its throughput), and *thinking*, after a pause of
{_THINKING_SECONDS * 1000:.0f} ms: some hundred documents a second. Both are held against the goal;
the owner's floor is 200 ms.
{_SECONDS:g} s are counted after {_WARM_UP_SECONDS:g} s of warm-up, {_ROUNDS} rounds of each
in turn. At the same time one more connection, from another process, asks for `/health` every
{_PROBE_PAUSE_SECONDS * 1000:.0f} ms. All of it, PostgreSQL and the load generators share the
machine's cores.
"""


async def measure() -> Outcome:
    """Rounds of saturated and thinking clients, each with a probe of /health beside it."""
    at_once: list[tuple[Seen, Seen]] = []
    thinking: list[tuple[Seen, Seen]] = []
    with running_servers() as servers, running_identity() as identity:
        async with AsyncExitStack() as stack:
            database = await stack.enter_async_context(open_database(servers, SCHEMA))
            admin = await asyncpg.connect(servers.plain_url("postgres"))
            stack.push_async_callback(admin.close)
            ai_svc = stack.enter_context(
                running_service("ai_svc.main:create_app", servers, identity)
            )
            await backlog.submit_texts(database, _BACKLOG)
            stack.enter_context(running_service("worker_svc.main:create_app", servers, identity))
            requests = _requests(identity)
            for _ in range(_ROUNDS):
                at_once.append(await _round(ai_svc, requests, pause=0.0))
                thinking.append(await _round(ai_svc, requests, pause=_THINKING_SECONDS))
            indexed = len(await backlog.indexed_at(admin))
            if not indexed or not await backlog.unfinished(admin):
                raise AssertionError("the worker was not busy all the time")
    return _outcome(at_once, thinking)


def _outcome(at_once: list[tuple[Seen, Seen]], thinking: list[tuple[Seen, Seen]]) -> Outcome:
    def latency(rounds: list[tuple[Seen, Seen]], which: int, share: str) -> list[float]:
        return [pair[which].latencies_ms[share] for pair in rounds]

    return Outcome(
        METHOD,
        [
            figure("thinking clients, p95", latency(thinking, 0, "p95"), "ms", Goal(below=100)),
            figure("at once, p95", latency(at_once, 0, "p95"), "ms", Goal(below=100)),
            figure(
                "/health, thinking clients, p95", latency(thinking, 1, "p95"), "ms", Goal(below=20)
            ),
            figure("/health, at once, p95", latency(at_once, 1, "p95"), "ms", Goal(below=20)),
            figure("thinking clients, p50", latency(thinking, 0, "p50"), "ms"),
            figure("at once, p50", latency(at_once, 0, "p50"), "ms"),
            figure("thinking clients", [pair[0].per_second for pair in thinking], "documents/s"),
            figure("at once", [pair[0].per_second for pair in at_once], "documents/s"),
        ],
    )


async def _round(
    ai_svc: ServiceProcess, requests: list[Request], *, pause: float
) -> tuple[Seen, Seen]:
    """What the submitting clients saw, and what the probe of /health saw meanwhile."""
    submissions = Plan(
        port=ai_svc.port,
        requests=requests,
        connections=_CLIENTS,
        seconds=_SECONDS,
        warm_up_seconds=_WARM_UP_SECONDS,
        pause_seconds=pause,
        expected_status=202,
    )
    probes = Plan(
        port=ai_svc.port,
        requests=[Request("GET", "/health", {})],
        connections=1,
        seconds=_SECONDS,
        warm_up_seconds=_WARM_UP_SECONDS,
        pause_seconds=_PROBE_PAUSE_SECONDS,
    )
    seen, probed = await asyncio.gather(send(submissions), send(probes))
    return seen, probed


def _requests(identity: Identity) -> list[Request]:
    headers = {
        "Authorization": f"Bearer {identity.token('ana')}",
        "Content-Type": "application/json",
    }
    return [
        Request(
            "POST",
            "/api/v1/rag/documents",
            headers,
            json.dumps(
                {
                    "title": f"Texto {seed}",
                    "text": portuguese_text(10_000 + seed, backlog.TEXT_BYTES),
                    "allow_duplicate": True,  # the texts come round again
                }
            ),
        )
        for seed in range(_TEXTS)
    ]
