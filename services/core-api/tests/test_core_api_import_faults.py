"""Imports that meet what goes wrong: an owner that does not answer, rows that clash, dead runs."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from core_api_factories import CLIENTS, Person, worker_calling
from core_api_imports import HEADER, IMPORTS, Worker, imported, rows_of, upload
from core_api_records import Records
from fastapi import FastAPI

from chassis.data.database import Database
from chassis.messaging.backoff import Backoff
from core_api.modules.clients import bulk
from core_api.modules.imports import applying
from core_api.workplace import Workplace
from devstack.people import AURORA
from worker_svc import client_import
from worker_svc.client_import import ClientImporting
from worker_svc.importing import import_run

pytestmark = pytest.mark.committed

AT_ONCE = Backoff(first=timedelta(microseconds=1), longest=timedelta(microseconds=1))


class Failing(httpx.AsyncBaseTransport):
    """core-api behind a line that answers 503 instead of it, before or after the work is done."""

    def __init__(self, app: FastAPI) -> None:
        self._inside = httpx.ASGITransport(app)
        self.refused = range(0)
        self.lost: frozenset[int] = frozenset()
        self.batches = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/batches"):
            return await self._inside.handle_async_request(request)
        self.batches += 1
        if self.batches in self.refused:
            return httpx.Response(503, json={"code": "SERVICE_UNAVAILABLE"})
        answer = await self._inside.handle_async_request(request)
        if self.batches in self.lost:
            return httpx.Response(503, json={"code": "SERVICE_UNAVAILABLE"})
        return answer


@pytest.fixture
def line(app: FastAPI) -> Failing:
    return Failing(app)


@pytest.fixture
async def worker(
    app: FastAPI, database: Database, workplace: Workplace, line: Failing
) -> AsyncIterator[Worker]:
    """A worker of this process that does not wait between attempts."""
    worker = Worker(app, database, workplace.storage)
    await worker.core.close()
    worker.core = worker_calling(line)
    worker.importing = ClientImporting(workplace.storage, worker.core, again=AT_ONCE)
    yield worker
    await worker.core.close()


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_import, "ROWS_PER_BATCH", 10)


def anonymous(count: int) -> str:
    """Without a code: nothing but the run's own book-keeping keeps rows from doubling."""
    return "nome\n" + "".join(f"Pessoa {n}\n" for n in range(count))


async def names(superuser: asyncpg.Connection) -> list[str]:
    return sorted(row["name"] for row in await superuser.fetch("SELECT name FROM crm.clients"))


async def test_an_owner_that_does_not_answer_for_a_while_is_asked_again(
    ana: Person, worker: Worker, line: Failing, superuser: asyncpg.Connection
) -> None:
    line.refused, line.lost = range(2, 4), frozenset({5})

    found = await imported(ana, worker, anonymous(35))

    assert found["status"] == "succeeded"
    assert line.batches > 4
    assert await names(superuser) == sorted(f"Pessoa {n}" for n in range(35))


async def test_an_owner_away_for_long_costs_an_attempt_and_no_row(
    app: FastAPI,
    database: Database,
    workplace: Workplace,
    ana: Person,
    worker: Worker,
    line: Failing,
    superuser: asyncpg.Connection,
    records: Records,
) -> None:
    import_id = (await upload(ana, anonymous(35), dry_run=False)).json()["data"]["id"]
    line.lost, line.refused = frozenset({2}), range(3, 1_000)

    await import_run(worker.queue, worker.importing, await worker.claim())

    waiting = await ana.seen(f"{IMPORTS}/{import_id}")
    assert (waiting["status"], waiting["run"]["rows"]["done"]) == ("pending", 20)
    assert await records.events("client.import_finished") == []
    await superuser.execute("UPDATE crm.client_import_runs SET run_at = now()")
    other = Worker(app, database, workplace.storage)
    await other.drain()
    await other.core.close()
    found = await ana.seen(f"{IMPORTS}/{import_id}")
    assert (found["status"], found["run"]["rows"]["created"]) == ("succeeded", 35)
    assert await names(superuser) == sorted(f"Pessoa {n}" for n in range(35))


