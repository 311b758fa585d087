"""Upkeep: what is past its time goes, for services of ours only."""

from pathlib import Path

import asyncpg
import pytest
from ai_svc_factories import DOCUMENTS, INTERNAL_KEY, Person, originals
from fastapi import FastAPI

from ai_svc.modules.maintenance import service
from devstack.testing import DatabaseUrls

pytestmark = pytest.mark.committed

PRUNE = "/internal/v1/maintenance/prune"
NOBODYS = "0192a000-0000-7000-8000-0000000fffff"
WORKER = {"x-internal-key": INTERNAL_KEY, "x-source-service": "worker-svc"}


async def aged(urls: DatabaseUrls, days: int) -> None:
    """As if everything had happened so many days ago."""
    connection = await asyncpg.connect(urls.superuser)
    past = f"now() - interval '{days} days'"
    await connection.execute(f"UPDATE ai.outbox SET created_at = {past}, published_at = {past}")
    await connection.execute(f"UPDATE ai.idempotency_keys SET created_at = {past}")
    await connection.execute(f"UPDATE ai.ingestion_queue SET finished_at = {past}")
    await connection.close()


async def test_old_traces_are_deleted_and_the_document_stays(
    ana: Person, database_urls: DatabaseUrls
) -> None:
    document_id = await ana.index("Um texto que fica.")
    await ana.post(DOCUMENTS, json={"text": "Outro."}, headers={"idempotency-key": "k1"})
    await ana.ingestion.drain_once("tests")
    await aged(database_urls, 40)

    answer = await ana.http.post(PRUNE, headers=WORKER)
    document = (await ana.get(f"{DOCUMENTS}/{document_id}")).json()["data"]

    assert answer.status_code == 200, answer.text
    assert answer.json()["data"] == {
        "outbox": 4,
        "inbox": 0,
        "idempotency_keys": 1,
        "jobs": 2,
        "objects": 0,
        "batches": 0,
        "source_runs": 0,
        "uploads": 0,
        "parts": 0,
        "answers": 0,
        "cached_answers": 0,
        "changes": 0,
        "usage_entries": 0,
        "usage_totals": 0,
        "memories": 0,
        "conversations": 0,
        "proposal_words": 0,
        "proposals": 0,
        "word_counts": 0,
    }
    assert (document["status"], document["progress"]["percent"]) == ("indexed", 100)


async def test_fresh_traces_stay(ana: Person, database_urls: DatabaseUrls) -> None:
    await ana.index("Um texto que fica.")
    await aged(database_urls, 1)

    answer = await ana.http.post(PRUNE, headers=WORKER)

    assert set(answer.json()["data"].values()) == {0}


async def test_object_nobody_owns_is_swept(
    ana: Person, app: FastAPI, objects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await ana.post(DOCUMENTS, files={"file": ("a.txt", b"Um texto.")})
    orphan = objects / "0192a000-0000-7000-8000-00000000a001" / NOBODYS / "original"
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"left behind")
    monkeypatch.setattr(service, "UPLOAD_GRACE", -service.UPLOAD_GRACE)

    answer = await ana.http.post(PRUNE, headers=WORKER)

    assert answer.json()["data"]["objects"] >= 1
    assert not orphan.exists()
    assert originals(objects, kept.json()["data"]["id"])


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-internal-key": "wrong-key-wrong-key", "x-source-service": "worker-svc"}],
)
async def test_nobody_else_may_prune(ana: Person, headers: dict[str, str]) -> None:
    assert (await ana.http.post(PRUNE, headers=headers)).status_code == 401
    assert (await ana.post(PRUNE)).status_code == 401
