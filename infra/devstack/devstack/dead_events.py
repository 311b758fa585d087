"""`cogep events`: what no handler could finish, and giving it another chance."""

from collections.abc import Sequence

from redis.asyncio import Redis
from rich.console import Console
from rich.table import Table

from chassis.messaging.dead_letters import list_dead, redrive
from devstack.errors import DevstackError
from devstack.settings import StackSettings


async def print_dead(settings: StackSettings, services: Sequence[str]) -> None:
    """One line per dead letter, oldest first."""
    console = Console()
    table = Table("service", "id", "event", "organization", "died", "attempts", "cause", box=None)
    async with _redis(settings) as redis:
        for service in services:
            for letter in await list_dead(redis, service):
                died = letter.died_at.isoformat(timespec="seconds")
                cells = (letter.id, letter.event_type, letter.organization_id, died)
                table.add_row(service, *cells, str(letter.attempts), letter.cause)
    if table.row_count:
        console.print(table)
    else:
        console.print("No dead letters.")


async def redrive_dead(settings: StackSettings, service: str, ids: Sequence[str] | None) -> None:
    """Give some or all of a service's dead letters back to it."""
    async with _redis(settings) as redis:
        given_back = await redrive(redis, service, ids or "all")
    if ids and given_back < len(ids):
        raise DevstackError(f"{len(ids) - given_back} of {len(ids)} ids were not found.")
    Console().print(f"{given_back} given back to {service}.")


def _redis(settings: StackSettings) -> Redis:
    return Redis.from_url(f"redis://127.0.0.1:{settings.ports.redis}/0")
