"""Teams of attendants for tests, and what an organization's people look like in one."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, Final, TypeVar
from uuid import uuid5

from core_api_factories import TICKETS, Person, PersonOf, make_client

from devstack.people import AURORA

T = TypeVar("T")

CONNECTIONS: Final = 10
TEAMS = "/api/v1/teams"
ME = "/api/v1/me"
SWEEP = "/internal/v1/assignment/sweep"


async def at_once(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All of them, as many at the same time as there are connections to the database.

    More would only wait for one, and on a busy machine be sent away after seconds.
    """
    turnstile = asyncio.Semaphore(CONNECTIONS)

    async def through(call: Coroutine[Any, Any, T]) -> T:
        async with turnstile:
            return await call

    return list(await asyncio.gather(*map(through, calls)))


async def id_of(person: Person) -> str:
    """Who somebody is; also makes them a member."""
    me: dict[str, Any] = await person.seen(ME)
    return str(me["id"])


async def make_crew(person: PersonOf, size: int) -> list[Person]:
    """Attendants at aurora who did not exist before."""
    return [
        person("bruno", sub=str(uuid5(AURORA.id, f"crew {number}")), name=f"Pessoa {number}")
        for number in range(size)
    ]


async def make_team(admin: Person, members: Sequence[Person] = (), **changes: Any) -> Any:
    """A team that assigns in turn, each member taking up to 100 tickets unless `capacity` says."""
    capacity = changes.pop("capacity", 100)
    given = {"name": "Tributos", "mode": "round_robin"} | changes
    team = await admin.made(TEAMS, given)
    for member in members:
        await join(admin, team, member, capacity)
    return team


async def join(admin: Person, team: dict[str, Any], member: Person, capacity: int = 100) -> None:
    """Takes somebody into a team."""
    path = f"{TEAMS}/{team['id']}/members/{await id_of(member)}"
    answer = await admin.call("PUT", path, json={"capacity": capacity})
    assert answer.status_code in {200, 201}, answer.text


async def say(person: Person, availability: str) -> None:
    """Somebody says whether they are available."""
    answer = await person.call("PUT", f"{ME}/availability", json={"availability": availability})
    assert answer.status_code == 200, answer.text


async def open_in(person: Person, team: dict[str, Any], count: int = 1, **changes: Any) -> Any:
    """Tickets that enter a team, one after another."""
    client_id = changes.pop("client_id", None) or (await make_client(person))["id"]
    given = {
        "client_id": client_id,
        "subject": "Certidão atrasada",
        "description": "A segunda via não chegou.",
        "team_id": team["id"],
    }
    return [await person.made(TICKETS, given | changes) for _ in range(count)]


async def assignee(person: Person, ticket: dict[str, Any]) -> str | None:
    """Who takes care of a ticket now."""
    found = await person.seen(f"{TICKETS}/{ticket['id']}")
    return found["assignee_id"]  # type: ignore[no-any-return]  # JSON
