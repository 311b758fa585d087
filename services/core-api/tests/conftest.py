"""core-api over the run's database, and people of two organizations.

A test works within one transaction that is rolled back; one marked `committed` commits for real.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import asyncpg
import httpx
import pytest
import sqlalchemy as sa
from core_api_factories import INTERNAL_KEY, Person, PersonOf
from core_api_mail import MailWorker
from core_api_matrix import Matrix, built_matrix
from core_api_neighbour import Neighbour
from core_api_records import Records
from core_api_test_settings import core_api_settings
from fastapi import FastAPI
from mail_server import MailServer, mail_server
from redis.asyncio import Redis

from chassis.data.database import Database
from chassis.data.object_storage import ObjectStorage
from chassis.data.rows import DriverRowReader
from chassis.security.internal_key import InternalKeys
from chassis.security.jwks import JwksCache
from chassis.security.oidc import TokenVerifier
from chassis.security.sealing import Vault
from chassis.web.rate_limit import RateLimiter
from chassis.web.resources import Resources
from core_api.main import create_app
from core_api.modules.organizations.provisioning import MemberProvisioning
from core_api.schema import SCHEMA
from core_api.settings import (
    CoreApiSettings,
)
from core_api.subject_stores import Workshop
from core_api.workplace import VAULT, Workplace
from devstack.testing import DatabaseUrls
from devstack.token_factory import TokenFactory


@pytest.fixture(scope="session")
def settings(
    database_urls: DatabaseUrls,
    redis_url: str,
    token_factory: TokenFactory,
    tmp_path_factory: pytest.TempPathFactory,
) -> CoreApiSettings:
    """Settings as the environment would give them."""
    return core_api_settings(
        database_urls,
        redis_url,
        token_factory,
        tmp_path_factory.mktemp("objects"),
        callers={"worker-svc": INTERNAL_KEY},
    )


@pytest.fixture(scope="session")
def provisioning() -> MemberProvisioning:
    """Remembers whom it has written."""
    return MemberProvisioning()


@pytest.fixture(scope="session")
async def resources(
    settings: CoreApiSettings, token_factory: TokenFactory, provisioning: MemberProvisioning
) -> AsyncIterator[Resources]:
    """What the service opens at start, without its background tasks."""
    async with AsyncExitStack() as stack:
        issuer = httpx.MockTransport(lambda _: httpx.Response(200, json=token_factory.jwks()))
        http = await stack.enter_async_context(httpx.AsyncClient(transport=issuer))
        database = Database(
            settings.database,
            schema=SCHEMA,
            application_name="core-api tests",
            info={VAULT: Vault(settings.sealing)},
        )
        stack.push_async_callback(database.close)
        redis = Redis.from_url(settings.redis.url.get_secret_value())
        stack.push_async_callback(redis.aclose)
        jwks = JwksCache(http, settings.oidc)
        stack.push_async_callback(jwks.close)
        yield Resources(
            name="core-api",
            settings=settings,
            database=database,
            redis=redis,
            http=http,
            tokens=TokenVerifier(settings.oidc, jwks),
            internal_keys=InternalKeys(settings.internal_keys.keys_accepted),
            limiter=RateLimiter(settings.service, settings.redis),
            on_authenticated=provisioning,
        )


@pytest.fixture(scope="session")
def neighbour() -> Neighbour:
    """What answers in the place of ai-svc."""
    return Neighbour()


@pytest.fixture(scope="session")
def workplace(settings: CoreApiSettings, neighbour: Neighbour) -> Workplace:
    """What only core-api opens at start."""
    return Workplace(
        settings=settings,
        vault=Vault(settings.sealing),
        storage=ObjectStorage.at(settings.storage),
        ai_svc=neighbour.client(),
    )


@pytest.fixture
def workshop(resources: Resources, workplace: Workplace) -> Workshop:
    """What sweeps over data subjects work with."""
    return Workshop(database=resources.database, redis=resources.redis, storage=workplace.storage)


@pytest.fixture(autouse=True)
def _neighbour_forgets(neighbour: Neighbour) -> None:
    """Each test says anew what ai-svc answers; without a word it keeps nothing about anybody."""
    neighbour.forget()


@pytest.fixture(scope="session")
def shared_app(settings: CoreApiSettings) -> FastAPI:
    """Built once."""
    return create_app(settings)


@pytest.fixture(autouse=True)
def _cleaned(request: pytest.FixtureRequest) -> None:
    """What a `committed` test leaves is deleted. Not async: `clean` needs the loop."""
    if request.node.get_closest_marker("committed"):
        request.getfixturevalue("clean")


@pytest.fixture
async def database(request: pytest.FixtureRequest, resources: Resources) -> AsyncIterator[Database]:
    """The service's database: the real one for `committed` tests, else one transaction of it."""
    if request.node.get_closest_marker("committed"):
        yield resources.database
        return
    async with resources.database.engines[0].connect() as connection:
        outer = await connection.begin()
        yield resources.database.joined_to(connection)
        await outer.rollback()


