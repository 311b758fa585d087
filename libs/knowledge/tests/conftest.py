"""The knowledge base in the run's database, and its pipeline over real parts."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from knowledge_factories import Knowledge, Web
from pydantic import SecretStr

from chassis.data.database import Database
from chassis.data.object_storage import ObjectStorage
from chassis.settings import DatabaseSettings, StorageSettings
from devstack.testing import DatabaseUrls
from knowledge.assembly import open_ingestion
from knowledge.embedders.local import LocalEmbedder
from knowledge.settings import IngestionSettings


@pytest.fixture(scope="session")
async def knowledge_database(database_urls: DatabaseUrls) -> AsyncIterator[Database]:
    """Schema `ai`, as the roles of production."""
    settings = DatabaseSettings(
        url=SecretStr(database_urls.app), worker_url=SecretStr(database_urls.worker)
    )
    database = Database(settings, schema="ai", application_name="knowledge tests")
    yield database
    await database.close()


@pytest.fixture
def storage(tmp_path: Path) -> ObjectStorage:
    """An empty folder."""
    return ObjectStorage.at(StorageSettings(url=(tmp_path / "objects").as_uri()))


@pytest.fixture(scope="session")
async def web() -> AsyncIterator[Web]:
    """A web server on a loopback address, known as `pagina.example`."""
    server = Web()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def knowledge(
    knowledge_database: Database, storage: ObjectStorage, web: Web, clean: None
) -> AsyncIterator[Knowledge]:
    """The pipeline; what it commits is deleted afterwards. The test's web server is allowed."""
    settings = IngestionSettings(fetch_allowed_networks=("127.0.0.2/32",))
    async with open_ingestion(
        knowledge_database, storage, LocalEmbedder(), settings, resolver=web.resolve
    ) as ingestion:
        yield Knowledge(ingestion)
