"""What all supervised programs share: start, wait until it answers, stop, and say why it failed."""

import http.client
import json
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from devstack import processes
from devstack.errors import StartFailed
from devstack.system_user import SystemUser

_LOG_LIMIT_BYTES = 20 * 1024 * 1024


class Server(ABC):
    """A program that listens on a port of the loopback interface. Subclasses know how to run it."""

    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    crash_signal: ClassVar[signal.Signals] = signal.SIGKILL
    grace_seconds: ClassVar[float] = 15.0

    def __init__(self, name: str, port: int, log: Path) -> None:
        self.name = name
        self.port = port
        self.log = log
        self.user: SystemUser | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @abstractmethod
    def command(self) -> Sequence[str]:
        """The program and its arguments."""

    @abstractmethod
    def environment(self) -> Mapping[str, str]:
        """Everything the program finds in its environment."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it does its work now."""

    def prepare(self) -> None:  # noqa: B027 - most programs need nothing
        """Make what the program needs before it starts."""

    def start(self, *, dies_with_parent: bool = True) -> processes.Identity:
        """Start the program and return at once; `wait_until_ready` says when it answers."""
        self.prepare()
        self._rotate_log()
        self.process = processes.spawn(
            self.command(),
            log=self.log,
            env=self.environment(),
            user=self.user,
            dies_with_parent=self.stop_signal if dies_with_parent else None,
        )
        identity = processes.identity_of(self.process.pid)
        if identity is None:
            raise StartFailed(self.explain("did not start"))
        return identity

    @property
    def exited(self) -> bool:
        """Whether it was started and has ended since."""
        return self.process is not None and self.process.poll() is not None

    def wait_until_ready(self, seconds: float = 60.0) -> None:
        """Return when it answers. Raises StartFailed with the cause when it never will."""
        deadline = time.monotonic() + seconds
        while not self.answers():
            if self.exited:
                raise StartFailed(self.explain("did not start"))
            if time.monotonic() > deadline:
                raise StartFailed(self.explain(f"did not answer within {seconds:.0f} s"))
            time.sleep(0.05)

    def stop(self, *, immediate: bool = False) -> None:
        """End it in its own orderly way. `immediate` is a crash on purpose."""
        if self.process is None:
            return
        identity = processes.identity_of(self.process.pid)
        if not self.exited and identity is not None:
            sent = self.crash_signal if immediate else self.stop_signal
            processes.stop(identity, with_signal=sent, grace_seconds=self.grace_seconds)
        self.process.wait(timeout=10)
        self.process = None

    def explain(self, what: str) -> str:
        """One line: what happened, who killed it or what it said itself, and where to read on."""
        code = self.process.poll() if self.process else None
        if code is not None and code < 0:  # its last words are about something else
            cause = f"killed by {signal.Signals(-code).name}"
        else:
            cause = self.last_words()
        return f"{self.name} {what}: {cause} (see {self.log})"

    def last_words(self) -> str:
        """The most telling line it wrote since it was started."""
        if not self.log.exists():
            return "no output"
        with self.log.open("rb") as file:
            file.seek(self._log_start)
            lines = file.read()[-65536:].decode(errors="replace").splitlines()
        return most_telling(lines)

    def _rotate_log(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        self._log_start = self.log.stat().st_size if self.log.exists() else 0


def most_telling(lines: Sequence[str]) -> str:
    """The last line that names a problem, or simply the last one; JSON is turned into words."""
    spoken = [line.strip() for line in lines if line.strip()]
    problems = [line for line in spoken if _names_a_problem(line)]
    return _in_words((problems or spoken or ["no output"])[-1])


def _names_a_problem(line: str) -> bool:
    if "Application startup failed" in line:  # uvicorn's last word; the cause stands before it
        return False
    if level := _entry(line).get("level"):  # uvicorn's logger is called error, whatever it says
        return level in {"error", "critical"}
    return any(word in line.lower() for word in ("error", "fatal", "could not", "refused to"))


def _in_words(line: str) -> str:
    entry = _entry(line)
    if exception := str(entry.get("exception") or "").strip():
        return exception.splitlines()[-1]
    words = [entry.get(key) for key in ("event", "message", "error")]
    return " ".join(str(word) for word in words if word) or line


def _entry(line: str) -> dict[str, Any]:
    """A line of a structured log; empty for any other."""
    try:
        entry = json.loads(line)
    except json.JSONDecodeError:
        return {}
    return entry if isinstance(entry, dict) else {}


def http_status(port: int, path: str, seconds: float = 2.0) -> int | None:
    """The status of a GET on the loopback interface, or None when nobody answers."""
    response = http_get(port, path, seconds)
    return response.status if response else None


def http_get(port: int, path: str, seconds: float = 2.0) -> http.client.HTTPResponse | None:
    """A GET on the loopback interface without its body, or None when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", path)
        return connection.getresponse()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
