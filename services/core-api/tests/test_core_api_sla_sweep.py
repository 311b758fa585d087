"""The sweep: every level once, whoever sweeps, whenever; settings reach open tickets."""

import asyncio
from collections import OrderedDict
from datetime import datetime
from typing import Any

import asyncpg
import httpx
import pytest
import sqlalchemy as sa
from core_api_factories import TICKETS, Person, make_ticket
from core_api_records import Records
from sla_factories import (
    CALENDARS,
    MINUTE,
    OFFICE,
    POLICIES,
    SWEEP,
    WORKER,
    kinds,
    levels,
    make_policy,
    pass_time,
    sweep,
    timer,
)

from chassis.web.resources import Resources
from core_api.modules.sla import ledger
from core_api.modules.sla import sweep as sweeping
from core_api.modules.sla.models import SlaEntry
from core_api.modules.sla.sweep import Sweep
from devstack.people import AURORA
from shared_schemas.ids import OrganizationId

pytestmark = pytest.mark.committed
QUIET = {"warned": 0, "breached": 0, "recomputed": 0, "skipped": 0}


def _told(events: list[dict[str, Any]], ticket_id: str) -> list[tuple[str, int]]:
    payloads = [event["payload"] for event in events]
    return [(one["metric"], one["level"]) for one in payloads if one["ticket_id"] == ticket_id]


async def test_each_level_is_told_once_at_the_time_it_was_reached(
    ana: Person, superuser: asyncpg.Connection, records: Records, http: httpx.AsyncClient
) -> None:
    await make_policy(ana, first_response_minutes=60, resolution_minutes=1000)
    await sweep(http)
    ticket = await make_ticket(ana)
    assert await sweep(http) == QUIET
    for minutes, expected in ((31, [50]), (20, [50, 80]), (10, [50, 80, 100]), (5, [50, 80, 100])):
        await pass_time(superuser, minutes)
        await sweep(http)
        await sweep(http)
        told = _told(await records.events("sla.warned"), ticket["id"])
        assert told == [("first_response", level) for level in expected]
        for name, there in (("warning", expected == [50, 80]), ("breached", 100 in expected)):
            listed = await ana.seen(TICKETS, sla=name)
            assert [one["id"] for one in listed] == [ticket["id"]] * there

    (breach,) = await records.events("sla.breached")
    assert breach["payload"]["metric"] == "first_response"
    first = await timer(ana, ticket["id"], "first_response")
    assert first["breached_at"] == first["due_at"]
    assert first["percent"] > 100
    assert first["remaining_seconds"] < 0
    assert [one["id"] for one in await ana.seen(TICKETS, sla="breached")] == [ticket["id"]]
    assert await kinds(ana, ticket["id"], "first_response") == ["start", "warn", "warn", "breach"]


async def test_what_a_late_sweep_has_missed_is_told_by_the_reply(
    ana: Person, superuser: asyncpg.Connection, records: Records, http: httpx.AsyncClient
) -> None:
    await make_policy(ana, first_response_minutes=60)
    ticket = await make_ticket(ana)
    await pass_time(superuser, 90)
    await ana.made(f"{TICKETS}/{ticket['id']}/messages", {"kind": "reply", "body": "Bom dia."})

    ledger = await kinds(ana, ticket["id"], "first_response")
    assert ledger == ["start", "warn", "warn", "breach", "stop"]
    assert len(await records.events("sla.breached")) == 1
    await sweep(http)
    assert await kinds(ana, ticket["id"], "first_response") == ledger


