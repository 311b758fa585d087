"""Compliance as reports count it, and as the ledger tells it: the same, whatever happened."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from itertools import groupby
from random import Random
from typing import Any, Final

import asyncpg
import httpx
import pytest
from core_api_factories import TICKETS, Person, make_client, make_ticket
from core_api_teams import id_of, make_team
from sla_factories import make_policy, pass_time, sweep

from chassis.data.columns import utc_now

STEPS: Final = 150
GROUPS: Final = {
    "team": "team_id",
    "agent": "assignee_id",
    "category": "category_id",
    "priority": "priority",
}
STATES: Final = {
    "start": "running",
    "resume": "running",
    "pause": "paused",
    "stop": "stopped",
    "cancel": "cancelled",
}
LEDGER: Final = """
SELECT e.ticket_id, e.metric, e.run, e.kind, e.at, e.measure, e.target_seconds,
  t.team_id, t.assignee_id, t.category_id, t.priority
FROM crm.sla_entries e JOIN crm.tickets t ON t.id = e.ticket_id
ORDER BY e.ticket_id, e.metric, e.run, e.position
"""

Counted = dict[tuple[str | None, str], tuple[int, int, int]]
"""Key and metric → met, breached, pending."""


def outcome(entries: list[asyncpg.Record]) -> str | None:
    """Of one timer, from nothing but its rows."""
    target = [entry["target_seconds"] for entry in entries if entry["measure"]][-1]
    state = [STATES[entry["kind"]] for entry in entries if entry["kind"] in STATES][-1]
    if target is None:
        return None
    if any(entry["kind"] == "breach" for entry in entries):
        return "breached"
    return {"stopped": "met", "cancelled": None}.get(state, "pending")


def recomputed(ledger: Iterable[asyncpg.Record], by: str) -> Counted:
    """What a report by `by` has to say."""
    counts: dict[tuple[str | None, str], Counter[str]] = {}
    for (_, metric, _), rows in groupby(ledger, lambda row: row[:3]):
        entries = list(rows)
        result = outcome(entries)
        if result is None:
            continue
        found = {"total": "total", "day": str(entries[0]["at"].date())}
        value = entries[0][GROUPS[by]] if by in GROUPS else found[by]
        key = None if value is None else str(value)
        counts.setdefault((key, metric), Counter())[result] += 1
    return {group: (one["met"], one["breached"], one["pending"]) for group, one in counts.items()}


async def reported(person: Person, by: str) -> Counted:
    """What it says."""
    today = utc_now().date()
    period = {"since": str(today - timedelta(days=60)), "until": str(today + timedelta(days=1))}
    rows = await person.seen("/api/v1/reports/sla", **period, by=by, time_zone="UTC")
    return {
        (row["key"], row["metric"]): (row["met"], row["breached"], row["pending"]) for row in rows
    }


async def assert_same(person: Person, superuser: asyncpg.Connection) -> Counter[str]:
    ledger = await superuser.fetch(LEDGER)
    for by in ("total", "day", *GROUPS):
        assert await reported(person, by) == recomputed(ledger, by), by
    wrong = await superuser.fetchval(
        """
        SELECT count(*) FROM crm.sla_timers s JOIN crm.tickets t ON t.id = s.ticket_id
        WHERE (s.team_id, s.assignee_id, s.category_id, s.priority)
          IS DISTINCT FROM (t.team_id, t.assignee_id, t.category_id, t.priority)
        """
    )
    assert wrong == 0, "also of what reports do not count"
    total = recomputed(ledger, "total").values()
    return Counter(
        {
            name: sum(of_metric[place] for of_metric in total)
            for place, name in enumerate(("met", "breached", "pending"))
        }
    )


class Desk:
    """A desk where anything may happen next; what is not allowed just then does not."""

    def __init__(
        self, ana: Person, http: httpx.AsyncClient, superuser: asyncpg.Connection, seed: int
    ) -> None:
        self.ana, self.http, self.superuser = ana, http, superuser
        self.dice = Random(seed)
        self.tickets: list[str] = []
        self.teams: list[str | None] = []
        self.members: list[str | None] = []
        self.categories: list[str | None] = []
        self.done: set[str] = set()

    async def furnish(self, bruno: Person) -> None:
        await make_policy(self.ana, pauses_in=["pending"])
        self.members = [await id_of(self.ana), await id_of(bruno), None]
        team = await make_team(self.ana, [bruno], mode="least_loaded", capacity=3)
        other = await make_team(self.ana, name="Obras", mode="manual")
        self.teams = [team["id"], other["id"], None]
        names = ("IPTU", "Poda", "Buraco")
        path = "/api/v1/categories"
        made = [await self.ana.made(path, {"name": each}) for each in names]
        self.categories = [*(each["id"] for each in made), None]
        self.client_id = (await make_client(self.ana))["id"]
        for _ in range(3):
            await self.open()

    async def step(self) -> None:
        acts = (
            *(self.open, self.merge, self.split, self.wait, self.assign, self.assign),
            *(self.say, self.say, self.say, self.move, self.move, self.move, self.move),
            *(self.change, self.change),
        )
        await self.dice.choice(acts)()

    async def open(self) -> None:
        given = {"category_id": self.dice.choice(self.categories), "team_id": self._team()}
        given = {name: value for name, value in given.items() if value}
        ticket = await make_ticket(self.ana, self.client_id, **given)
        self.tickets.append(ticket["id"])

    async def say(self) -> None:
        kind = self.dice.choice(("client", "reply", "note"))
        await self._post("messages", {"kind": kind, "body": "Bom dia."})

    async def move(self) -> None:
        moves = ("pend", "hold", "resolve", "resolve", "reopen", "reopen", "close")
        await self._post(self.dice.choice(moves), {})

    async def assign(self) -> None:
        chosen = {"team_id": self._team(), "assignee_id": self.dice.choice(self.members)}
        name = self.dice.choice(list(chosen))
        await self._post("assign", {name: chosen[name]})

    async def change(self) -> None:
        values = {
            "category_id": self.dice.choice(self.categories),
            "priority": self.dice.choice(("low", "normal", "high", "urgent")),
        }
        await self.ana.patch(f"{TICKETS}/{self._any()}", values)

    async def merge(self) -> None:
        await self._post("merge", {"into_ticket_id": self._any()})

    async def split(self) -> None:
        ticket_id = self._any()
        messages = await self.ana.seen(f"{TICKETS}/{ticket_id}/messages")
        if messages:
            given = {"message_ids": [messages[0]["id"]], "subject": "Outra coisa"}
            answer = await self.ana.post(f"{TICKETS}/{ticket_id}/split", given)
            if answer.is_success:
                self.tickets.append(answer.json()["data"]["id"])
                self.done.add("split")

    async def wait(self) -> None:
        await pass_time(self.superuser, self.dice.choice((10, 70, 300)))
        await sweep(self.http)

    async def _post(self, what: str, given: dict[str, Any]) -> None:
        answer = await self.ana.post(f"{TICKETS}/{self._any()}/{what}", given)
        refusals = {409, 422} if what in {"assign", "merge"} else {409}
        assert answer.is_success or answer.status_code in refusals, answer.text
        if answer.is_success:
            self.done.add(what)

    def _any(self) -> str:
        return self.dice.choice(self.tickets)

    def _team(self) -> str | None:
        return self.dice.choice(self.teams)


@pytest.mark.committed
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_report_says_what_the_ledger_says(
    ana: Person, bruno: Person, http: httpx.AsyncClient, superuser: asyncpg.Connection, seed: int
) -> None:
    desk = Desk(ana, http, superuser, seed)
    await desk.furnish(bruno)

    for number in range(STEPS):
        if number % 10 == 0:
            await assert_same(ana, superuser)
        await desk.step()
    seen = await assert_same(ana, superuser)

    assert desk.done >= {"merge", "split", "assign", "resolve", "reopen", "pend"}
    assert min(seen.values()) > 0, "met, breached and pending: all of them were there"


@pytest.mark.committed
async def test_changes_at_the_same_time_leave_no_timer_behind(
    ana: Person, http: httpx.AsyncClient, superuser: asyncpg.Connection
) -> None:
    """Fields change while clients write and the sweep tells levels: each locks the ticket first."""
    await make_policy(ana)
    ticket_id = (await make_ticket(ana))["id"]
    await pass_time(superuser, 70)
    change = [
        ana.patch(f"{TICKETS}/{ticket_id}", {"priority": priority})
        for priority in ("low", "high", "urgent", "normal", "high")
    ]
    said = [
        ana.post(f"{TICKETS}/{ticket_id}/messages", {"kind": kind, "body": "Bom dia."})
        for kind in ("reply", "client", "reply", "client")
    ]

    await asyncio.gather(*change, *said, sweep(http))

    await assert_same(ana, superuser)
