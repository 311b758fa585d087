"""PostgreSQL in awkward places: below private folders, interrupted, of the wrong version."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.errors import DevstackError
from devstack.ports import free_port
from devstack.servers.postgres import Passwords, PostgresServer

_ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes to another user")


@pytest.fixture
def private() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="cogep-private-"))  # mode 0700
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def make(folder: Path, *, major: int = 18) -> PostgresServer:
    port, passwords = free_port(), Passwords.generate()
    return PostgresServer(folder / "postgres", port, passwords, major=major, durable=False)


@pytest.mark.parametrize("major", [16, 18])
def test_it_starts_below_a_private_folder_and_removes_every_trace(
    private: Path, major: int
) -> None:
    server = make(private, major=major)
    server.start()
    server.wait_until_ready()
    server.create_roles_and_database()
    server.create_roles_and_database()
    server.stop()
    server.remove()
    assert not server.data.exists()
    assert not list(server.data.parent.glob("postgres*"))


@_ROOT_ONLY
def test_a_stand_in_goes_with_the_folder_it_stood_in_for(private: Path) -> None:
    first = make(private)
    first.start()
    first.wait_until_ready()
    first.stop()
    shutil.rmtree(private)
    other = Path(tempfile.mkdtemp(prefix="cogep-private-"))
    second = make(other)
    assert not first.data.exists()
    second.remove()
    shutil.rmtree(other)


def test_an_interrupted_creation_starts_over(private: Path) -> None:
    server = make(private)
    server.prepare()
    server._unfinished.touch()  # as if initdb had been killed
    (server.data / "PG_VERSION").unlink()
    server.start()
    server.wait_until_ready()
    server.stop()
    assert server.initialised
    server.remove()


def test_data_of_another_version_is_refused_in_one_line(private: Path) -> None:
    made = make(private)
    made.prepare()
    with pytest.raises(DevstackError, match="was written by PostgreSQL 18, not 16") as caught:
        make(private, major=16).prepare()
    assert "\n" not in str(caught.value)
    made.remove()


def test_no_value_reaches_the_log(private: Path) -> None:
    server = make(private)
    server.start()
    server.wait_until_ready()
    server.create_roles_and_database("kept")
    script = r"""
        CREATE TEMP TABLE people (email text UNIQUE);
        INSERT INTO people VALUES ($1) \bind 'julia@example.com' \g
        INSERT INTO people VALUES ($1) \bind 'julia@example.com' \g
        SELECT pg_sleep(1.1), $1 \bind 'julia@example.com' \g
    """
    url = server.passwords.url("postgres", server.port, "kept")
    subprocess.run([server.bin / "psql", url, "-X"], input=script, text=True, check=True)
    server.stop()

    log = server.log.read_text()
    assert "duplicate key value" in log
    assert "pg_sleep" in log
    assert "julia" not in log
    server.remove()


def test_a_crash_is_recovered_from(private: Path) -> None:
    server = make(private)
    server.start()
    server.wait_until_ready()
    server.create_roles_and_database("kept")
    url = server.passwords.url("postgres", server.port, "kept")
    psql = [str(server.bin / "psql"), url, "-X", "-A", "-t", "-c"]
    made = "CREATE TABLE t AS SELECT 7 AS kept"
    subprocess.run([*psql, made, "-c", "CHECKPOINT"], check=True)
    server.stop(immediate=True)
    server.start()
    server.wait_until_ready()
    server.create_roles_and_database("kept")

    found = subprocess.run([*psql, "TABLE t"], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "7"
    server.stop()
    server.remove()
