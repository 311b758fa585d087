"""Migrating a desk in use: `crm_001` → head over its rows, while readers keep reading."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import asyncpg
from alembic.script import ScriptDirectory

from devstack.checkout import SERVICES

_SERVICE: Final = SERVICES / "core-api"
_READERS: Final = 4
_PAUSE_SECONDS: Final = 0.005
_TENANT: Final = "SELECT set_config('app.organization_id', $1, true)"
# Only columns that every revision has.
_READS: Final = {
    "client": "SELECT id, kind, name, email, version FROM crm.clients WHERE id = $1",
    "ticket": "SELECT id, number, subject, status, version FROM crm.tickets WHERE id = $1",
    "page of tickets": (
        "SELECT id, number, subject, status FROM crm.tickets WHERE organization_id = $1 "
        "ORDER BY created_at DESC, id DESC LIMIT 50"
    ),
    "messages": (
        "SELECT id, kind, body FROM crm.ticket_messages "
        "WHERE organization_id = $2 AND ticket_id = $1 ORDER BY created_at, id"
    ),
    "audit": (
        "SELECT id, action FROM crm.audit_events WHERE organization_id = $1 "
        "ORDER BY occurred_at DESC, id DESC LIMIT 50"
    ),
}


def revisions_after(first: str) -> list[str]:
    """All of core-api's up to the newest, oldest first."""
    script = ScriptDirectory(str(_SERVICE / "alembic"))
    newest_first = [each.revision for each in script.walk_revisions(first, "head")]
    return newest_first[:-1][::-1]


@dataclass(slots=True)
class Reading:
    """What readers saw: the slowest read of each kind, in milliseconds, and when it began."""

    count: int = 0
    slowest: dict[str, tuple[float, float]] = field(default_factory=dict)

    def note(self, kind: str, milliseconds: float, began: float) -> None:
        """One more read."""
        self.count += 1
        if milliseconds > self.slowest.get(kind, (0.0, 0.0))[0]:
            self.slowest[kind] = (milliseconds, began)


@dataclass(frozen=True, slots=True)
class Migrated:
    """How long each revision took, in seconds, and what readers saw before and meanwhile."""

    seconds: Mapping[str, float]
    quiet: Reading
    meanwhile: Reading
    blocked_in: Mapping[str, float]
    """Revision → the slowest read that began while it ran, in milliseconds."""


async def alembic(owner_url: str, revision: str, variables: Mapping[str, str]) -> None:
    """`alembic upgrade revision`, as the service's container runs it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "alembic", "upgrade", revision),
        cwd=_SERVICE,
        env={**os.environ, **variables, "DATABASE_OWNER_URL": owner_url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(output.decode()[-2_000:])


async def migrate_in_use(
    owner_url: str,
    app_url: str,
    organization_id: UUID,
    revisions: Sequence[str],
    variables: Mapping[str, str],
    between: Mapping[str, Callable[[], Awaitable[None]]],
) -> Migrated:
    """Each revision in turn, with readers of `organization_id` as `cogep_app` all the time.

    `between`: what is done after a revision, before the next one runs.
    """
    quiet = await _while_reading(app_url, organization_id, lambda: asyncio.sleep(5))
    meanwhile, seconds, blocked = Reading(), {}, {}
    for revision in revisions:
        began = time.perf_counter()

        async def upgrade(revision: str = revision) -> None:
            await alembic(owner_url, revision, variables)

        seen = await _while_reading(app_url, organization_id, upgrade)
        seconds[revision] = time.perf_counter() - began
        blocked[revision] = max(slowest for slowest, _ in seen.slowest.values())
        meanwhile.count += seen.count
        for kind, (slowest, at) in seen.slowest.items():
            meanwhile.note(kind, slowest, at)
            meanwhile.count -= 1
        if revision in between:
            await between[revision]()
    return Migrated(seconds, quiet, meanwhile, blocked)


async def _while_reading(
    app_url: str, organization_id: UUID, work: Callable[[], Awaitable[Any]]
) -> Reading:
    reading, stop = Reading(), asyncio.Event()
    connections = [await asyncpg.connect(app_url) for _ in range(_READERS)]
    ids = await _some_ids(connections[0], organization_id)
    readers = [
        asyncio.create_task(_read(connection, organization_id, ids, reading, stop))
        for connection in connections
    ]
    try:
        await work()
    finally:
        stop.set()
        await asyncio.gather(*readers)
        for connection in connections:
            await connection.close()
    return reading


async def _some_ids(
    connection: asyncpg.Connection, organization_id: UUID
) -> dict[str, Sequence[UUID]]:
    async with connection.transaction(readonly=True):
        await connection.fetch(_TENANT, str(organization_id))
        return {
            table: [
                row["id"] for row in await connection.fetch(f"SELECT id FROM crm.{table} LIMIT 999")
            ]
            for table in ("clients", "tickets")
        }


async def _read(
    connection: asyncpg.Connection,
    organization_id: UUID,
    ids: Mapping[str, Sequence[UUID]],
    reading: Reading,
    stop: asyncio.Event,
) -> None:
    number = id(connection) % 997
    while not stop.is_set():
        number += 1
        for kind, sql in _READS.items():
            ticket, client = (ids[name][number % len(ids[name])] for name in ("tickets", "clients"))
            arguments: tuple[UUID, ...] = (organization_id,)
            if kind in {"client", "ticket"}:
                arguments = (client if kind == "client" else ticket,)
            elif kind == "messages":
                arguments = (ticket, organization_id)
            began = time.perf_counter()
            async with connection.transaction(readonly=True):
                await connection.fetch(_TENANT, str(organization_id))
                await connection.fetch(sql, *arguments)
            reading.note(kind, (time.perf_counter() - began) * 1000, began)
        await asyncio.sleep(_PAUSE_SECONDS)
