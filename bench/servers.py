"""PostgreSQL and Valkey of the bench's own, durable: what is committed is on the disk."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import psutil
import yaml

from devstack.checkout import ROOT, STATE
from devstack.migrations import run_alembic
from devstack.ports import free_port
from devstack.servers.postgres import Passwords, PostgresServer
from devstack.servers.valkey import ValkeyServer

DATABASE = "cogep"
_STATE = STATE / "bench"
_PRODUCTION: Final = ROOT / "infra" / "docker-compose.prod.yml"
_MEMORY: Final = frozenset(
    {
        "shared_buffers",
        "effective_cache_size",
        "work_mem",
        "maintenance_work_mem",
        "random_page_cost",
    }
)


@dataclass(frozen=True, slots=True)
class Servers:
    """A migrated, empty database and an empty Redis, on ports nobody else uses."""

    folder: Path
    postgres: PostgresServer
    valkey: ValkeyServer
    database: str = DATABASE

    def database_url(self, role: str, database: str | None = None) -> str:
        """The address for SQLAlchemy: cogep_app, cogep_worker, cogep_owner or postgres."""
        return self.postgres.url(role, database or self.database, "postgresql+asyncpg")

    def plain_url(self, role: str, database: str | None = None) -> str:
        """The address for the bare drivers of the baselines."""
        return self.postgres.url(role, database or self.database)

    @property
    def root(self) -> Path:
        """The checkout, from which processes import `bench`."""
        return ROOT

    @property
    def redis_url(self) -> str:
        """The address of Valkey."""
        return self.valkey.url()

    def environment(self) -> dict[str, str]:
        """What a service needs to know about them."""
        return {
            "DATABASE_URL": self.database_url("cogep_app"),
            "DATABASE_WORKER_URL": self.database_url("cogep_worker"),
            "REDIS_URL": self.redis_url,
            "STORAGE_URL": f"file://{self.folder / 'objects'}",
        }


def production_memory() -> dict[str, str]:
    """What PostgreSQL is given in production, for what is only fast when it fits."""
    command = yaml.safe_load(_PRODUCTION.read_text("utf-8"))["services"]["postgres"]["command"]
    pairs = (str(part).removeprefix("-c").partition("=") for part in command)
    return {name: value for name, _, value in pairs if name in _MEMORY}


@contextmanager
def running_servers(
    *, migrate: bool = True, settings: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Servers]:
    """Start both, migrate, and remove every trace at the end, whatever happened in between.

    Call it in the main thread: the kernel stops the servers when that thread is killed.
    """
    _remove_abandoned()
    folder = _STATE / f"run-{os.getpid()}-{free_port()}"
    folder.mkdir(parents=True)
    (folder / "objects").mkdir()
    postgres = PostgresServer(
        folder / "postgres", free_port(), Passwords.generate(), settings=settings
    )
    valkey = ValkeyServer(folder / "valkey", free_port())
    try:
        postgres.start()
        valkey.start()
        postgres.wait_until_ready()
        valkey.wait_until_ready()
        postgres.create_roles_and_database(DATABASE)
        if migrate:
            run_alembic(postgres.url("cogep_owner", DATABASE, "postgresql+asyncpg"))
        yield Servers(folder, postgres, valkey)
    finally:
        postgres.stop(immediate=True)
        valkey.stop()
        postgres.remove()
        shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned() -> None:
    """Folders of runs that were killed; their servers died with them."""
    for folder in _STATE.glob("run-*"):
        if not psutil.pid_exists(int(folder.name.split("-")[1])):
            PostgresServer.remove_traces(folder / "postgres")
            shutil.rmtree(folder, ignore_errors=True)