async def test_overlapping_sweeps_tell_everything_once(
    ana: Person, beto: Person, resources: Resources, superuser: asyncpg.Connection
) -> None:
    tickets = []
    for person in (ana, beto):
        await make_policy(person, first_response_minutes=10, resolution_minutes=10)
        tickets += [await make_ticket(person) for _ in range(12)]
    await pass_time(superuser, 60)

    sweeps = [
        Sweep(database=resources.database, correlation_id="overlap", batch=5) for _ in range(6)
    ]
    await asyncio.gather(*(one.run() for one in sweeps))
    await Sweep(database=resources.database, correlation_id="rest").run()

    counted = await superuser.fetchrow(
        "SELECT count(*) FILTER (WHERE kind = 'breach') AS breaches, count(*) AS told,"
        " count(DISTINCT (ticket_id, metric, run, level)) AS different"
        " FROM crm.sla_entries WHERE level IS NOT NULL"
    )
    assert dict(counted) == {"breaches": 48, "told": 144, "different": 144}
    events = await superuser.fetchval(
        "SELECT count(*) FROM crm.outbox WHERE event_type IN ('sla.warned', 'sla.breached')"
    )
    assert events == 144 + 48


async def test_a_ticket_somebody_works_on_is_passed_by(
    ana: Person, http: httpx.AsyncClient, resources: Resources, superuser: asyncpg.Connection
) -> None:
    await make_policy(ana, first_response_minutes=10)
    ticket = await make_ticket(ana)
    await sweep(http)
    await pass_time(superuser, 60)
    lock = sa.text("SELECT 1 FROM crm.tickets WHERE id = :id FOR UPDATE")
    async with resources.database.transaction(OrganizationId(AURORA.id)) as tx:
        await tx.execute(lock, {"id": ticket["id"]})
        meanwhile = await sweep(http)
    after = await sweep(http)

    assert (meanwhile["skipped"], meanwhile["breached"]) == (1, 0)
    assert after["breached"] == 1


async def test_replies_and_sweeps_at_once_leave_ledgers_that_add_up(
    ana: Person, resources: Resources, superuser: asyncpg.Connection
) -> None:
    await make_policy(ana, first_response_minutes=10, resolution_minutes=20)
    tickets = [await make_ticket(ana) for _ in range(10)]
    await pass_time(superuser, 60)

    async def reply(ticket_id: str) -> None:
        await ana.made(f"{TICKETS}/{ticket_id}/messages", {"kind": "reply", "body": "Bom dia."})
        await ana.made(f"{TICKETS}/{ticket_id}/resolve", {})

    sweeps = [Sweep(database=resources.database, correlation_id="race", batch=3) for _ in range(3)]
    await asyncio.gather(*(one.run() for one in sweeps), *(reply(one["id"]) for one in tickets))

    for ticket in tickets:
        for metric in ("first_response", "resolution"):
            ledger = await kinds(ana, ticket["id"], metric)
            assert ledger == ["start", "warn", "warn", "breach", "stop"]


async def test_the_projection_says_what_the_ledger_says(
    ana: Person, http: httpx.AsyncClient, superuser: asyncpg.Connection
) -> None:
    policy = await make_policy(ana, pauses_in=["pending"])
    tickets = [await make_ticket(ana) for _ in range(4)]
    for ticket, moves in zip(
        tickets, ((), ("pend",), ("resolve",), ("resolve", "reopen", "pend")), strict=True
    ):
        for move in moves:
            await ana.made(f"{TICKETS}/{ticket['id']}/{move}", {})
    await pass_time(superuser, 70)
    await sweep(http)
    await ana.patch(f"{POLICIES}/{policy['id']}", {"resolution_minutes": 80})
    await sweep(http)

    for ticket in tickets:
        computed = (await levels(ana, ticket["id"]))["timers"]
        for one in computed:
            stored = await superuser.fetchrow(
                "SELECT state, target_seconds, due_at, breached_at, stopped_at FROM crm.sla_timers"
                " WHERE ticket_id = $1 AND metric = $2 AND run = $3",
                ticket["id"],
                one["metric"],
                one["run"],
            )
            for name, value in dict(stored).items():
                said = one[name]
                assert value == (
                    datetime.fromisoformat(said) if name.endswith("_at") and said else said
                )
        dues = [one["due_at"] for one in computed if one["state"] in {"running", "paused"}]
        read = await ana.seen(f"{TICKETS}/{ticket['id']}")
        assert read["sla_due_at"] == min((due for due in dues if due), default=None)


