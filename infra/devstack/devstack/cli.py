"""The `cogep` command: the whole system on one machine."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from devstack.errors import AlreadyRunning, DevstackError
from devstack.progress import Progress
from devstack.settings import StackSettings, current_settings
from devstack.state import StackState, StateFile

app = typer.Typer(
    help="COGEP Assist on this machine: start it, look at it, stop it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
events = typer.Typer(help="Events that could not be handled.", no_args_is_help=True)
app.add_typer(events, name="events")
privacy = typer.Typer(help="Receipts of erasures (LGPD).", no_args_is_help=True)
app.add_typer(privacy, name="privacy")


@app.command()
def up(
    *,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return once everything is healthy.")
    ] = False,
    seed: Annotated[bool, typer.Option(help="Sample data and a first question at the end.")] = True,
) -> None:
    """Start everything, seed it, ask a first question, and stay until Ctrl-C."""
    from devstack.running import run, run_detached  # noqa: PLC0415 - imports only what is needed

    settings = current_settings()
    try:
        (run_detached if detach else run)(settings, seeded=seed)
    except AlreadyRunning:
        _greet_again(settings)


@app.command()
def down() -> None:
    """Stop everything, in reverse order of the start. Data stays."""
    from devstack.supervisor import stop_from_outside  # noqa: PLC0415

    progress = Progress()
    if not stop_from_outside(StateFile(current_settings().state), progress):
        progress.note("nothing was running")


@app.command()
def status() -> None:
    """Show every process, its port and whether it answers."""
    settings = running_settings()
    state = StateFile(settings.state).read()
    console = Console()
    if not state.servers:
        console.print("Nothing is running. Start with: make up")
        raise typer.Exit(1)
    table = Table("process", "port", "pid", "since", "restarts", "state", box=None)
    healthy = True
    checks = _readiness_checks(settings)
    for server in state.servers:
        alive = server.identity.find() is not None
        ready = alive and checks[server.name]()
        healthy &= ready
        word = "[green]ready[/]" if ready else "[yellow]not ready[/]" if alive else "[red]gone[/]"
        since = _duration(time.time() - server.identity.started_at) if alive else "-"
        cells = (server.name, str(server.port), str(server.identity.pid), since)
        table.add_row(*cells, str(server.restarts), word)
    console.print(table)
    raise typer.Exit(0 if healthy else 1)


@app.command()
def logs(
    name: Annotated[str | None, typer.Argument(help="One process; all when left out.")] = None,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many from the end.")] = 40,
) -> None:
    """Show what the processes wrote."""
    from devstack.log_reader import print_logs  # noqa: PLC0415

    if lines < 0:
        raise DevstackError(f"--lines must be 0 or more, not {lines}.")
    print_logs(running_settings().logs, name, lines=lines, follow=follow)


@app.command()
def seed() -> None:
    """Add the sample data that is missing."""
    from devstack.running import seed_with_progress  # noqa: PLC0415

    seed_with_progress(running_settings(), Progress())


@app.command()
def demo() -> None:
    """Walk through the main job and check what it promises."""
    from devstack.demo import run_demo  # noqa: PLC0415

    asyncio.run(run_demo(running_settings(), Progress()))


@app.command()
def migrate() -> None:
    """Bring the database to the newest migrations (starts PostgreSQL for it when needed)."""
    from devstack.running import migrate_database  # noqa: PLC0415

    migrate_database(running_settings(), Progress())


@app.command(hidden=True)
def remove() -> None:
    """Stop everything and delete all data of this checkout (`make clean`)."""
    from devstack.running import remove_everything  # noqa: PLC0415

    remove_everything(running_settings(), Progress())


@app.command()
def token(
    person: Annotated[str, typer.Argument(help="ana, bruno, vera, davi or beto.")],
    password: Annotated[str, typer.Option(help="The development password.")] = "",
) -> None:
    """Print an access token, obtained through the real authorization code flow with PKCE."""
    from devstack.oidc.login import obtain_token  # noqa: PLC0415
    from devstack.people import DEVELOPMENT_PASSWORD  # noqa: PLC0415

    issuer = running_settings().issuer
    tokens = asyncio.run(obtain_token(person, password or DEVELOPMENT_PASSWORD, issuer=issuer))
    print(tokens.access_token)


@events.command("dead")
def dead(
    service: Annotated[str | None, typer.Argument(help="One service; all when left out.")] = None,
) -> None:
    """List the dead letters with their causes."""
    from devstack.dead_events import print_dead  # noqa: PLC0415

    asyncio.run(print_dead(running_settings(), service))


@events.command("redrive")
def redrive(
    service: Annotated[str, typer.Argument(help="Whose dead letters.")],
    ids: Annotated[list[str] | None, typer.Argument(help="Some ids; all when left out.")] = None,
) -> None:
    """Publish dead letters again."""
    from devstack.dead_events import redrive_dead  # noqa: PLC0415

    asyncio.run(redrive_dead(running_settings(), service, ids or None))


@privacy.command("verify")
def verify(
    receipt: Annotated[str, typer.Argument(help="A file, or - for the standard input.")],
    *,
    key: Annotated[
        list[str] | None,
        typer.Option(help="A public key to trust, in base64; else this checkout's own."),
    ] = None,
) -> None:
    """Check that a receipt is what the system has signed, and say what was erased."""
    from devstack.receipts import verify_receipt  # noqa: PLC0415

    verify_receipt(current_settings(), receipt, key or ())


@privacy.command("key")
def public_key() -> None:
    """Print the public key that verifies this system's receipts."""
    from devstack.receipts import print_public_key  # noqa: PLC0415

    print_public_key(current_settings())


