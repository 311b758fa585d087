"""PostgreSQL with pgvector from its wheel, on TCP, with a data folder and a life of its own."""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from devstack.checkout import ROOT
from devstack.errors import DevstackError, StartFailed
from devstack.servers.binaries import postgres_binaries
from devstack.servers.public_folders import give_back, stand_in_folder
from devstack.servers.server import Server, most_telling
from devstack.system_user import SystemUser, become, unprivileged_user

INIT_SQL: Final = ROOT / "infra" / "postgres" / "init.sql"

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_duration_statement": "1s",
    # What statements are given, and the keys and rows that errors quote, is people's data.
    "log_parameter_max_length": "0",
    "log_error_verbosity": "terse",
    "password_encryption": "scram-sha-256",
}
# Nothing of a test run outlives it, so nothing waits for the disk.
_FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "10min",
    "scram_iterations": "1",
}


@dataclass(frozen=True, slots=True)
class Passwords:
    """One password per role, generated for this data folder."""

    superuser: str
    owner: str
    app: str
    worker: str

    @classmethod
    def generate(cls) -> "Passwords":
        """Fresh random passwords, safe inside a URL."""
        return cls(*(secrets.token_hex(16) for _ in range(4)))

    def url(self, role: str, port: int, database: str, scheme: str = "postgresql") -> str:
        """The address for one role: postgres, cogep_owner, cogep_app or cogep_worker."""
        password = {
            "postgres": self.superuser,
            "cogep_owner": self.owner,
            "cogep_app": self.app,
            "cogep_worker": self.worker,
        }[role]
        return f"{scheme}://{role}:{password}@127.0.0.1:{port}/{database}"


class PostgresServer(Server):
    """One cluster. `durable=False` does not wait for the disk: faster, for tests only."""

    stop_signal = signal.SIGINT  # "fast": end all sessions, keep everything committed
    crash_signal = signal.SIGQUIT  # "immediate": recovery at the next start

    def __init__(
        self,
        data: Path,
        port: int,
        passwords: Passwords,
        *,
        major: int = 18,
        durable: bool = True,
        settings: Mapping[str, str] = MappingProxyType({}),
        log: Path | None = None,
    ) -> None:
        user = unprivileged_user()
        self.data = _reachable(data, user)
        super().__init__("postgres", port, log or self.data.parent / f"{self.data.name}.log")
        self.user = user
        self.passwords = passwords
        self.major = major
        self.durable = durable
        self.settings = settings
        self.bin = postgres_binaries(major, self.user)

    @property
    def initialised(self) -> bool:
        """Whether the data folder holds a finished cluster."""
        return (self.data / "PG_VERSION").exists() and not self._unfinished.exists()

    @property
    def _unfinished(self) -> Path:
        return self.data.parent / f"{self.data.name}.unfinished"

    def prepare(self) -> None:
        """Create the cluster. Interrupted half-way it starts over: nothing was stored in it yet."""
        if self.initialised:
            self._check_version()
            return
        if self.data.exists():
            shutil.rmtree(self.data)
        self.data.mkdir(mode=0o700, parents=True)
        self._own(self.data)
        self._unfinished.touch()
        password_file = self.data.parent / f"{self.data.name}.password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.passwords.superuser)
        self._own(password_file)
        try:
            self._initdb(password_file)
        finally:
            password_file.unlink()
        self._unfinished.unlink()

    def command(self) -> Sequence[str]:
        """The server in the foreground, every setting an argument."""
        settings = _SETTINGS | ({} if self.durable else _FAST) | dict(self.settings)
        settings["port"] = str(self.port)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self.bin / "postgres"), "-D", str(self.data), *options]

    def environment(self) -> Mapping[str, str]:
        """Ours, without the PG* variables that would redirect it."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return kept | {"LC_ALL": "C", "TZ": "UTC"}

    def answers(self) -> bool:
        """Whether postmaster.pid says ready: its own word, cheaper than a connection."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        if len(lines) < 8:
            return False
        mine = self.process is None or lines[0].strip() == str(self.process.pid)
        return mine and lines[7].strip() == "ready" and lines[3].strip() == str(self.port)

    def url(self, role: str, database: str, scheme: str = "postgresql") -> str:
        """The address for one of the four roles."""
        return self.passwords.url(role, self.port, database, scheme)

    def create_roles_and_database(self, database: str = "cogep") -> None:
        """Run infra/postgres/init.sql, the same file production runs. Idempotent."""
        secret = {
            "PGPASSWORD": self.passwords.superuser,
            "COGEP_OWNER_PASSWORD": self.passwords.owner,
            "COGEP_APP_PASSWORD": self.passwords.app,
            "COGEP_WORKER_PASSWORD": self.passwords.worker,
        }
        address = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", "postgres"]
        psql = [str(self.bin / "psql"), "-Xq", "-v", f"database={database}", *address]
        done = subprocess.run(
            [*psql, "-f", str(INIT_SQL)],
            env=dict(self.environment()) | secret,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            cause = most_telling(done.stderr.splitlines())
            raise StartFailed(f"{INIT_SQL.relative_to(ROOT)} failed: {cause}")

    def remove(self) -> None:
        """Delete the cluster."""
        self.remove_traces(self.data)

    @staticmethod
    def remove_traces(data: Path) -> None:
        """Delete a cluster by the folder it was asked to live in, wherever it really is."""
        real = _reachable(data, unprivileged_user())
        shutil.rmtree(real, ignore_errors=True)
        for trace in real.parent.glob(f"{real.name}.*"):
            trace.unlink(missing_ok=True)
        if real.parent != data.absolute().parent:
            give_back(real.parent)

    def _initdb(self, password_file: Path) -> None:
        common = [str(self.bin / "initdb"), "-D", str(self.data), "-U", "postgres", "-E", "UTF8"]
        common += ["--auth=scram-sha-256", f"--pwfile={password_file}"]
        common += [] if self.durable else ["--no-sync"]
        # The built-in provider is the same everywhere; before 17 only the machine's locales exist.
        builtin = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        attempts = [builtin] if self.major >= 17 else [["--locale=C.UTF-8"], ["--locale=C"]]
        error = ""
        for locale in attempts:
            done = subprocess.run(
                common + locale,
                cwd="/",
                env=dict(self.environment()),
                capture_output=True,
                text=True,
                check=False,
                **become(self.user),
            )
            if done.returncode == 0:
                return
            error = most_telling(done.stderr.splitlines())
        raise StartFailed(f"PostgreSQL could not create its data folder {self.data}: {error}")

    def _check_version(self) -> None:
        found = (self.data / "PG_VERSION").read_text().strip()
        if found != str(self.major):
            raise DevstackError(f"{self.data} was written by PostgreSQL {found}, not {self.major}.")

    def _own(self, path: Path) -> None:
        if self.user is not None:
            os.chown(path, self.user.uid, self.user.gid)


def _reachable(data: Path, user: SystemUser | None) -> Path:
    """The data folder itself, or one outside when PostgreSQL's user cannot get to it."""
    data = data.absolute()
    parent = data.parent
    parent.mkdir(parents=True, exist_ok=True)
    if user is None or user.may("-x", parent):
        return data
    return stand_in_folder(parent) / data.name
