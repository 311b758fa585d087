"""Looking at sources: by one of the workers, once, and to an end people understand."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from knowledge_factories import Knowledge, Web, make_actor
from redis.asyncio import Redis
from worker_svc_factories import running_worker, until

from knowledge.models import Document
from knowledge.sources.models import RunTrigger, SourceKind, SourceRun, WatchedSource
from shared_schemas.ids import new_id
from worker_svc.settings import WorkerAppSettings

pytestmark = pytest.mark.committed

RUNS = SourceRun.__table__


async def asked(knowledge: Knowledge, address: str) -> UUID:
    """A run of a source that is a page."""
    actor, source_id, run_id = make_actor(), new_id(), new_id()
    async with knowledge.ingestion.database.transaction(actor.organization_id) as session:
        session.add(
            WatchedSource(
                id=source_id,
                organization_id=actor.organization_id,
                name="Página",
                kind=SourceKind.URL,
                address=address,
                options={},
                created_by=actor.user_id,
            )
        )
        await session.flush()
        await session.execute(
            sa.insert(RUNS).values(
                id=run_id,
                organization_id=actor.organization_id,
                source_id=source_id,
                trigger=RunTrigger.PERSON,
                correlation_id="tests",
            )
        )
    return run_id


async def finished(knowledge: Knowledge, run_id: UUID) -> bool:
    async with knowledge.ingestion.database.worker_transaction() as session:
        found = await session.scalar(sa.select(RUNS.c.finished_at).where(RUNS.c.id == run_id))
    return found is not None


async def run_of(knowledge: Knowledge, run_id: UUID) -> sa.RowMapping:
    async with knowledge.ingestion.database.worker_transaction() as session:
        found = await session.execute(sa.select(RUNS).where(RUNS.c.id == run_id))
    return found.mappings().one()


async def test_two_workers_look_once(
    knowledge: Knowledge, worker_settings: WorkerAppSettings, redis: Redis
) -> None:
    web = Web()
    await web.start()
    web.put("/a", b"<html><body><p>Uma vez.</p></body></html>", content_type="text/html")
    run_id = await asked(knowledge, f"http://127.0.0.2:{web.port}/a")
    ingestion = worker_settings.ingestion.model_copy(
        update={"fetch_allowed_networks": ("127.0.0.2/32",)}
    )
    often = worker_settings.worker.model_copy(update={"poll": timedelta(milliseconds=20)})
    settings = replace(worker_settings, ingestion=ingestion, worker=often)
    async with running_worker(settings), running_worker(settings):
        await until(lambda: finished(knowledge, run_id))
    await web.stop()

    run = await run_of(knowledge, run_id)
    assert (run["state"].value, run["attempts"], run["added"]) == ("succeeded", 1, 1)
    assert sum(request.startswith("GET /a ") for request in web.requests) == 1
    actor = make_actor()
    async with knowledge.ingestion.database.transaction(actor.organization_id) as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Document)) == 1


async def test_a_sitemap_that_is_none_ends_with_a_sentence(
    knowledge: Knowledge, worker_settings: WorkerAppSettings, redis: Redis
) -> None:
    run_id = await asked(knowledge, "http://127.0.0.1:9/")
    async with knowledge.ingestion.database.transaction(make_actor().organization_id) as session:
        await session.execute(sa.update(WatchedSource).values(kind=SourceKind.SITEMAP))
    async with running_worker(worker_settings):
        await until(lambda: finished(knowledge, run_id))

    run = await run_of(knowledge, run_id)
    assert (run["state"].value, run["error_code"]) == ("failed", "URL_BLOCKED")
    assert "só são aceitos endereços públicos" in run["error_message"]
