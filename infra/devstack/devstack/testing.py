"""The pytest plugin of the repository: a real PostgreSQL, a real Redis-protocol server, and tokens.

Nothing is started before the first test that asks for it.
"""

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import asyncpg
import pytest

from devstack.prepared_cluster import TEMPLATE
from devstack.shared_servers import RunningPostgres, SharedServers, stop_abandoned_runs
from devstack.token_factory import TokenFactory

_DELETE_EVERYTHING = """
DO $$
DECLARE found record;
BEGIN
  -- no foreign keys, no append-only triggers
  PERFORM set_config('session_replication_role', 'replica', true);
  FOR found IN
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('crm', 'ai') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND c.relname <> 'alembic_version'
  LOOP
    EXECUTE format('DELETE FROM %I.%I', found.nspname, found.relname);
  END LOOP;
END $$
"""


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """One migrated database, seen by each role. `superuser` bypasses row-level security."""

    app: str
    worker: str
    owner: str
    superuser: str
    name: str


def pytest_configure() -> None:
    """Clean up after runs that were killed."""
    if not _is_worker():
        stop_abandoned_runs()


def pytest_unconfigure() -> None:
    """Stop what this run started, once all its workers are done."""
    if not _is_worker():
        _servers().stop()


@pytest.fixture(scope="session")
def postgres() -> RunningPostgres:
    """The PostgreSQL cluster of this run; PG=16 in the environment chooses the version."""
    return _servers().postgres(int(os.environ.get("PG") or "18"))


@pytest.fixture(scope="session")
def valkey() -> int:
    """The port of the Redis-protocol server of this run."""
    return _servers().valkey()


@pytest.fixture(scope="session")
def redis_url(valkey: int) -> str:
    """A numbered database of this worker's own, empty at the start of the run."""
    return f"redis://127.0.0.1:{valkey}/{_worker_number()}"


@pytest.fixture(scope="session")
def database_urls(postgres: RunningPostgres) -> Iterator[DatabaseUrls]:
    """A database of this worker's own, cloned from the migrated template."""
    name = f"cogep_test_{_worker_number()}"
    clone_database(postgres, name)
    yield urls_of(postgres, name)
    postgres.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def token_factory() -> TokenFactory:
    """Signs access tokens for the sample people."""
    return TokenFactory()


@pytest.fixture
async def clean(database_urls: DatabaseUrls) -> AsyncIterator[None]:
    """For tests that commit: every row of both schemas is deleted afterwards."""
    yield
    connection = await asyncpg.connect(database_urls.superuser)
    try:
        await connection.execute(_DELETE_EVERYTHING)
    finally:
        await connection.close()


def clone_database(postgres: RunningPostgres, name: str) -> None:
    """Copy the migrated template. Privileges on the database itself are not part of the copy."""
    postgres.execute(
        f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)',
        f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"',
        f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC',
        f'GRANT CONNECT, CREATE ON DATABASE "{name}" TO cogep_owner',
        f'GRANT CONNECT ON DATABASE "{name}" TO cogep_app, cogep_worker',
        f"ALTER DATABASE \"{name}\" SET timezone TO 'UTC'",
    )


def urls_of(postgres: RunningPostgres, name: str) -> DatabaseUrls:
    """The addresses of one database: SQLAlchemy's form, except `superuser`, which is asyncpg's."""
    scheme = "postgresql+asyncpg"
    return DatabaseUrls(
        app=postgres.url("cogep_app", name, scheme),
        worker=postgres.url("cogep_worker", name, scheme),
        owner=postgres.url("cogep_owner", name, scheme),
        superuser=postgres.url("postgres", name),
        name=name,
    )


def _servers() -> SharedServers:
    return SharedServers(os.getppid() if _is_worker() else os.getpid())


def _is_worker() -> bool:
    return "PYTEST_XDIST_WORKER" in os.environ


def _worker_number() -> int:
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
