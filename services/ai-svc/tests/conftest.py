"""ai-svc over the run's database, and people of two organizations."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import httpx
import pytest
from access_factories import CoreApi
from ai_svc_erasing import Asking
from ai_svc_factories import Person, ai_settings, opened
from ai_svc_with_core_api import INTERNAL_KEY, Beside, beside, opened_core_api
from chat_factories import Scripted, settled
from core_api_test_settings import core_api_settings
from fastapi import FastAPI
from redis.asyncio import Redis

from ai_svc.settings import AiSettings
from ai_svc.workshop import Workshop
from devstack.testing import DatabaseUrls
from devstack.token_factory import TokenFactory
from knowledge.assembly import open_ingestion
from knowledge.ingestion import Ingestion

PersonOf = Callable[[str], Person]


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where originals are stored."""
    return tmp_path_factory.mktemp("ai-svc") / "objects"


@pytest.fixture(scope="session")
def settings(
    database_urls: DatabaseUrls, redis_url: str, token_factory: TokenFactory, objects: Path
) -> AiSettings:
    """No key, no provider."""
    return ai_settings(database_urls, redis_url, token_factory, objects)


@pytest.fixture(scope="session")
async def app(settings: AiSettings, token_factory: TokenFactory) -> AsyncIterator[FastAPI]:
    """The service with its connections open."""
    async with opened(settings, token_factory) as app:
        yield app


@pytest.fixture(scope="session")
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks to the service in this process."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ai.test") as client:
        yield client


@pytest.fixture(scope="session")
async def ingestion(app: FastAPI) -> AsyncIterator[Ingestion]:
    """What worker-svc would do."""
    workshop: Workshop = app.state.workshop
    async with open_ingestion(
        workshop.database, workshop.storage, workshop.embedder, workshop.settings.ingestion
    ) as ingestion:
        yield ingestion


@pytest.fixture
def person(
    app: FastAPI,
    http: httpx.AsyncClient,
    ingestion: Ingestion,
    token_factory: TokenFactory,
    clean: None,
) -> PersonOf:
    """Somebody by name; what they do is deleted afterwards."""
    # Generations begin anew with every test, and are kept in mind by their number.
    app.state.workshop.statistics._entries.clear()

    def of(name: str) -> Person:
        headers = {"authorization": f"Bearer {token_factory.token(name)}"}
        return Person(http, headers, ingestion)

    return of


@pytest.fixture
def ana(person: PersonOf) -> Person:
    """Administrator at aurora."""
    return person("ana")


@pytest.fixture
def vera(person: PersonOf) -> Person:
    """May only read, at aurora."""
    return person("vera")


@pytest.fixture
def beto(person: PersonOf) -> Person:
    """Administrator at boreal."""
    return person("beto")


@pytest.fixture
async def superuser(database_urls: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """Past row-level security: for who looks everywhere."""
    connection = await asyncpg.connect(database_urls.superuser)
    yield connection
    await connection.close()


@pytest.fixture
async def redis(app: FastAPI) -> Redis:
    """Without traces of earlier tests."""
    redis: Redis = app.state.resources.redis
    await redis.flushdb()
    return redis


@pytest.fixture
def nothing_stored(objects: Path) -> None:
    """No originals of earlier tests."""
    for left in objects.rglob("*"):
        if left.is_file():
            left.unlink()


@pytest.fixture
def asking(app: FastAPI, superuser: asyncpg.Connection, clean: None) -> Asking:
    """core-api, as far as it asks for erasures."""
    return Asking(app, superuser)


@pytest.fixture
def core_api(app: FastAPI, clean: None) -> CoreApi:
    """core-api, as far as its events decide who may read what."""
    return CoreApi(app)


@pytest.fixture(scope="session")
async def core_app(
    database_urls: DatabaseUrls,
    redis_url: str,
    token_factory: TokenFactory,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[FastAPI]:
    """The real core-api over the same database."""
    objects = tmp_path_factory.mktemp("core-api")
    callers = {"ai-svc": INTERNAL_KEY}
    settings = core_api_settings(database_urls, redis_url, token_factory, objects, callers=callers)
    async with opened_core_api(settings, token_factory) as app:
        yield app


@pytest.fixture
async def both(
    app: FastAPI, core_app: FastAPI, token_factory: TokenFactory, clean: None
) -> AsyncIterator[Beside]:
    """ai-svc asking the real core-api, and people of both."""
    async with beside(app, core_app, token_factory) as both:
        yield both


@pytest.fixture
async def scripted(app: FastAPI, clean: None) -> AsyncIterator[Scripted]:
    """Answers conversations, instead of the agents."""
    runs = app.state.runs
    before, script = runs.runner, Scripted()
    runs.runner = script
    yield script
    script.go_on()
    await settled(runs)
    runs.runner = before


@pytest.fixture
async def replica(settings: AiSettings, token_factory: TokenFactory) -> AsyncIterator[FastAPI]:
    """Another process of the service, over the same database and Redis."""
    async with opened(settings, token_factory) as other:
        yield other
