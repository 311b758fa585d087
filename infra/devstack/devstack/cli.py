"""The `cogep` command: the whole system on one machine."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from devstack.errors import AlreadyRunning, DevstackError
from devstack.progress import Progress
from devstack.settings import StackSettings, current_settings
from devstack.state import StateFile

app = typer.Typer(
    help="COGEP Assist on this machine: start it, look at it, stop it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
events = typer.Typer(help="Events that could not be handled.", no_args_is_help=True)
app.add_typer(events, name="events")

_SERVICES = ("core-api", "ai-svc", "worker-svc")


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
    settings = current_settings()
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

    print_logs(current_settings().logs, name, lines=lines, follow=follow)


@app.command()
def seed() -> None:
    """Add the sample data that is missing."""
    from devstack.running import seed_with_progress  # noqa: PLC0415

    seed_with_progress(current_settings(), Progress())


@app.command()
def demo() -> None:
    """Walk through the main job and check what it promises."""
    from devstack.demo import run_demo  # noqa: PLC0415

    asyncio.run(run_demo(current_settings(), Progress()))


@app.command()
def migrate() -> None:
    """Bring the database to the newest migrations (starts PostgreSQL for it when needed)."""
    from devstack.running import migrate_database  # noqa: PLC0415

    migrate_database(current_settings(), Progress())


@app.command(hidden=True)
def remove() -> None:
    """Stop everything and delete all data of this checkout (`make clean`)."""
    from devstack.running import remove_everything  # noqa: PLC0415

    remove_everything(current_settings(), Progress())


@app.command()
def token(
    person: Annotated[str, typer.Argument(help="ana, bruno, vera, davi or beto.")],
    password: Annotated[str, typer.Option(help="The development password.")] = "",
) -> None:
    """Print an access token, obtained through the real authorization code flow with PKCE."""
    from devstack.oidc.login import obtain_token  # noqa: PLC0415
    from devstack.people import DEVELOPMENT_PASSWORD  # noqa: PLC0415

    issuer = current_settings().issuer
    tokens = asyncio.run(obtain_token(person, password or DEVELOPMENT_PASSWORD, issuer=issuer))
    print(tokens.access_token)


@events.command("dead")
def dead(
    service: Annotated[str | None, typer.Argument(help="One service; all when left out.")] = None,
) -> None:
    """List the dead letters with their causes."""
    from devstack.dead_events import print_dead  # noqa: PLC0415

    asyncio.run(print_dead(current_settings(), [service] if service else list(_SERVICES)))


@events.command("redrive")
def redrive(
    service: Annotated[str, typer.Argument(help="Whose dead letters.")],
    ids: Annotated[list[str] | None, typer.Argument(help="Some ids; all when left out.")] = None,
) -> None:
    """Publish dead letters again."""
    from devstack.dead_events import redrive_dead  # noqa: PLC0415

    asyncio.run(redrive_dead(current_settings(), service, ids or None))


def main() -> NoReturn:
    """The entry point: what a person can fix is one line on stderr and exit code 1."""
    try:
        app()
    except DevstackError as error:
        print(f"cogep: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print(file=sys.stderr)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)


def _greet_again(settings: StackSettings) -> None:
    from devstack.first_question import print_where_to_go  # noqa: PLC0415

    console = Console(highlight=False, soft_wrap=True)
    state_file = StateFile(settings.state)
    with console.status("it is being started already …"):
        while state_file.is_held() and not state_file.read().ready:
            time.sleep(0.2)
    if not state_file.is_held():
        raise DevstackError("The start that was under way has failed; try again.")
    console.print(f"It is already running at {settings.gateway_url}.")
    print_where_to_go(console, settings)


def _readiness_checks(settings: StackSettings) -> dict[str, Callable[[], bool]]:
    from devstack.generated_secrets import load_or_generate  # noqa: PLC0415
    from devstack.topology import build_topology  # noqa: PLC0415

    topology = build_topology(settings, load_or_generate(settings.state))
    return {server.name: server.answers for server in topology.all()}


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
