"""What a running stack writes down: who supervises it, its ports, and its processes.

The supervisor holds a lock on the state folder for as long as it lives; the kernel releases it,
however it dies.
"""

import fcntl
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from devstack.errors import AlreadyRunning, DevstackError
from devstack.processes import Identity
from devstack.settings import Ports, StackSettings


@dataclass(frozen=True, slots=True)
class RunningServer:
    """One process of the stack."""

    name: str
    port: int
    identity: Identity
    stop_signal: int
    restarts: int = 0

    @property
    def signal(self) -> signal.Signals:
        """How it is asked to end."""
        return signal.Signals(self.stop_signal)


@dataclass(slots=True)
class StackState:
    """The content of state.json."""

    supervisor: Identity | None = None
    ready: bool = False
    servers: list[RunningServer] = field(default_factory=list)  # in the order they were started
    ports: Ports | None = None
    postgres_major: int | None = None

    @property
    def is_supervised(self) -> bool:
        """Whether the supervisor that wrote this lives."""
        return self.supervisor is not None and self.supervisor.find() is not None

    @property
    def runs(self) -> bool:
        """Whether anything of it lives: a supervisor can be killed and leave servers behind."""
        return self.is_supervised or any(s.identity.find() is not None for s in self.servers)

    def applied_to(self, settings: StackSettings) -> StackSettings:
        """Settings that lead to this stack while it runs, whatever this terminal has set."""
        if self.ports is None or not self.runs:
            return settings
        major = self.postgres_major or settings.postgres_major
        replicas = tuple(each.port for each in self.servers if each.name.startswith("ai-svc-"))
        return replace(settings, ports=self.ports, postgres_major=major, ai_svc_replicas=replicas)


class StateFile:
    """`state.json` in the state folder: replaced as a whole, a reader never sees half of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "state.json"

    def read(self) -> StackState:
        """The last state written, or an empty one."""
        try:
            known = json.loads(self._file.read_text())
            return StackState(
                supervisor=Identity(**known["supervisor"]) if known["supervisor"] else None,
                ready=known["ready"],
                servers=[_server(entry) for entry in known["servers"]],
                ports=Ports(**known["ports"]) if known.get("ports") else None,
                postgres_major=known.get("postgres_major"),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return StackState()

    def write(self, state: StackState) -> None:
        """Replace the file."""
        partial = self._file.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(asdict(state)))
        partial.replace(self._file)

    def forget(self) -> None:
        """Nothing is running any more."""
        self._file.unlink(missing_ok=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only supervisor of this folder. Raises AlreadyRunning when there is another."""
        make_folder(self.folder)
        with (self.folder / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise AlreadyRunning("The system is already running.") from None
            yield

    def is_held(self) -> bool:
        """Whether a supervisor lives."""
        try:
            with self.held():
                return False
        except AlreadyRunning:
            return True


def make_folder(folder: Path) -> None:
    """Create the state folder, or say in one line why that is not possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        reason = error.strerror or "not writable"
        raise DevstackError(f"Cannot write to {folder}: {reason}.") from None


def _server(entry: dict[str, object]) -> RunningServer:
    identity = entry.pop("identity")
    return RunningServer(**entry, identity=Identity(**identity))  # type: ignore[arg-type]  # our own file; a wrong shape is a TypeError, caught above
