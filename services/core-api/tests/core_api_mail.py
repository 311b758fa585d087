"""Mails to data subjects, and a worker that sends them in this process to a mail server of ours."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Self

import asyncpg
import httpx
from core_api_factories import Person, make_client, worker_calling
from fastapi import FastAPI
from mail_server import MailServer
from privacy_factories import REQUESTS, make_request

from chassis.data.database import Database
from chassis.messaging.job_queue import ClaimedJob, JobQueue
from worker_svc.delivering import DELIVERIES, Delivering, deliver
from worker_svc.mail import Postman
from worker_svc.settings import SmtpSecurity, SmtpSettings

ADDRESS = "julia.prado@example.com"
BODY = "Seu pedido foi aceito.\nOs arquivos seguem em até dois dias."


class MailWorker:
    """What worker-svc does with mails, driven by the test."""

    def __init__(
        self,
        database: Database,
        server: MailServer,
        transport: httpx.AsyncBaseTransport,
        *,
        port: int | None = None,
        timeout: float = 5,
    ) -> None:
        self.queue = JobQueue(database, DELIVERIES)
        self.core = worker_calling(transport, first_pause_seconds=0)
        given = {
            "host": "127.0.0.1",
            "port": port or server.port,
            "security": SmtpSecurity.NONE,
            "sender": "lgpd@assist.example.org",
            "timeout": timeout,
        }
        self.postman = Postman(SmtpSettings.model_validate(given))
        self.delivering = Delivering(self.core, self.postman)

    @classmethod
    def of(cls, app: FastAPI, database: Database, server: MailServer, **given: Any) -> "MailWorker":
        """Beside the service in this process."""
        return cls(database, server, httpx.ASGITransport(app), **given)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """At the end of its service."""
        await self.postman.aclose()
        await self.core.close()

    async def claim(self) -> ClaimedJob:
        """The next delivery."""
        (job,) = await self.queue.claim("test", 1)
        return job

    async def work(self, job: ClaimedJob) -> None:
        """One of them."""
        await deliver(self.queue, self.delivering, job)

    async def drain(self) -> int:
        """Works off everything that is due; how many."""
        worked = 0
        while jobs := await self.queue.claim("test", 10):
            for job in jobs:
                await self.work(job)
                worked += 1
        return worked


class Line(httpx.AsyncBaseTransport):
    """core-api behind a line on which reports are refused, or their answers lost, the work being
    done, or on which they are held up."""

    def __init__(self, app: FastAPI, *, reports: str = "sent") -> None:
        self._inside = httpx.ASGITransport(app)
        self._reports = f"/{reports}"
        self.refuse = self.lose = 0
        self.away = httpx.Response(503, json={"code": "SERVICE_UNAVAILABLE"})
        self.asked_for: list[str] = []
        self._held = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def holding(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """The work, as far as its report, which is held up until `go_on` is set."""
        self.go_on.clear()
        self._held.clear()
        working = asyncio.create_task(work)
        await self._held.wait()
        return working

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked_for.append(request.url.path.rpartition("/")[2])
        if not request.url.path.endswith(self._reports):
            return await self._inside.handle_async_request(request)
        self._held.set()
        await self.go_on.wait()
        if self.refuse:
            self.refuse -= 1
            return self.away
        answer = await self._inside.handle_async_request(request)
        if self.lose:
            self.lose -= 1
            return self.away
        return answer


async def say(worker: MailWorker, job: ClaimedJob, what: str, **said: Any) -> httpx.Response:
    """One call of a worker about what it holds."""
    given = {"organization_id": str(job.organization_id), "lease_token": job.lease_token}
    path = f"/internal/v1/deliveries/{job.id}/{what}"
    return await worker.core.request("POST", path, request_id="test", json=given | said)


async def make_message(
    person: Person, *, name: str = "Júlia Prado", email: str | None = ADDRESS, **given: Any
) -> dict[str, Any]:
    """A message by e-mail to somebody who asked for access; `request_id` and `client_id` too."""
    client = await make_client(person, name=name, **({"email": email} if email else {}))
    request = await make_request(person, client_id=client["id"])
    body = {"channel": "email", "body": BODY} | given
    made = await person.made(f"{REQUESTS}/{request['id']}/messages", body)
    return {**made, "request_id": request["id"], "client_id": client["id"]}


async def message_again(person: Person, message: dict[str, Any]) -> Any:
    """The message as it stands now."""
    path = f"{REQUESTS}/{message['request_id']}/messages"
    (found,) = [each for each in await person.seen(path) if each["id"] == message["id"]]
    return found


async def make_due(superuser: asyncpg.Connection) -> None:
    """As if the pause before the next attempt was over."""
    await superuser.execute("UPDATE crm.deliveries SET run_at = now() WHERE state = 'pending'")


async def lose_lease(superuser: asyncpg.Connection) -> None:
    """As if who holds a delivery had died."""
    await superuser.execute(
        "UPDATE crm.deliveries SET lease_expires_at = now() - interval '1 second'"
        " WHERE state = 'processing'"
    )
