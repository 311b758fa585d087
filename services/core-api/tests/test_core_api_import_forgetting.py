"""What was sent is deleted in time: the file, its sample, its error reports; nothing sooner."""

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from core_api_factories import INTERNAL_KEY, Person
from core_api_imports import HEADER, IMPORTS, Worker, imported, rows_of, upload
from core_api_records import Records
from fastapi import FastAPI
from obstore.exceptions import PermissionDeniedError

from chassis.data.database import Database
from chassis.data.object_storage import ObjectStorage
from core_api.modules.imports.service import forget_imports, sweep_import_files
from core_api.workplace import Workplace
from shared_schemas.ids import new_id

PRUNE = "/internal/v1/maintenance/prune"
CALLER = {"x-internal-key": INTERNAL_KEY, "x-source-service": "worker-svc"}
BAD_ROW = HEADER + "\n1;;sem-nome@example.com;\n"

pytestmark = pytest.mark.committed


@pytest.fixture
async def worker(app: FastAPI, database: Database, workplace: Workplace) -> AsyncIterator[Worker]:
    """A worker of this process."""
    worker = Worker(app, database, workplace.storage)
    yield worker
    await worker.core.close()


@pytest.fixture
def folder(workplace: Workplace) -> Path:
    """Where objects are."""
    return Path(urlsplit(workplace.settings.storage.url).path)


def files_of(folder: Path, import_id: str) -> list[Path]:
    return list(folder.glob(f"*/imports/{import_id}"))


async def prune(person: Person) -> dict[str, int]:
    answer = await person.http.post(PRUNE, headers=CALLER)
    assert answer.status_code == 200, answer.text
    return {name: count for name, count in answer.json()["data"].items() if "import" in name}


async def aged(superuser: asyncpg.Connection, *, upload: str, run: str | None = None) -> None:
    """As if it had been uploaded, and its runs had ended, so long ago."""
    await superuser.execute(
        f"UPDATE crm.client_imports SET created_at = now() - interval '{upload}'"
    )
    if run is not None:
        await superuser.execute(
            "UPDATE crm.client_import_runs SET"
            f" finished_at = now() - interval '{run}' WHERE finished_at IS NOT NULL"
        )


async def test_a_week_after_the_last_run_everything_sent_is_gone(
    ana: Person,
    worker: Worker,
    superuser: asyncpg.Connection,
    folder: Path,
    records: Records,
) -> None:
    found = await imported(ana, worker, BAD_ROW)
    await aged(superuser, upload="30 days", run="7 days 1 minute")

    assert await prune(ana) == {"client_imports": 1, "client_import_orphans": 0}

    shown = await ana.seen(f"{IMPORTS}/{found['id']}")
    assert shown["file_deleted_at"] is not None
    assert (shown["columns"], shown["sample"], shown["run"]["rows"]["failed"]) == ([], None, 1)
    assert files_of(folder, found["id"]) == []
    assert await superuser.fetchval("SELECT count(*) FROM crm.client_import_errors") == 0
    kept = await superuser.fetchval("SELECT to_jsonb(i)::text FROM crm.client_imports i")
    assert "sem-nome" not in kept
    report = await ana.get(f"{IMPORTS}/{found['id']}/errors.csv")
    again = await ana.post(f"{IMPORTS}/{found['id']}/start", {})
    assert [report.json()["code"], again.json()["code"]] == ["CLIENT_IMPORT_FILE_GONE"] * 2
    assert len(await records.audit("client_import.file_deleted")) == 1
    assert await prune(ana) == {"client_imports": 0, "client_import_orphans": 0}


@pytest.mark.parametrize(("age", "gone"), [("6 days 23 hours", 0), ("7 days 1 minute", 1)])
async def test_a_file_never_imported_goes_a_week_after_the_upload(
    ana: Person, superuser: asyncpg.Connection, folder: Path, age: str, gone: int
) -> None:
    import_id = (await upload(ana, rows_of(1))).json()["data"]["id"]
    await aged(superuser, upload=age)

    assert (await prune(ana))["client_imports"] == gone
    assert len(files_of(folder, import_id)) == 1 - gone


async def test_a_run_that_waits_or_ended_lately_keeps_the_file(
    ana: Person, worker: Worker, superuser: asyncpg.Connection, folder: Path
) -> None:
    ended = await imported(ana, worker, BAD_ROW)
    waiting = (await upload(ana, rows_of(1), dry_run=True)).json()["data"]
    await aged(superuser, upload="30 days", run="6 days")

    assert (await prune(ana))["client_imports"] == 0
    assert [len(files_of(folder, each["id"])) for each in (ended, waiting)] == [1, 1]
    assert await superuser.fetchval("SELECT count(*) FROM crm.client_import_errors") == 1


async def test_a_file_the_storage_does_not_delete_is_not_called_deleted(
    ana: Person,
    database: Database,
    workplace: Workplace,
    superuser: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad, good = [(await upload(ana, rows_of(1))).json()["data"]["id"] for _ in range(2)]
    await aged(superuser, upload="30 days")
    delete = workplace.storage.delete

    async def refuse(key: str) -> None:
        if bad in key:
            raise PermissionDeniedError("no")
        await delete(key)

    with monkeypatch.context() as patch:
        patch.setattr(workplace.storage, "delete", refuse)
        week = timedelta(days=7)
        assert await forget_imports(database, workplace.storage, week, "request") == 1
    deleted = [(await ana.seen(f"{IMPORTS}/{each}"))["file_deleted_at"] for each in (bad, good)]
    assert [each is None for each in deleted] == [True, False]
    assert (await prune(ana))["client_imports"] == 1


async def test_objects_without_an_import_are_swept_after_a_day(
    ana: Person, database: Database, workplace: Workplace, superuser: asyncpg.Connection
) -> None:
    """A process died between storing the file and the commit, perhaps the organization's first."""
    now = -timedelta(minutes=1)
    await sweep_import_files(database, workplace.storage, grace=now)  # what other tests left
    await upload(ana, rows_of(1))
    lost = f"{new_id()}/imports/{new_id()}"
    await workplace.storage.put_stream(lost, _bytes(), max_bytes=10)

    assert await sweep_import_files(database, workplace.storage) == 0
    assert await sweep_import_files(database, workplace.storage, grace=now) == 1
    left = [listed.key async for listed in workplace.storage.list()]
    assert lost not in left
    assert await superuser.fetchval("SELECT count(*) FROM crm.client_imports") == 1


async def test_the_sweep_leaves_alone_what_is_not_an_import(
    database: Database, tmp_path: Path, workplace: Workplace
) -> None:
    storage = ObjectStorage.at(
        workplace.settings.storage.model_copy(update={"url": tmp_path.as_uri()})
    )
    keys = [f"{new_id()}/attachments/{new_id()}", "backup/imports/x", f"{new_id()}/imports/x"]
    for key in keys:
        await storage.put_stream(key, _bytes(), max_bytes=10)

    assert await sweep_import_files(database, storage, grace=-timedelta(minutes=1)) == 0
    assert sorted([listed.key async for listed in storage.list()]) == sorted(keys)


async def _bytes() -> AsyncIterator[bytes]:
    yield os.urandom(8)