async def test_a_sweep_that_dies_leaves_nothing_half_done(
    ana: Person,
    http: httpx.AsyncClient,
    resources: Resources,
    superuser: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await make_policy(ana, first_response_minutes=10)
    await make_ticket(ana)
    await sweep(http)
    await pass_time(superuser, 60)
    dying = Sweep(database=resources.database, correlation_id="dying")

    async def killed(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(sweeping, "set_due_times", killed)
        with pytest.raises(asyncio.CancelledError):
            await dying.run()
    told = "SELECT count(*) FROM crm.sla_entries WHERE level IS NOT NULL"
    assert await superuser.fetchval(told) == 0
    await sweep(http)
    assert await superuser.fetchval(told) == 3


async def test_a_broken_ticket_does_not_stop_the_others(
    ana: Person,
    http: httpx.AsyncClient,
    superuser: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await make_policy(ana, first_response_minutes=10)
    urgent = await make_policy(
        ana, name="Urgentes", is_default=False, priorities=["urgent"], first_response_minutes=10
    )
    await sweep(http)
    broken, fine = await make_ticket(ana, priority="urgent"), await make_ticket(ana)
    await pass_time(superuser, 60)
    monkeypatch.setattr(ledger, "_calendars", OrderedDict())  # as in a process just started
    await superuser.execute(
        "UPDATE crm.sla_calendar_revisions SET definition = '{}' WHERE calendar_id = $1",
        urgent["calendar_id"],
    )
    swept = await sweep(http)

    assert (swept["breached"], swept["skipped"]) == (1, 1)
    assert (await timer(ana, fine["id"], "first_response"))["breached_at"] is not None
    told = "SELECT count(*) FROM crm.sla_entries WHERE level IS NOT NULL AND ticket_id = $1"
    assert await superuser.fetchval(told, broken["id"]) == 0


async def test_a_changed_policy_reaches_open_tickets_and_nothing_of_the_past(
    ana: Person, http: httpx.AsyncClient, superuser: asyncpg.Connection
) -> None:
    policy = await make_policy(ana, resolution_minutes=600)
    tickets = [await make_ticket(ana) for _ in range(3)]
    done = await make_ticket(ana)
    await ana.made(f"{TICKETS}/{done['id']}/resolve", {})
    await sweep(http)
    await pass_time(superuser, 100)
    before = await levels(ana, done["id"])
    await ana.patch(f"{POLICIES}/{policy['id']}", {"resolution_minutes": 60})

    assert (await levels(ana, tickets[0]["id"]))["pending"]
    swept = await sweep(http)
    assert (swept["recomputed"], (await levels(ana, tickets[0]["id"]))["pending"]) == (3, False)
    for ticket in tickets:
        now = await timer(ana, ticket["id"], "resolution")
        entries = (await levels(ana, ticket["id"]))["ledger"]
        (changed,) = [
            entry
            for entry in entries
            if (entry["metric"], entry["kind"]) == ("resolution", "policy")
        ]
        assert now["target_seconds"] == 3600
        # Too late already when the shorter target came: breached then, not before.
        assert now["breached_at"] == changed["at"]
        read = await ana.seen(f"{TICKETS}/{ticket['id']}")
        assert datetime.fromisoformat(read["sla_due_at"]) <= datetime.fromisoformat(changed["at"])
        assert read["version"] == ticket["version"]
    assert (await levels(ana, done["id"]))["ledger"] == before["ledger"]
    (finished, *_) = await ana.seen("/api/v1/sla-recomputations")
    assert (finished["cause"], finished["tickets"]) == ("sla_policy.updated", 3)
    assert finished["finished_at"] is not None


async def test_late_or_not_a_change_counts_from_when_it_was_made(
    ana: Person, http: httpx.AsyncClient, superuser: asyncpg.Connection
) -> None:
    policy = await make_policy(ana)
    moved, swept = await make_ticket(ana), await make_ticket(ana)
    await sweep(http)
    await ana.patch(f"{POLICIES}/{policy['id']}", {"resolution_minutes": 900})
    await pass_time(superuser, 30)
    await ana.made(f"{TICKETS}/{moved['id']}/pend", {})  # before any sweep
    await sweep(http)

    (change, *_) = await ana.seen("/api/v1/sla-recomputations")
    for ticket in (moved, swept):
        entries = (await levels(ana, ticket["id"]))["ledger"]
        assert {entry["at"] for entry in entries if entry["kind"] == "policy"} == {
            change["requested_at"]
        }


async def test_a_changed_calendar_counts_from_the_change_on(
    ana: Person, http: httpx.AsyncClient
) -> None:
    policy = await make_policy(ana)
    ticket = await make_ticket(ana)
    await sweep(http)
    # From now on only an hour a week, on another day than today.
    closed = (
        {"monday": OFFICE} if datetime.now().astimezone().weekday() != 0 else {"friday": OFFICE}
    )
    await ana.patch(f"{CALENDARS}/{policy['calendar_id']}", {"week": closed})
    await sweep(http)

    now = await timer(ana, ticket["id"], "first_response")
    assert await kinds(ana, ticket["id"], "first_response") == ["start", "calendar"]
    assert (
        datetime.fromisoformat(now["due_at"])
        > datetime.fromisoformat(ticket["created_at"]) + 60 * MINUTE
    )


async def test_tickets_older_than_the_first_policy_are_bound_from_then_on(
    ana: Person, http: httpx.AsyncClient, superuser: asyncpg.Connection
) -> None:
    old = await make_ticket(ana)
    answered = await make_ticket(ana)
    await ana.made(f"{TICKETS}/{answered['id']}/messages", {"kind": "reply", "body": "Bom dia."})
    await pass_time(superuser, 300)
    await make_policy(ana, first_response_minutes=60, resolution_minutes=600)
    await sweep(http)

    first = await timer(ana, old["id"], "first_response")
    entries = (await levels(ana, old["id"]))["ledger"]
    (bound,) = [
        entry
        for entry in entries
        if (entry["metric"], entry["kind"]) == ("first_response", "policy")
    ]
    assert first["breached_at"] == bound["at"]
    assert first["elapsed_seconds"] >= 300 * 60
    assert {one["metric"] for one in (await levels(ana, answered["id"]))["timers"]} == {
        "resolution"
    }


async def test_many_open_tickets_are_recomputed_in_batches_that_commit(
    ana: Person, resources: Resources, superuser: asyncpg.Connection
) -> None:
    for _ in range(7):
        await make_ticket(ana)
    policy = await make_policy(ana)
    none = Sweep(database=resources.database, correlation_id="one", batch=3)
    assert await none._recompute(OrganizationId(AURORA.id))

    pending = await superuser.fetchrow("SELECT tickets, finished_at FROM crm.sla_recomputations")
    assert dict(pending) == {"tickets": 3, "finished_at": None}
    swept = await Sweep(database=resources.database, correlation_id="two", batch=3).run()
    assert swept.recomputed == 4
    counted = "SELECT count(*) FROM crm.sla_timers WHERE policy_id = $1"
    assert await superuser.fetchval(counted, policy["id"]) == 14


async def test_the_last_policy_gone_nothing_is_due_any_more(
    ana: Person, http: httpx.AsyncClient
) -> None:
    policy = await make_policy(ana)
    ticket = await make_ticket(ana)
    await ana.delete(f"{POLICIES}/{policy['id']}")
    await sweep(http)

    now = await timer(ana, ticket["id"], "resolution")
    assert (now["state"], now["target_seconds"], now["due_at"]) == ("running", None, None)
    assert (await ana.seen(f"{TICKETS}/{ticket['id']}"))["sla_due_at"] is None


@pytest.mark.parametrize("headers", [{}, WORKER | {"x-internal-key": "wrong-key-wrong-key"}])
async def test_nobody_else_may_sweep(http: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await http.post(SWEEP, headers=headers)).status_code == 401


async def test_the_ledger_cannot_be_changed_by_the_application(
    ana: Person, resources: Resources
) -> None:
    await make_policy(ana)
    await make_ticket(ana)
    for statement in (sa.update(SlaEntry).values(level=1), sa.delete(SlaEntry)):
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
            async with resources.database.transaction(OrganizationId(AURORA.id)) as tx:
                await tx.execute(statement)
