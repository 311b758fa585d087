"""Live updates with thousands of open pages: how fast they connect, and when each hears of it.

`python -m bench live`. No goals: figures to plan replicas with.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from bench.figures import Figure, Outcome, figure, percentile
from bench.key_server import running_identity
from bench.servers import running_servers
from bench.service_process import ServiceProcess, running_service
from devstack.checkout import ROOT

_CONNECTIONS: Final = 2_000
_ROUNDS: Final = 3
_EVENTS: Final = 20
_PATIENCE_SECONDS: Final = 60.0

METHOD: Final = f"""
One core-api process under uvicorn. Another process opens {_CONNECTIONS:,} connections to
`GET /api/v1/stream` with one person's token, a hundred at a time; connecting is over when `ready`
has come. Then {_EVENTS} tickets are opened over HTTP, one after the other; the clock runs from the
request until a connection has received `ticket.created`: commit, outbox, relay, Redis, the one
reader of the process, and {_CONNECTIONS:,} writes. That {_ROUNDS} times, with new connections.
"""


@dataclass(slots=True)
class _Seen:
    """What the rounds showed: seconds, milliseconds, megabytes."""

    all_connected: list[float] = field(default_factory=list)
    connecting: dict[str, list[float]] = field(default_factory=dict)
    hearing: dict[str, list[float]] = field(default_factory=dict)
    memory: list[float] = field(default_factory=list)


async def measure() -> Outcome:
    """Rounds of connecting and telling."""
    with (
        running_servers() as servers,
        running_identity() as identity,
        running_service("core_api.main:create_app", servers, identity) as core_api,
    ):
        token, seen = identity.token("ana"), _Seen()
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{core_api.port}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
        ) as http:
            client_id = await _made(http, "/clients", kind="person", name="Júlia Prado")
            await _tell(http, client_id)  # what is slow only once
            before = core_api.rss_megabytes()[0]
            for _ in range(_ROUNDS):
                await _round(core_api, token, http, client_id, seen)
        return Outcome(METHOD, _figures(seen, before))


async def _round(
    core_api: ServiceProcess, token: str, http: httpx.AsyncClient, client_id: str, seen: _Seen
) -> None:
    with _listeners(core_api.port, token) as process:
        connected = await _line(process)
        seen.all_connected.append(connected["seconds"])
        _note(seen.connecting, connected["connected"])
        delays: list[float] = []
        for _ in range(_EVENTS):
            began = time.perf_counter()
            await _tell(http, client_id)
            delays += [at - began for at in (await _line(process))["heard"]]
        _note(seen.hearing, delays)
        seen.memory.append(core_api.rss_megabytes()[0])


def _note(shares: dict[str, list[float]], seconds: list[float]) -> None:
    ordered = sorted(seconds)
    for name, share in (("p50", 0.5), ("p95", 0.95), ("last", 1.0)):
        shares.setdefault(name, []).append(percentile(ordered, share) * 1000)


def _figures(seen: _Seen, before: float) -> list[Figure]:
    return [
        figure(f"{_CONNECTIONS:,} connections, all open after", seen.all_connected, "s"),
        *(figure(f"one connects, {name}", took, "ms") for name, took in seen.connecting.items()),
        *(
            figure(f"one event to {_CONNECTIONS:,}, {name}", took, "ms")
            for name, took in seen.hearing.items()
        ),
        figure("memory of the process before", [before], "MB"),
        figure(f"memory with {_CONNECTIONS:,} connections", seen.memory, "MB"),
    ]


async def _tell(http: httpx.AsyncClient, client_id: str) -> None:
    given = {"client_id": client_id, "subject": "Certidão atrasada", "description": "Não veio."}
    await _made(http, "/tickets", **given)


async def _made(http: httpx.AsyncClient, path: str, **given: Any) -> str:
    answer = await http.post(path, json=given)
    answer.raise_for_status()
    return str(answer.json()["data"]["id"])


@contextmanager
def _listeners(port: int, token: str) -> Iterator["subprocess.Popen[str]"]:
    plan = {"port": port, "token": token, "connections": _CONNECTIONS, "event": "ticket.created"}
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.live_listeners"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(plan) + "\n")
        process.stdin.flush()
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


async def _line(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """The next thing the listeners say; an error when they are gone or say nothing."""
    assert process.stdout is not None
    reading = asyncio.to_thread(process.stdout.readline)
    line = await asyncio.wait_for(reading, _PATIENCE_SECONDS)
    if not line:
        raise RuntimeError("the listeners have ended")
    said: dict[str, Any] = json.loads(line)
    return said
