"""Calendars and policies of tests, and a look at a ticket's service levels."""

from datetime import timedelta
from typing import Any, Final

import asyncpg
import httpx
from core_api_factories import INTERNAL_KEY, TICKETS, Person

CALENDARS: Final = "/api/v1/sla-calendars"
POLICIES: Final = "/api/v1/sla-policies"
SWEEP: Final = "/internal/v1/sla/sweep"
WORKER: Final = {"x-internal-key": INTERNAL_KEY, "x-source-service": "worker-svc"}
DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
OFFICE: Final = [{"opens": "08:00", "closes": "12:00"}, {"opens": "13:00", "closes": "17:00"}]
ALWAYS: Final = {day: [{"opens": "00:00", "closes": "24:00"}] for day in DAYS}
MINUTE: Final = timedelta(minutes=1)


async def make_calendar(person: Person, **changes: Any) -> dict[str, Any]:
    """Around the clock, without holidays: what a test counts does not depend on its day."""
    given = {"name": "Sempre", "week": ALWAYS, "holidays": {"national": False}}
    return await person.made(CALENDARS, given | changes)


async def make_policy(person: Person, **changes: Any) -> dict[str, Any]:
    """The default, on a calendar around the clock unless one is given."""
    if "calendar_id" not in changes:
        name = f"Calendário de {changes.get('name', 'todos')}"
        changes["calendar_id"] = (await make_calendar(person, name=name))["id"]
    given = {
        "name": "Todos",
        "is_default": True,
        "first_response_minutes": 60,
        "next_response_minutes": 120,
        "resolution_minutes": 600,
    }
    return await person.made(POLICIES, given | changes)


async def levels(person: Person, ticket_id: str) -> dict[str, Any]:
    """A ticket's service levels."""
    seen: dict[str, Any] = await person.seen(f"{TICKETS}/{ticket_id}/sla")
    return seen


async def timer(person: Person, ticket_id: str, metric: str, run: int = 1) -> dict[str, Any]:
    """One of its timers."""
    timers = (await levels(person, ticket_id))["timers"]
    (found,) = [one for one in timers if (one["metric"], one["run"]) == (metric, run)]
    return dict(found)


async def kinds(person: Person, ticket_id: str, metric: str) -> list[str]:
    """What the ledger of one metric says, in order."""
    ledger = (await levels(person, ticket_id))["ledger"]
    return [entry["kind"] for entry in ledger if entry["metric"] == metric]


async def sweep(http: httpx.AsyncClient) -> dict[str, int]:
    """What worker-svc asks for."""
    answer = await http.post(SWEEP, headers=WORKER)
    assert answer.status_code == 200, answer.text
    data: dict[str, int] = answer.json()["data"]
    return data


async def pass_time(superuser: asyncpg.Connection, minutes: int) -> None:
    """As if everything there is had happened so much earlier."""
    for table, columns in {
        "sla_entries": ("at", "created_at"),
        "sla_timers": (
            "started_at",
            "due_at",
            "next_at",
            "stopped_at",
            "breached_at",
            "counted_at",
        ),
        "sla_recomputations": ("requested_at",),
        "tickets": ("created_at", "sla_due_at", "sla_warning_at"),
    }.items():
        earlier = ", ".join(f"{name} = {name} - interval '{minutes} minutes'" for name in columns)
        await superuser.execute(f"UPDATE crm.{table} SET {earlier}")
