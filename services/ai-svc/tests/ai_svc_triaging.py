"""Tickets at the real core-api that wait for the assistant, and what came of them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
from access_factories import AURORA
from ai_svc_with_core_api import Beside
from core_api_factories import Person, make_client, make_purpose, make_ticket
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.providers.service import Brain
from ai_svc.modules.triage.service import await_triage
from ai_svc.modules.triage.working import TRIAGES_TABLE, Triager
from chassis.data.database import Database
from chassis.messaging.backoff import Backoff
from chassis.messaging.job_queue import ClaimedJob, JobQueue
from shared_schemas.events import TicketCreated

ROWS: Final = """
SELECT ticket_id, status, because, state, attempts, error_code FROM ai.triages ORDER BY created_at
"""
TOLD: Final = """
SELECT envelope FROM ai.outbox WHERE event_type = 'ticket.triaged' ORDER BY position
"""
DUE: Final = "UPDATE ai.triages SET run_at = now() WHERE state = 'pending'"
FREE: Final = """
UPDATE ai.triages SET lease_expires_at = now() - interval '1 second' WHERE state = 'processing'
"""
NO_PAUSE: Final = Backoff(first=timedelta(0), longest=timedelta(0))


class Killed(BaseException):
    """As `kill -9`: nobody catches it."""


class Mortal(JobQueue):
    """A queue whose worker is killed in its n-th transaction: before the commit, or after."""

    def __init__(self, database: Database, *, at: int, before_commit: bool) -> None:
        super().__init__(database, TRIAGES_TABLE, backoff=NO_PAUSE)
        self._left = at
        self._before_commit = before_commit

    @asynccontextmanager
    async def fenced(self, job: ClaimedJob) -> AsyncIterator[AsyncSession]:
        async with super().fenced(job) as session:
            yield session
            self._left -= 1
            if self._before_commit and self._left == 0:
                raise Killed
        if self._left == 0:
            raise Killed


class Desk:
    """aurora's, at core-api; its tickets wait here as soon as they are opened."""

    def __init__(self, both: Beside, superuser: asyncpg.Connection) -> None:
        self.both = both
        self.superuser = superuser
        self.ana: Person = both.at_core_api("ana")

    async def allow(self, **changes: Any) -> None:
        """The assistant may use what clients say, on a contract."""
        given = {"code": "atendimento", "legal_basis": "contract", "assistant_may_use": True}
        await make_purpose(self.ana, **(given | changes))

    async def category(self, name: str) -> str:
        """A category."""
        return str((await self.ana.made("/api/v1/categories", {"name": name}))["id"])

    async def team(self, name: str) -> str:
        """A team whose tickets people give out."""
        given = {"name": name, "mode": "manual"}
        return str((await self.ana.made("/api/v1/teams", given))["id"])

    async def ticket(
        self, subject: str, description: str, client_id: str | None = None, **fields: Any
    ) -> dict[str, Any]:
        """Opened, and waiting."""
        client_id = client_id or (await make_client(self.ana))["id"]
        ticket: dict[str, Any] = await make_ticket(
            self.ana, client_id, subject=subject, description=description, **fields
        )
        await self.waits(ticket)
        return ticket

    async def waits(self, ticket: dict[str, Any]) -> None:
        """As when the event is heard."""
        event = TicketCreated.caused(
            organization_id=AURORA,
            correlation_id="req-triage",
            ticket_id=ticket["id"],
            client_id=ticket["client_id"],
        )
        async with self.both.workshop.database.transaction(AURORA) as session:
            await await_triage(session, event)

    def triager(self, *, queue: JobQueue | None = None, brain: Brain | None = None) -> Triager:
        """One replica's."""
        database = self.both.workshop.database
        queue = queue or JobQueue(database, TRIAGES_TABLE, backoff=NO_PAUSE)
        return Triager(self.both.workshop, brain, queue=queue)

    async def triage(self, brain: Brain | None = None) -> None:
        """Everything that waits."""
        await self.triager(brain=brain).drain_once("tests")

    async def proposal(self, ticket: dict[str, Any]) -> dict[str, Any]:
        """As people see it."""
        read: dict[str, Any] = await self.ana.seen(f"/api/v1/tickets/{ticket['id']}/triage")
        return read

    async def has_proposal(self, ticket: dict[str, Any]) -> bool:
        """Whether there is one."""
        answer = await self.ana.get(f"/api/v1/tickets/{ticket['id']}/triage")
        return answer.status_code == 200

    async def rows(self) -> list[dict[str, Any]]:
        """What is kept of tickets here."""
        return [dict(row) for row in await self.superuser.fetch(ROWS)]

    async def states(self) -> list[tuple[Any, ...]]:
        """(status, because, state) of each."""
        return [(row["status"], row["because"], row["state"]) for row in await self.rows()]

    async def told(self) -> list[dict[str, Any]]:
        """What was published, in order."""
        rows = await self.superuser.fetch(TOLD)
        return [json.loads(row["envelope"])["payload"] for row in rows]

    async def proposals(self) -> int:
        """How many core-api keeps."""
        counted: int = await self.superuser.fetchval("SELECT count(*) FROM crm.ticket_triages")
        return counted

    async def revived(self) -> None:
        """Whatever is left of a dead replica may be taken over, and pauses are over."""
        await self.superuser.execute(FREE)
        await self.superuser.execute(DUE)


def is_proposal(request: Any) -> bool:
    """Whether ai-svc is handing over."""
    return bool(request.method == "POST" and request.url.path.endswith("/triage/proposals"))


def id_of(ticket: dict[str, Any]) -> UUID:
    """Of a ticket as core-api shows it."""
    return UUID(ticket["id"])
