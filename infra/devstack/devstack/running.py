"""From `make up` to the first cited answer, in the foreground or detached."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from devstack.errors import DevstackError
from devstack.first_question import QUESTION, ask, print_answer, print_where_to_go
from devstack.generated_secrets import load_or_generate
from devstack.migrations import run_alembic
from devstack.progress import Progress
from devstack.seed import seed
from devstack.servers.postgres import PostgresServer
from devstack.settings import StackSettings
from devstack.shared_servers import stop_abandoned_runs
from devstack.signals import Stopped, StopSignals
from devstack.state import StateFile, make_folder
from devstack.supervisor import Supervisor, stop_from_outside
from devstack.topology import DATABASE, build_topology


def run(
    settings: StackSettings,
    *,
    seeded: bool = True,
    when_ready: Callable[[], None] = lambda: None,
) -> None:
    """Start the stack and stay until somebody stops it; returns when nothing of it runs."""
    state_file = StateFile(settings.state)
    with state_file.held():
        progress, stop_signals = Progress(), StopSignals()
        supervisor = Supervisor(settings, state_file, progress, stop_signals)
        stop_signals.install()
        try:
            supervisor.start()
            if seeded:
                seed_with_progress(settings, progress)
                _first_question(settings, progress)
            supervisor.mark_ready()
            progress.note(f"ready after {progress.total_seconds:.1f} s at {settings.gateway_url}")
            when_ready()
            supervisor.watch()
        except Stopped:
            progress.note("stopping")
        finally:
            stop_signals.ignore()
            supervisor.stop()


def run_detached(settings: StackSettings, *, seeded: bool = True) -> None:
    """Start the stack in a process of its own; return when it is ready, fail when it failed."""
    make_folder(settings.logs)
    with StateFile(settings.state).held():
        pass  # raises AlreadyRunning here, where the caller can greet
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _run_as_child(settings, writer, seeded=seeded)
    os.close(writer)
    try:
        ready = os.read(reader, 1)
    except KeyboardInterrupt:
        os.kill(pid, signal.SIGTERM)
        ready = b""
    finally:
        os.close(reader)
    if not ready:
        _, status = os.waitpid(pid, 0)
        sys.exit(os.waitstatus_to_exitcode(status) or 1)


def seed_with_progress(settings: StackSettings, progress: Progress) -> None:
    """Add what is missing of the sample data and say what it was."""
    with progress.step("ingesting the sample documents", "sample data") as step:
        added = asyncio.run(seed(settings))
        step.done = (
            f"ingested {added.documents} documents, {added.clients} clients, "
            f"{added.tickets} tickets"
            if added.documents or added.clients or added.tickets
            else "sample data is in place"
        )


def migrate_database(settings: StackSettings, progress: Progress) -> None:
    """Migrate a running database, or one started only for this."""
    secrets = load_or_generate(settings.state)
    topology = build_topology(settings, secrets)
    postgres = topology.postgres
    owner = postgres.url("cogep_owner", DATABASE, "postgresql+asyncpg")
    state_file = StateFile(settings.state)
    if state_file.is_held():
        with progress.step("migrating", "schemas crm and ai at their newest version"):
            run_alembic(owner, variables=secrets.sealing())
        return
    with state_file.held(), progress.step("migrating", "schemas at their newest version"):
        postgres.start()
        try:
            postgres.wait_until_ready()
            postgres.create_roles_and_database(DATABASE)
            run_alembic(owner, variables=secrets.sealing())
        finally:
            postgres.stop()


def remove_everything(settings: StackSettings, progress: Progress) -> None:
    """Stop the stack and delete what it keeps: by name, the folder may hold other things."""
    if not settings.state.is_dir():
        return
    stop_from_outside(StateFile(settings.state), progress)
    stop_abandoned_runs()
    for cluster in {path.name.split(".")[0] for path in settings.state.glob("postgres-*")}:
        PostgresServer.remove_traces(settings.state / cluster)
    build_topology(settings, load_or_generate(settings.state)).postgres.remove()
    for name in ("redis", "objects", "oidc", "logs", "test"):
        shutil.rmtree(settings.state / name, ignore_errors=True)
    for name in ("secrets.json", "state.json", "traefik.yml", "lock"):
        (settings.state / name).unlink(missing_ok=True)
    with suppress(OSError):  # not empty
        settings.state.rmdir()


def _first_question(settings: StackSettings, progress: Progress) -> None:
    with progress.step("asking a first question", "first question answered, with its source"):
        answer = asyncio.run(ask(settings, QUESTION))
    if answer.abstained or not answer.sources:
        raise DevstackError(f"The first question was not answered: {answer.text}")
    print_answer(progress.console, answer)
    print_where_to_go(progress.console, settings)


def _run_as_child(settings: StackSettings, writer: int, *, seeded: bool) -> None:
    """The detached supervisor: a session of its own; speaks to the terminal until it is ready."""
    os.setsid()

    def leave_the_terminal() -> None:
        os.write(writer, b"1")
        os.close(writer)
        _write_to(settings.logs / "supervisor.log")

    code = 1
    try:
        run(settings, seeded=seeded, when_ready=leave_the_terminal)
        code = 0
    except DevstackError as error:
        print(f"cogep: {error}", file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _write_to(log: Path) -> None:
    sys.stdout.flush()
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(target, 1)
    os.dup2(target, 2)
