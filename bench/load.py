"""Loads sent by a process of their own, so that the client's work does not slow the bench down."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from devstack.checkout import ROOT


@dataclass(frozen=True, slots=True)
class Request:
    """One request, with a body of text or none."""

    method: str
    path: str
    headers: dict[str, str]
    body: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What to send: the requests in turn, over `connections`, until time or count are used up."""

    port: int
    requests: Sequence[Request]
    connections: int
    seconds: float
    count: int = 1_000_000
    warm_up_seconds: float = 0.0
    pause_seconds: float = 0.0
    expected_status: int = 200


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen after the warm-up. Latencies in milliseconds: p50, p95, p99, max."""

    count: int
    seconds: float
    latencies_ms: dict[str, float] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """Throughput."""
        return self.count / self.seconds


class UnexpectedAnswers(Exception):
    """A load was answered otherwise than expected: its figures would mean nothing."""


async def send(plan: Plan) -> Seen:
    """Run the plan in a process of its own and return what it saw."""
    body = asdict(plan)
    expected = body.pop("expected_status")
    # Not the asyncio subprocess: it would need a child watcher in whatever loop the bench runs.
    output = await asyncio.to_thread(_run, body, plan.seconds + plan.warm_up_seconds + 60)
    seen: dict[str, Any] = json.loads(output)
    others = {code: n for code, n in seen["statuses"].items() if int(code) != expected}
    if others or seen["broken"] or not seen["count"]:
        raise UnexpectedAnswers(
            f"expected only {expected}: got {seen['statuses']}, {seen['broken']} broken connections"
        )
    return Seen(seen["count"], seen["seconds"], seen["latencies_ms"])


def _run(plan: dict[str, Any], timeout: float) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", "bench.load_generator"],
        input=json.dumps(plan).encode(),
        stdout=subprocess.PIPE,
        cwd=ROOT,
        timeout=timeout,
        check=True,
    )
    return done.stdout
