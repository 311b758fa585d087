"""Requests of data subjects for tests, and time passing for them."""

from typing import Any, Final

import asyncpg
import httpx
from core_api_factories import INTERNAL_KEY, Person, make_client

REQUESTS: Final = "/api/v1/privacy-requests"
SWEEP: Final = "/internal/v1/privacy/sweep"
_WORKER: Final = {"x-source-service": "worker-svc", "x-internal-key": INTERNAL_KEY}


async def make_request(person: Person, **changes: Any) -> dict[str, Any]:
    """A request for access, of a client of its own unless one is given."""
    given = {"type": "access", "channel": "email"} | changes
    if "client_id" not in given:
        given["client_id"] = (await make_client(person))["id"]
    return await person.made(REQUESTS, given)


async def identify(person: Person, request_id: str, **changes: Any) -> dict[str, Any]:
    """A check that is good enough for everything."""
    given = {"level": "strong", "method": "in_person", "passed": True} | changes
    return await person.made(f"{REQUESTS}/{request_id}/identity-checks", given)


async def make_proven(person: Person, **changes: Any) -> dict[str, Any]:
    """A request whose subject is known."""
    return await identify(person, (await make_request(person, **changes))["id"])


async def history(person: Person, request_id: str) -> list[dict[str, Any]]:
    """What happened to it."""
    steps: list[dict[str, Any]] = await person.seen(f"{REQUESTS}/{request_id}/history", limit=100)
    return steps


async def kinds(person: Person, request_id: str) -> list[str]:
    """The same, by kind."""
    return [step["kind"] for step in await history(person, request_id)]


async def pass_days(superuser: asyncpg.Connection, days: float) -> None:
    """As if everything had happened so much earlier."""
    await superuser.execute(
        "UPDATE crm.privacy_requests SET received_at = received_at - $1 * interval '1 day',"
        " due_at = due_at - $1 * interval '1 day', paused_at = paused_at - $1 * interval '1 day',"
        " next_warning_at = next_warning_at - $1 * interval '1 day'",
        days,
    )


async def sweep(http: httpx.AsyncClient) -> dict[str, int]:
    """What worker-svc asks for every few seconds."""
    answer = await http.post(SWEEP, headers=_WORKER)
    assert answer.status_code == 200, answer.text
    data: dict[str, int] = answer.json()["data"]
    return data