async def test_a_batch_that_meets_a_constraint_is_applied_row_by_row(
    ana: Person,
    worker: Worker,
    records: Records,
    superuser: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As when somebody registers a code between looking and writing: it is known when the row is
    written, not before."""
    await imported(ana, worker, HEADER + "\nC-5;Antes;;\nC-6;Depois;;\n")
    known, alone = bulk.ClientRows._known, []

    async def blind(self: Any, rows: Any) -> Any:
        found = await known(self, rows)
        hidden = {name: each for name, each in found.clients.items() if name != "C-5"}
        if len(rows) == 1:
            alone.append(rows)
        return bulk._Known(hidden, found.merged)

    monkeypatch.setattr(bulk.ClientRows, "_known", blind)
    content = rows_of(12).replace("Pessoa 3;p3@example.com", ";x")
    found = await imported(ana, worker, content)

    counted = found["run"]["rows"]
    assert (counted["created"], counted["updated"], counted["failed"]) == (9, 1, 2)
    assert len(alone) == 10  # of the first batch; the second met nothing
    report = (await ana.get(f"{IMPORTS}/{found['id']}/errors.csv")).text
    assert applying._CLASH in report
    clients = await ana.seen(CLIENTS, limit="50")
    assert len(clients) == 11
    created = await records.audit("client.created")
    assert len(created) == len(await records.events("client.created")) == 11
    keys = "SELECT count(*), count(DISTINCT client_id) FROM crm.subject_keys"
    assert tuple(await superuser.fetchrow(keys)) == (11, 11)


async def test_a_dry_run_row_by_row_writes_nothing(
    ana: Person, worker: Worker, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await imported(ana, worker, HEADER + "\nC-5;Antes;;\n")

    async def blind(self: Any, rows: Any) -> Any:
        return bulk._Known({}, {})

    monkeypatch.setattr(bulk.ClientRows, "_known", blind)
    found = await imported(ana, worker, rows_of(8), dry_run=True)

    assert (found["run"]["rows"]["created"], found["run"]["rows"]["failed"]) == (7, 1)
    assert await names(superuser) == ["Antes"]


async def test_a_run_that_fails_tells_who_waits_for_it(
    ana: Person, worker: Worker, records: Records, workplace: Workplace
) -> None:
    import_id = (await upload(ana, rows_of(3), dry_run=False)).json()["data"]["id"]
    await workplace.storage.delete(f"{AURORA.id}/imports/{import_id}")

    await worker.drain()

    found = await ana.seen(f"{IMPORTS}/{import_id}")
    assert (found["status"], found["run"]["error_code"]) == ("failed", "CLIENT_IMPORT_FILE_MISSING")
    (event,) = await records.events("client.import_finished")
    assert (event["payload"]["status"], event["payload"]["created"]) == ("failed", 0)
    assert len(await records.audit("client_import.failed")) == 1


async def test_a_run_that_kept_killing_workers_fails_aloud(
    ana: Person, worker: Worker, records: Records, superuser: asyncpg.Connection
) -> None:
    await upload(ana, rows_of(3), dry_run=False)
    await superuser.execute("UPDATE crm.client_import_runs SET attempts = max_attempts")

    await worker.drain()

    assert [each["status"] for each in await ana.seen(IMPORTS)] == ["failed"]
    (event,) = await records.events("client.import_finished")
    assert event["payload"]["status"] == "failed"


async def test_a_cancelled_run_tells_too(ana: Person, records: Records) -> None:
    import_id = (await upload(ana, rows_of(3), dry_run=False)).json()["data"]["id"]
    await ana.post(f"{IMPORTS}/{import_id}/cancel")

    (event,) = await records.events("client.import_finished")
    assert event["payload"]["status"] == "cancelled"
