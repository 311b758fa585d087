"""Workers killed without a word: every document is indexed all the same, and exactly once."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import asyncpg
import psutil
import pytest
from knowledge_factories import Knowledge
from knowledge_files import PARAGRAPH, make_pdf
from redis.asyncio import Redis
from worker_svc_factories import all_finished, until

from devstack.testing import DatabaseUrls
from knowledge.models import DocumentStatus

pytestmark = [pytest.mark.committed, pytest.mark.faults]

KILLS = 20


def environment(urls: DatabaseUrls, redis_url: str, objects: Path) -> Mapping[str, str]:
    """Of a worker whose lease is short."""
    nobody = "http://127.0.0.1:1"
    return {
        "PATH": os.environ["PATH"],
        "ENVIRONMENT": "test",
        "DATABASE_URL": urls.app,
        "DATABASE_WORKER_URL": urls.worker,
        "REDIS_URL": redis_url,
        "OIDC_ISSUER": nobody,
        "OIDC_AUDIENCE": "cogep-api",
        "INTERNAL_KEY": "internal-key-of-worker-svc",
        "CORE_API_URL": nobody,
        "AI_SVC_URL": nobody,
        "STORAGE_URL": objects.as_uri(),
        "INGESTION_LEASE": "PT1S",
        "WORKER_POLL": "PT0.2S",
    }


async def start_worker(variables: Mapping[str, str]) -> Process:
    """As production starts it, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "--factory", "worker_svc.main:create_app"),
        f"--port={port}",
        env=variables,
        stdout=DEVNULL,
        stderr=DEVNULL,
    )


@pytest.mark.timeout(180)
async def test_a_worker_killed_in_the_middle_loses_and_doubles_nothing(
    knowledge: Knowledge,
    database_urls: DatabaseUrls,
    redis: Redis,
    redis_url: str,
    tmp_path: Path,
) -> None:
    variables = environment(database_urls, redis_url, tmp_path / "objects")
    accepted = []

    async def something_runs() -> bool:
        async with knowledge.ingestion.database.worker_transaction() as session:
            table = knowledge.ingestion.queue.table
            running = table.select().where(table.c.state == "processing").limit(1)
            return (await session.execute(running)).first() is not None

    for kill in range(KILLS):
        for number in range(6):
            text = "\n\n".join([f"Assunto {kill}.{number}", *[PARAGRAPH] * 60])
            accepted.append(await knowledge.submit_text(text))
        accepted.append(await knowledge.submit_file(make_pdf(*[PARAGRAPH[:80]] * 5)))
        worker = await start_worker(variables)
        await until(something_runs, seconds=30)
        parsers = psutil.Process(worker.pid).children()
        os.kill(worker.pid, signal.SIGKILL)
        await worker.wait()
        assert not psutil.wait_procs(parsers, timeout=10)[1]  # they die with their worker

    worker = await start_worker(variables)
    await until(lambda: all_finished(knowledge), seconds=60)
    worker.terminate()
    assert await worker.wait() in (0, -signal.SIGTERM)

    for document_id in accepted:
        document = await knowledge.document(document_id)
        chunks = await knowledge.chunks(document_id)
        assert document.status is DocumentStatus.INDEXED
        version = await knowledge.version(document_id)
        assert [chunk.position for chunk in chunks] == list(range(version.chunk_count))
        assert all(before.char_end <= after.char_start for before, after in pairwise(chunks))
    told = await documents_told_of(database_urls)
    assert sorted(told) == sorted(str(document_id) for document_id in accepted)


async def documents_told_of(urls: DatabaseUrls) -> list[str]:
    """The documents of all `document.indexed` events."""
    connection = await asyncpg.connect(urls.superuser)
    try:
        rows = await connection.fetch(
            "SELECT envelope::json->'payload'->>'document_id' AS id FROM ai.outbox"
            " WHERE event_type = 'document.indexed'"
        )
        return [row["id"] for row in rows]
    finally:
        await connection.close()