@privacy.command("environment", hidden=True)
def environment() -> None:
    """Print what restore-db.sh needs to know of this checkout, secrets included."""
    from devstack.receipts import print_environment  # noqa: PLC0415

    print_environment(current_settings())


def running_settings() -> StackSettings:
    """The settings of the stack that runs in this checkout; of this terminal when none does."""
    settings = current_settings()
    return StateFile(settings.state).read().applied_to(settings)


def main() -> NoReturn:
    """The entry point: what a person can fix is one line on stderr and exit code 1."""
    code: str | int | None = 1
    try:
        code = _run()
    except DevstackError as error:
        _complain(str(error))
    except KeyboardInterrupt:
        print(file=sys.stderr)
    except BrokenPipeError:
        _complain("The output was closed before everything was written.")
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        _complain(f"{error.filename}: {reason}" if error.filename else reason)
    _let_go_of_output()
    sys.exit(code)


def _run() -> str | int | None:
    """Run the command and hand over everything it printed; returns the exit code."""
    if sys.stdout is None:  # started with >&-: the next file opened would become the output
        raise DevstackError("The standard output is closed.")
    try:
        app()
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # Rich and Click say nothing about it
            raise ended.__context__ from None
        sys.stdout.flush()
        return ended.code
    return 0


def _complain(what: str) -> None:
    with suppress(OSError):  # nobody left to tell
        print(f"cogep: {' '.join(what.split())}", file=sys.stderr, flush=True)


def _let_go_of_output() -> None:
    """What could not be written must not be tried again when the interpreter ends."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _greet_again(settings: StackSettings) -> None:
    from devstack.first_question import print_where_to_go  # noqa: PLC0415

    console = Console(highlight=False, soft_wrap=True)
    state_file = StateFile(settings.state)
    with console.status("it is being started already …"):
        while state_file.is_held() and not _is_ready(state_file.read()):
            time.sleep(0.2)
    if not state_file.is_held():
        raise DevstackError("The start that was under way has failed; try again.")
    settings = state_file.read().applied_to(settings)
    console.print(f"It is already running at {settings.gateway_url}.")
    print_where_to_go(console, settings)


def _is_ready(state: StackState) -> bool:
    return state.ready and state.is_supervised  # not what a killed one left behind


def _readiness_checks(settings: StackSettings) -> dict[str, Callable[[], bool]]:
    from devstack.generated_secrets import load_or_generate  # noqa: PLC0415
    from devstack.topology import build_topology  # noqa: PLC0415

    topology = build_topology(settings, load_or_generate(settings.state))
    return {server.name: server.answers for server in topology.all()}


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
