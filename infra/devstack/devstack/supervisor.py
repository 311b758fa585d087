"""Starts the stack in order, watches over it, and stops it in reverse order.

Everything happens in the main thread: on Linux the kernel ends a child together with the thread
that started it.
"""

import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from devstack import processes
from devstack.errors import DevstackError, StartFailed
from devstack.generated_secrets import load_or_generate
from devstack.migrations import run_alembic
from devstack.ports import require_free
from devstack.processes import identity_of
from devstack.progress import Progress
from devstack.servers.server import Server
from devstack.settings import StackSettings
from devstack.signals import StopSignals
from devstack.state import RunningServer, StackState, StateFile
from devstack.topology import DATABASE, Topology, build_topology

_FIRST_DELAY_SECONDS = 0.5
_STABLE_AFTER_SECONDS = 60.0
_LONGEST_DELAY_SECONDS = 10.0
_READY_WITHIN_SECONDS = 90.0
_ROUTED_WITHIN_SECONDS = 15.0


class Supervisor:
    """One stack from first to last process. Use it inside `StateFile.held()`."""

    def __init__(
        self,
        settings: StackSettings,
        state_file: StateFile,
        progress: Progress,
        stop_signals: StopSignals | None = None,
    ) -> None:
        self._signals = stop_signals or StopSignals()
        self.settings = settings
        self.progress = progress
        self.topology: Topology = build_topology(settings, load_or_generate(settings.state))
        self._state_file = state_file
        self._state = StackState(
            supervisor=identity_of(os.getpid()),
            ports=settings.ports,
            postgres_major=settings.postgres_major,
        )
        self._retry_at: dict[str, float] = {}
        self._delay: dict[str, float] = {}
        self._launched_at: dict[str, float] = {}

    def start(self) -> None:
        """Bring everything up. Raises a DevstackError of one line; `stop` is the caller's."""
        stop_leftovers(self._state_file, self.progress)
        for server in self.topology.all():
            require_free(server.port, server.name)
        require_free(self.settings.ports.gateway_operations, "gateway operations")
        self._state_file.write(self._state)
        self._start_together(self.topology.foundations, "postgres, redis, oidc")
        self._migrate()
        self._start_together(self.topology.services, "core-api, ai-svc, worker-svc, gateway")
        self._wait_for_routes()

    def mark_ready(self) -> None:
        """Everything answers: whoever waits for a detached start may go on."""
        self._state.ready = True
        self._state_file.write(self._state)

    def watch(self, each_round: Callable[[], None] = lambda: None) -> None:
        """Restart what ends by itself, until a signal raises Stopped."""
        while True:
            for server in self.topology.all():
                self._look_after(server)
            each_round()
            time.sleep(0.25)

    def stop(self) -> None:
        """Stop in reverse order of the start; returns when nothing of it runs any more."""
        for server in reversed(self.topology.all()):
            if server.process is None:
                continue
            with self.progress.step(f"stopping {server.name}", f"{server.name} stopped"):
                server.stop()
            self._state.servers = [s for s in self._state.servers if s.name != server.name]
            self._state_file.write(self._state)
        self._state_file.forget()

    def _start_together(self, servers: Iterable[Server], what: str) -> None:
        begun = time.monotonic()
        waiting = list(servers)
        with self.progress.console.status(f"starting {what} …"):
            for server in waiting:
                self._launch(server)
            while waiting:
                waiting = [server for server in waiting if not self._is_ready(server, begun)]
                time.sleep(0.05)

    def _is_ready(self, server: Server, begun: float) -> bool:
        seconds = time.monotonic() - begun
        if server.answers():
            self.progress.done(f"{server.name} on port {server.port}", seconds)
            return True
        if server.exited:
            raise StartFailed(server.explain("did not start"))
        if seconds > _READY_WITHIN_SECONDS:
            raise StartFailed(server.explain(f"was not ready within {_READY_WITHIN_SECONDS:.0f} s"))
        return False

    def _wait_for_routes(self) -> None:
        """The gateway asks for the services' health in intervals; until then it answers 503."""
        deadline = time.monotonic() + _ROUTED_WITHIN_SECONDS
        while not self.topology.gateway.reaches_services():
            if time.monotonic() > deadline:
                gateway = self.topology.gateway
                raise StartFailed(gateway.explain("does not reach core-api and ai-svc"))
            time.sleep(0.05)

    def _migrate(self) -> None:
        postgres = self.topology.postgres
        with self.progress.step("migrating", "schemas crm and ai at their newest version"):
            postgres.create_roles_and_database(DATABASE)
            owner = postgres.url("cogep_owner", DATABASE, "postgresql+asyncpg")
            run_alembic(owner, variables=self.topology.core_api.variables)

    def _look_after(self, server: Server) -> None:
        now = time.monotonic()
        if server.name in self._retry_at:
            if now >= self._retry_at[server.name]:
                del self._retry_at[server.name]
                self._launch(server)
            return
        if not server.exited:
            return
        stable = now - self._launched_at[server.name] > _STABLE_AFTER_SECONDS
        known = _FIRST_DELAY_SECONDS if stable else self._delay.get(server.name)
        delay = min(known or _FIRST_DELAY_SECONDS, _LONGEST_DELAY_SECONDS)
        self.progress.warn(f"{server.explain('ended')}; starting it again in {delay:.1f} s")
        self._retry_at[server.name] = now + delay
        self._delay[server.name] = delay * 2

    def _launch(self, server: Server) -> None:
        self._launched_at[server.name] = time.monotonic()
        with self._signals.deferred():
            self._record(server, server.start())

    def _record(self, server: Server, identity: processes.Identity) -> None:
        before = [known for known in self._state.servers if known.name == server.name]
        running = RunningServer(server.name, server.port, identity, int(server.stop_signal))
        if before:
            running = replace(running, restarts=before[0].restarts + 1)
            position = self._state.servers.index(before[0])
            self._state.servers[position] = running
        else:
            self._state.servers.append(running)
        self._state_file.write(self._state)


def stop_leftovers(state_file: StateFile, progress: Progress) -> int:
    """Stop what a supervisor left behind that was killed. Only processes proven to be ours."""
    state = state_file.read()
    alive = [server for server in state.servers if server.identity.find() is not None]
    for server in reversed(alive):
        with progress.step(f"stopping {server.name}, left behind", f"{server.name} stopped"):
            processes.stop(server.identity, with_signal=server.signal, grace_seconds=20.0)
    state_file.forget()
    return len(alive)


def stop_from_outside(state_file: StateFile, progress: Progress) -> bool:
    """Stop the stack of a folder: through its supervisor, or directly when that is gone."""
    state = state_file.read()
    if not state_file.is_held():
        return stop_leftovers(state_file, progress) > 0
    supervisor = state.supervisor.find() if state.supervisor else None
    if supervisor is None or state.supervisor is None:
        raise DevstackError("The system is starting just now; try again in a moment.")
    with progress.step("stopping everything", "everything stopped"):
        supervisor.send_signal(signal.SIGTERM)
        if not processes.wait_until_gone(state.supervisor, 90.0):
            raise DevstackError(f"The supervisor (pid {supervisor.pid}) did not end within 90 s.")
    stop_leftovers(state_file, progress)
    return True
