"""`cogep events`: what no handler could finish, and giving it another chance."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisAway
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisSilent
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chassis.messaging.dead_letters import list_dead, redrive
from devstack.errors import DevstackError
from devstack.settings import StackSettings

_SERVICES: Final = ("core-api", "ai-svc", "worker-svc")
_LETTER_ID: Final = re.compile(r"[0-9]+-[0-9]+")
_WIDTH: Final = 100_000  # ids are there to be copied: a terminal wraps, a table would cut


async def print_dead(settings: StackSettings, service: str | None) -> None:
    """One line per dead letter of one service or of all, oldest first."""
    if service is not None:
        _require_known(service)
    console = Console(width=_WIDTH, highlight=False)
    table = Table("service", "id", "event", "organization", "died", "attempts", "cause", box=None)
    async with _redis(settings) as redis:
        for name in [service] if service else _SERVICES:
            for letter in await list_dead(redis, name):
                died = letter.died_at.isoformat(timespec="seconds")
                cause = " ".join(letter.cause.split())
                cells = (letter.id, letter.event_type, letter.organization_id, died)
                row = (name, *cells, str(letter.attempts), cause)
                table.add_row(*map(Text, row))  # a cause may hold what looks like markup
    if table.row_count:
        console.print(table)
    else:
        console.print("No dead letters.")


async def redrive_dead(settings: StackSettings, service: str, ids: Sequence[str] | None) -> None:
    """Give some or all of a service's dead letters back to it."""
    _require_known(service)
    wanted = list(dict.fromkeys(ids or ()))
    for letter_id in wanted:
        if not _LETTER_ID.fullmatch(letter_id):
            raise DevstackError(
                f"{letter_id!r} is not the id of a dead letter; list them with: cogep events dead"
            )
    async with _redis(settings) as redis:
        given_back = await redrive(redis, service, wanted or "all")
    if given_back < len(wanted):
        raise DevstackError(f"{len(wanted) - given_back} of {len(wanted)} ids were not found.")
    Console().print(f"{given_back} given back to {service}.")


def _require_known(service: str) -> None:
    if service not in _SERVICES:
        raise DevstackError(f"There is no service {service!r}; there are: {', '.join(_SERVICES)}.")


@asynccontextmanager
async def _redis(settings: StackSettings) -> AsyncIterator[Redis]:
    port = settings.ports.redis
    try:
        async with Redis.from_url(f"redis://127.0.0.1:{port}/0") as redis:
            yield redis
    except (RedisAway, RedisSilent):
        raise DevstackError(
            f"Redis does not answer on port {port}. Start the system with: make up"
        ) from None
    except RedisError as error:
        raise DevstackError(f"Redis on port {port} refused: {error}") from None
