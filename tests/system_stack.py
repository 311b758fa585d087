"""A whole system of the tests' own: every program of the production topology, on ports nobody uses.

The test is the supervisor: nothing is restarted behind its back when it kills, stops or empties a
server.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

import httpx
from rich.console import Console

from devstack.generated_secrets import load_or_generate
from devstack.oidc.login import obtain_token
from devstack.ports import free_port
from devstack.progress import Progress
from devstack.settings import Ports, StackSettings
from devstack.state import StateFile
from devstack.supervisor import Supervisor
from devstack.topology import DATABASE, Topology

T = TypeVar("T")


@dataclass
class Stack:
    """A running system."""

    settings: StackSettings
    topology: Topology
    _tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The gateway."""
        return self.settings.gateway_url

    def database_url(self, role: str) -> str:
        """For asyncpg, as `cogep_app`, `cogep_worker`, `cogep_owner` or `postgres`."""
        passwords = load_or_generate(self.settings.state).passwords
        return passwords.url(role, self.settings.ports.postgres, DATABASE)

    @property
    def redis_url(self) -> str:
        """The streams and everything else that may be lost."""
        return f"redis://127.0.0.1:{self.settings.ports.redis}/0"

    async def token(self, person: str) -> str:
        """An access token, from one real login per person."""
        if person not in self._tokens:
            tokens = await obtain_token(person, issuer=self.settings.issuer)
            self._tokens[person] = tokens.access_token
        return self._tokens[person]

    async def client(self, person: str, **options: Any) -> httpx.AsyncClient:
        """A client that speaks to the gateway as this person."""
        return httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {await self.token(person)}"},
            timeout=30,
            trust_env=False,
            **options,
        )


@contextmanager
def running_stack(
    *, durable: bool = False, assistants: int = 1, **environment: str
) -> Iterator[Stack]:
    """Start everything in an empty folder, and stop it whatever happens. `assistants`: how many
    processes of ai-svc share the work.
    """
    with tempfile.TemporaryDirectory(prefix="cogep-system-", ignore_cleanup_errors=True) as folder:
        settings = StackSettings(
            state=Path(folder),
            ports=Ports(*(free_port() for _ in range(8))),
            environment={
                **os.environ,
                "ENVIRONMENT": "test",
                "RATE_LIMIT_ENABLED": "false",
                **environment,
            },
            postgres_major=int(os.environ.get("PG") or "18"),
            durable=durable,
            ai_svc_replicas=tuple(free_port() for _ in range(assistants - 1)),
        )
        state_file = StateFile(settings.state)
        with state_file.held():
            supervisor = Supervisor(settings, state_file, Progress(Console(file=StringIO())))
            try:
                supervisor.start()
                yield Stack(settings, supervisor.topology)
            finally:
                supervisor.stop()


async def wait_until_indexed(
    client: httpx.AsyncClient, document_id: str, *, seconds: float = 30
) -> dict[str, Any]:
    """The document as it is when its processing has ended; fails when it ended otherwise."""

    async def ended() -> dict[str, Any] | None:
        response = await client.get(f"/api/v1/rag/documents/{document_id}")
        response.raise_for_status()
        document: dict[str, Any] = response.json()["data"]
        return document if document["status"] not in ("pending", "processing") else None

    document = await eventually(ended, seconds=seconds)
    assert document["status"] == "indexed", document
    return document


async def eventually(attempt: Callable[[], Awaitable[T | None]], *, seconds: float = 30) -> T:
    """The first result that is something. Transport errors count as not yet."""
    deadline = time.monotonic() + seconds
    last: Any = None
    while time.monotonic() < deadline:
        try:
            last = await attempt()
        except (httpx.HTTPError, OSError) as error:
            last = error
        else:
            if last:
                result: T = last
                return result
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {seconds:.0f} s; last: {last!r}")
