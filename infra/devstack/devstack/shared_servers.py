"""Servers of one test run: started by the first test that needs them, shared by xdist workers.

A run that was killed leaves its folder behind with the identities of its servers; the next run
stops them.
"""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devstack import processes
from devstack.errors import StartFailed
from devstack.prepared_cluster import TEST_STATE, exclusively
from devstack.servers.postgres import Passwords, PostgresServer


@dataclass(frozen=True, slots=True)
class RunningPostgres:
    """How to reach the cluster of this run."""

    port: int
    major: int
    passwords: Passwords
    bin: Path

    def url(self, role: str, database: str, scheme: str = "postgresql") -> str:
        """The address for one role: postgres, cogep_owner, cogep_app or cogep_worker."""
        return self.passwords.url(role, self.port, database, scheme)

    def execute(self, *statements: str, database: str = "postgres") -> str:
        """Run statements as the superuser through psql, each in a transaction of its own."""
        arguments = [part for statement in statements for part in ("-c", statement)]
        address = self.url("postgres", database)
        done = subprocess.run(
            [self.bin / "psql", address, "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        return done.stdout


class SharedServers:
    """The servers of one pytest run, found through a folder named after the controlling process."""

    def __init__(self, owner_pid: int) -> None:
        owner = processes.identity_of(owner_pid)
        started = owner.started_at if owner else 0.0
        self.folder = TEST_STATE / f"run-{owner_pid}-{started:.2f}"

    def postgres(self, major: int) -> RunningPostgres:
        """The cluster of this run, started now if nobody did yet."""
        known = self._once("postgres", str(major))
        passwords = Passwords(**known["passwords"])
        return RunningPostgres(known["port"], known["major"], passwords, Path(known["bin"]))

    def valkey(self) -> int:
        """The port of the Redis-protocol server of this run."""
        port: int = self._once("valkey")["port"]
        return port

    def stop(self) -> None:
        """Stop what was started and remove every trace."""
        _stop_run(self.folder)

    def _once(self, name: str, *arguments: str) -> Mapping[str, Any]:
        record = self.folder / f"{name}.json"
        with exclusively(self.folder / f"{name}.lock"):
            if not record.exists():
                _start_elsewhere(name, str(record), *arguments)
            found: Mapping[str, Any] = json.loads(record.read_text())
            return found


def _start_elsewhere(*arguments: str) -> None:
    """Start a server from a process that ends at once: no test finds it among its own children."""
    done = subprocess.run(
        [sys.executable, "-m", "devstack.test_server", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StartFailed(done.stderr.strip() or "The test server did not start.")


def stop_abandoned_runs() -> None:
    """Stop the servers of runs whose controller is gone."""
    for folder in TEST_STATE.glob("run-*"):
        _, pid, started_at = folder.name.split("-")
        if processes.Identity(int(pid), float(started_at)).find() is None:
            _stop_run(folder)


def _stop_run(folder: Path) -> None:
    for record in folder.glob("*.json"):
        known = json.loads(record.read_text())
        identity = processes.Identity(known["pid"], known["started_at"])
        processes.stop(identity, with_signal=signal.Signals(known["signal"]), grace_seconds=10.0)
        shutil.rmtree(known["data"], ignore_errors=True)
    PostgresServer.remove_traces(folder / "postgres")
    shutil.rmtree(folder, ignore_errors=True)
