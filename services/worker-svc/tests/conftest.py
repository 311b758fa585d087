"""worker-svc in this process, on the run's servers, beside a knowledge base to look at."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from knowledge_factories import Knowledge
from pydantic import SecretStr
from redis.asyncio import Redis

from chassis.data.database import Database
from chassis.data.object_storage import ObjectStorage
from chassis.settings import (
    DatabaseSettings,
    Environment,
    InternalKeySettings,
    OidcSettings,
    RedisSettings,
    ServiceSettings,
    StorageSettings,
)
from devstack.testing import DatabaseUrls
from knowledge.assembly import open_ingestion
from knowledge.embedders.local import LocalEmbedder
from knowledge.settings import EmbeddingSettings, IngestionSettings
from worker_svc.settings import ServiceUrlSettings, WorkerAppSettings, WorkerSettings

NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def worker_settings(
    database_urls: DatabaseUrls, redis_url: str, tmp_path: Path
) -> WorkerAppSettings:
    """As the environment would give them. It polls too rarely for a test to notice."""
    return WorkerAppSettings(
        service=ServiceSettings(environment=Environment.TEST),
        database=DatabaseSettings(
            url=SecretStr(database_urls.app), worker_url=SecretStr(database_urls.worker)
        ),
        redis=RedisSettings(url=SecretStr(redis_url)),
        oidc=OidcSettings(issuer=NOBODY, audience="cogep-api", jwks_url=f"{NOBODY}/jwks.json"),
        internal_keys=InternalKeySettings(key=SecretStr("internal-key-of-worker-svc")),
        storage=StorageSettings(url=(tmp_path / "objects").as_uri()),
        embedding=EmbeddingSettings(provider="local"),
        ingestion=IngestionSettings(),
        services=ServiceUrlSettings(core_api_url=NOBODY, ai_svc_url=NOBODY),
        worker=WorkerSettings(
            slots=4, poll=timedelta(seconds=60), patience=timedelta(milliseconds=50)
        ),
    )


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """An empty Redis database."""
    client = Redis.from_url(redis_url)
    await client.flushdb()
    yield client
    await client.aclose()


@pytest.fixture
async def ai_database(worker_settings: WorkerAppSettings) -> AsyncIterator[Database]:
    """ai-svc's pool: another process's, as far as the worker knows."""
    database = Database(worker_settings.database, schema="ai", application_name="ai-svc")
    yield database
    await database.close()


@pytest.fixture
async def knowledge(
    ai_database: Database, worker_settings: WorkerAppSettings, clean: None
) -> AsyncIterator[Knowledge]:
    """For submitting documents and looking at them."""
    async with open_ingestion(
        ai_database,
        ObjectStorage.at(worker_settings.storage),
        LocalEmbedder(),
        worker_settings.ingestion,
    ) as ingestion:
        yield Knowledge(ingestion)
