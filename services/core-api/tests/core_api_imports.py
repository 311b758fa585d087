"""Files of clients, and a worker that imports them in this process."""

import json
from typing import Any

import httpx
from core_api_factories import Person, worker_calling
from fastapi import FastAPI

from chassis.data.database import Database
from chassis.data.object_storage import ObjectStorage
from chassis.messaging.job_queue import ClaimedJob, JobQueue
from worker_svc.client_import import ClientImporting
from worker_svc.importing import RUNS, import_run

IMPORTS = "/api/v1/client-imports"
HEADER = "codigo;nome;email;cpf"


def rows_of(count: int, *, start: int = 1) -> str:
    """A file of people, each with a code, a name and an address."""
    lines = [f"C-{n};Pessoa {n};p{n}@example.com;" for n in range(start, start + count)]
    return "\n".join([HEADER, *lines]) + "\n"


async def upload(
    person: Person, content: bytes | str, *, name: str = "clientes.csv", **plan: Any
) -> httpx.Response:
    """Sends a file; with a plan the import starts at once."""
    body = content.encode() if isinstance(content, str) else content
    data = {"plan": json.dumps(plan)} if plan else None
    return await person.call("POST", IMPORTS, files={"file": (name, body)}, data=data)


class Worker:
    """What worker-svc does, driven by the test."""

    def __init__(self, app: FastAPI, database: Database, storage: ObjectStorage) -> None:
        self.queue = JobQueue(database, RUNS)
        self.core = worker_calling(httpx.ASGITransport(app))
        self.importing = ClientImporting(storage, self.core)

    async def claim(self) -> ClaimedJob:
        """The next run."""
        (job,) = await self.queue.claim("test", 1)
        return job

    async def drain(self) -> None:
        """Works off everything that waits."""
        while jobs := await self.queue.claim("test", 1):
            for job in jobs:
                await import_run(self.queue, self.importing, job)


async def imported(person: Person, worker: Worker, content: bytes | str, **plan: Any) -> Any:
    """The import, after a worker has taken it to its end."""
    answer = await upload(person, content, **({"dry_run": False} | plan))
    assert answer.status_code == 202, answer.text
    await worker.drain()
    return await person.seen(f"{IMPORTS}/{answer.json()['data']['id']}")
