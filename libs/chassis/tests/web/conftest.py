"""The sample service, running, and people who call it."""

from collections.abc import AsyncIterator

import httpx
import pytest
from chassis_web_sample import (
    KeyServer,
    bearer,
    create_sample_schema,
    empty_sample_schema,
    sample_app,
    sample_settings,
    started,
)
from fastapi import FastAPI

from chassis.settings import ServiceAppSettings
from devstack.testing import DatabaseUrls
from devstack.token_factory import TokenFactory


@pytest.fixture(scope="session")
async def key_server(token_factory: TokenFactory) -> AsyncIterator[KeyServer]:
    """Publishes the keys of `token_factory`."""
    server = KeyServer(token_factory.jwks())
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="session")
def key_server_url(key_server: KeyServer) -> str:
    """Where the keys are published."""
    return key_server.url


@pytest.fixture(scope="session")
async def web_settings(
    database_urls: DatabaseUrls, redis_url: str, token_factory: TokenFactory, key_server: KeyServer
) -> ServiceAppSettings:
    """Settings of the sample service, whose tables exist."""
    await create_sample_schema(database_urls.owner)
    return sample_settings(
        database_urls, redis_url, token_factory, key_server.url, rate_limit_enabled=False
    )


@pytest.fixture(scope="session")
def web_app(web_settings: ServiceAppSettings) -> FastAPI:
    """The sample service."""
    return sample_app(web_settings)


@pytest.fixture(scope="session")
async def web(web_app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the running sample service."""
    async with started(web_app) as client:
        yield client


@pytest.fixture
async def clean_notes(database_urls: DatabaseUrls) -> AsyncIterator[None]:
    """For tests that commit: the sample's tables are empty before and after."""
    await empty_sample_schema(database_urls.superuser)
    yield
    await empty_sample_schema(database_urls.superuser)


@pytest.fixture
def ana(token_factory: TokenFactory) -> dict[str, str]:
    """Headers of an administrator of aurora."""
    return bearer(token_factory.token("ana"))


@pytest.fixture
def vera(token_factory: TokenFactory) -> dict[str, str]:
    """Headers of somebody at aurora who may only read."""
    return bearer(token_factory.token("vera"))


@pytest.fixture
def beto(token_factory: TokenFactory) -> dict[str, str]:
    """Headers of an administrator of boreal."""
    return bearer(token_factory.token("beto"))
