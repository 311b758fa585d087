"""PostgreSQL with pgvector from its wheel, on TCP, with a data folder and a life of its own."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from devstack import processes
from devstack.errors import DevstackError, StartFailed
from devstack.servers.binaries import postgres_binaries, public_folder
from devstack.system_user import SystemUser, become, unprivileged_user

INIT_SQL: Final = Path(__file__).parents[3] / "postgres" / "init.sql"

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_duration_statement": "1s",
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


class PostgresServer:
    """One cluster. `durable=False` does not wait for the disk: faster, for tests only."""

    def __init__(
        self,
        data: Path,
        port: int,
        passwords: Passwords,
        *,
        major: int = 18,
        durable: bool = True,
    ) -> None:
        self.port = port
        self.passwords = passwords
        self.major = major
        self.durable = durable
        self.user: SystemUser | None = unprivileged_user()
        self.data = _reachable(data, self.user)
        self.log = self.data.parent / f"{self.data.name}.log"
        self.bin = postgres_binaries(major, self.user)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def initialised(self) -> bool:
        """Whether the data folder holds a finished cluster."""
        return (self.data / "PG_VERSION").exists() and not self._unfinished.exists()

    @property
    def _unfinished(self) -> Path:
        return self.data.parent / f"{self.data.name}.unfinished"

    def initialise(self) -> None:
        """Create the cluster. Interrupted half-way it starts over: nothing was stored in it yet."""
        if self.initialised:
            self._check_version()
            return
        if self.data.exists():
            shutil.rmtree(self.data)
        self._make_folder()
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

    def start(self, *, dies_with_parent: bool = True) -> processes.Identity:
        """Start the server and return at once; `wait_until_ready` says when it answers."""
        settings = _SETTINGS | ({} if self.durable else _FAST) | {"port": str(self.port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self.process = processes.spawn(
            [str(self.bin / "postgres"), "-D", str(self.data), *options],
            log=self.log,
            env=_environment(),
            user=self.user,
            dies_with_parent=signal.SIGINT if dies_with_parent else None,
        )
        identity = processes.identity_of(self.process.pid)
        if identity is None:
            raise StartFailed(self._cause())
        return identity

    def wait_until_ready(self, seconds: float = 30.0) -> None:
        """Return when it accepts connections; recovery after a crash is part of the wait."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                raise StartFailed(self._cause())
            if self.accepts_connections():
                return
            time.sleep(0.02)
        raise StartFailed(f"PostgreSQL did not answer within {seconds:.0f} s; see {self.log}")

    def accepts_connections(self) -> bool:
        """Whether postmaster.pid says ready. It is its own word, and cheaper than a connection."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return (
            len(lines) >= 8 and lines[7].strip() == "ready" and lines[3].strip() == str(self.port)
        )

    def stop(self, *, immediate: bool = False) -> None:
        """End all sessions, keep everything committed. `immediate` is a crash on purpose."""
        if self.process is None:
            return
        identity = processes.identity_of(self.process.pid)
        if self.process.poll() is None and identity is not None:
            sent = signal.SIGQUIT if immediate else signal.SIGINT
            processes.stop(identity, with_signal=sent, grace_seconds=20.0)
        self.process.wait(timeout=10)
        self.process = None

    def url(
        self, role: str = "postgres", database: str = "postgres", scheme: str = "postgresql"
    ) -> str:
        """The address for one of the four roles."""
        return self.passwords.url(role, self.port, database, scheme)

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
        if real.parent.name.startswith("cogep-") and not any(real.parent.iterdir()):
            real.parent.rmdir()

    def create_roles_and_database(self, database: str = "cogep") -> None:
        """Run infra/postgres/init.sql, the same file production runs. Idempotent."""
        secret = {
            "PGPASSWORD": self.passwords.superuser,
            "COGEP_OWNER_PASSWORD": self.passwords.owner,
            "COGEP_APP_PASSWORD": self.passwords.app,
            "COGEP_WORKER_PASSWORD": self.passwords.worker,
        }
        address = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", "postgres"]
        done = subprocess.run(
            [
                str(self.bin / "psql"),
                "-X",
                "-q",
                "-v",
                f"database={database}",
                *address,
                "-f",
                str(INIT_SQL),
            ],
            env=_environment() | secret,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise StartFailed(f"{INIT_SQL.name} failed: {_last_line(done.stderr)}")

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
                env=_environment(),
                capture_output=True,
                text=True,
                check=False,
                **become(self.user),
            )
            if done.returncode == 0:
                return
            error = _last_line(done.stderr)
        raise StartFailed(f"PostgreSQL could not create its data folder {self.data}: {error}")

    def _check_version(self) -> None:
        found = (self.data / "PG_VERSION").read_text().strip()
        if found != str(self.major):
            raise DevstackError(f"{self.data} was written by PostgreSQL {found}, not {self.major}.")

    def _make_folder(self) -> None:
        self.data.mkdir(mode=0o700, parents=True)
        self._own(self.data)

    def _own(self, path: Path) -> None:
        if self.user is not None:
            os.chown(path, self.user.uid, self.user.gid)

    def _cause(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        fatal = [line for line in lines if "FATAL" in line or "could not" in line]
        cause = (fatal or lines or ["no output"])[-1].strip()
        return f"PostgreSQL did not start: {cause} (see {self.log})"


def _reachable(data: Path, user: SystemUser | None) -> Path:
    """The data folder itself, or one outside when PostgreSQL's user cannot get to it."""
    data = data.absolute()
    parent = data.parent
    parent.mkdir(parents=True, exist_ok=True)
    if user is None or user.may("-x", parent):
        return data
    key = sha256(str(parent).encode()).hexdigest()[:12]
    return public_folder(key) / data.name


def _environment() -> dict[str, str]:
    """Our environment without PG* variables, which would redirect the programs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"