@pytest.fixture(scope="session")
async def rows(settings: CoreApiSettings) -> AsyncIterator[DriverRowReader]:
    """Single reads on connections of their own, as in production."""
    reader = DriverRowReader(settings.database, application_name="core-api tests")
    yield reader
    await reader.close()


@pytest.fixture
def app(
    shared_app: FastAPI,
    resources: Resources,
    database: Database,
    rows: DriverRowReader,
    workplace: Workplace,
    provisioning: MemberProvisioning,
) -> FastAPI:
    """The service on this test's database, knowing nobody yet."""
    provisioning.forget()
    commits = database is resources.database  # only then other connections see what was written
    shared_app.state.resources = replace(
        resources, database=database, rows=rows if commits else None
    )
    shared_app.state.workplace = workplace
    return shared_app


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks to the service in this process."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://core.test") as client:
        yield client


@pytest.fixture
def person(http: httpx.AsyncClient, token_factory: TokenFactory) -> PersonOf:
    """Somebody by name, with a token of their own."""

    def of(who: str, /, **claims: Any) -> Person:
        token = token_factory.sign(token_factory.claims(who) | claims)
        return Person(http, {"authorization": f"Bearer {token}"})

    return of


@pytest.fixture
def ana(person: PersonOf) -> Person:
    """Administrator at aurora."""
    return person("ana")


@pytest.fixture
def bruno(person: PersonOf) -> Person:
    """Attendant at aurora."""
    return person("bruno")


@pytest.fixture
def vera(person: PersonOf) -> Person:
    """May only read, at aurora."""
    return person("vera")


@pytest.fixture
def davi(person: PersonOf) -> Person:
    """Data protection officer at aurora."""
    return person("davi")


@pytest.fixture
def beto(person: PersonOf) -> Person:
    """Administrator at boreal."""
    return person("beto")


@pytest.fixture(scope="module")
async def matrix(
    shared_app: FastAPI,
    resources: Resources,
    workplace: Workplace,
    provisioning: MemberProvisioning,
    token_factory: TokenFactory,
) -> AsyncIterator[Matrix]:
    """Everybody of two organizations and everything in them, in one transaction of a module."""
    provisioning.forget()
    shared_app.state.workplace = workplace
    async with built_matrix(shared_app, resources, token_factory) as matrix:
        yield matrix


@pytest.fixture
def records(database: Database) -> Records:
    """Events and audit rows of aurora."""
    return Records(database)


@pytest.fixture
async def superuser(database_urls: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """Sees every tenant's committed rows."""
    connection = await asyncpg.connect(database_urls.superuser)
    yield connection
    await connection.close()


@pytest.fixture
async def smtp() -> AsyncIterator[MailServer]:
    """A mail server of this test."""
    async with mail_server() as server:
        yield server


@pytest.fixture
async def mail_worker(
    app: FastAPI, database: Database, smtp: MailServer
) -> AsyncIterator[MailWorker]:
    """What worker-svc does with mails."""
    async with MailWorker.of(app, database, smtp) as worker:
        yield worker


@pytest.fixture
def statements(resources: Resources) -> Iterator[list[str]]:
    """The SQL that requests send from here on, apart from setting the tenant."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "set_config" not in statement and "SAVEPOINT" not in statement:
            seen.append(statement)

    engine = resources.database.engines[0].sync_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(engine, "before_cursor_execute", note)
