"""Reports: counted in the organization's time zone, not distorted by reopening, nobody else's."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from core_api_factories import TICKETS, Person, make_client, make_ticket
from sla_factories import make_policy, pass_time

from chassis.data.columns import utc_now
from chassis.data.database import Database
from devstack.people import AURORA, PEOPLE
from shared_schemas.ids import OrganizationId

MARCH = {"since": "2026-03-01", "until": "2026-03-31"}
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


async def _dated(database: Database, table: str, ticket_id: str, **values: Any) -> None:
    """As if it had happened then."""
    columns = ", ".join(f"{name} = :{name}" for name in values)
    key = "id" if table == "tickets" else "ticket_id"
    where = " AND metric = 'first_response'" if table == "sla_timers" else ""
    async with database.transaction(OrganizationId(AURORA.id)) as session:
        await session.execute(
            sa.text(f"UPDATE crm.{table} SET {columns} WHERE {key} = :ticket{where}"),
            {**values, "ticket": ticket_id},
        )


async def _ticket(person: Person, database: Database, created_at: datetime, **values: Any) -> str:
    ticket_id = str((await make_ticket(person))["id"])
    await _dated(database, "tickets", ticket_id, created_at=created_at, **values)
    return ticket_id


async def _report(person: Person, name: str, **params: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = await person.seen(f"/api/v1/reports/{name}", **params)
    return rows


async def test_day_begins_at_midnight_of_the_organization(ana: Person, database: Database) -> None:
    await _ticket(ana, database, datetime(2026, 3, 10, 2, 30, tzinfo=UTC))  # still the 9th here
    await _ticket(ana, database, NOON, resolved_at=NOON + timedelta(days=2))

    here = {row["period"]: row for row in await _report(ana, "volume", **MARCH)}
    there = {row["period"]: row for row in await _report(ana, "volume", **MARCH, time_zone="UTC")}

    assert len(here) == 31, "quiet days too"
    assert (here["2026-03-09"]["created"], here["2026-03-10"]["created"]) == (1, 1)
    assert (there["2026-03-09"]["created"], there["2026-03-10"]["created"]) == (0, 2)
    assert [day for day, row in here.items() if row["resolved"]] == ["2026-03-12"]


@pytest.mark.parametrize(
    ("interval", "first"), [("week", ["2026-02-23", "2026-03-02"]), ("month", ["2026-03-01"])]
)
async def test_weeks_begin_on_monday_and_are_cut_to_the_period(
    ana: Person, database: Database, interval: str, first: list[str]
) -> None:
    await _ticket(ana, database, datetime(2026, 2, 28, 12, tzinfo=UTC))  # before the period
    await _ticket(ana, database, datetime(2026, 3, 1, 12, tzinfo=UTC))

    rows = await _report(ana, "volume", **MARCH, interval=interval)

    assert [row["period"] for row in rows][: len(first)] == first
    assert [row["created"] for row in rows][:1] == [1]


async def test_reopening_leaves_first_response_alone_and_takes_the_resolution_back(
    ana: Person, database: Database
) -> None:
    ticket_id = str((await make_ticket(ana))["id"])
    await ana.made(f"{TICKETS}/{ticket_id}/messages", {"kind": "reply", "body": "Já vimos."})
    await ana.made(f"{TICKETS}/{ticket_id}/resolve", {})
    before = await _times_today(ana)
    await ana.made(f"{TICKETS}/{ticket_id}/reopen", {})
    await ana.made(f"{TICKETS}/{ticket_id}/messages", {"kind": "reply", "body": "De novo."})
    after = await _times_today(ana)

    assert before["first_response"] == after["first_response"]
    assert (before["resolution"]["count"], after["resolution"]["count"]) == (1, 0)


async def test_a_reply_that_a_split_has_brought_along_is_no_response(ana: Person) -> None:
    ticket_id = str((await make_ticket(ana))["id"])
    said = {"kind": "reply", "body": "Já vimos."}
    message = await ana.made(f"{TICKETS}/{ticket_id}/messages", said)
    before = await _times_today(ana)

    split = {"message_ids": [message["id"]], "subject": "Outra coisa"}
    await ana.made(f"{TICKETS}/{ticket_id}/split", split)

    assert (await _times_today(ana))["first_response"] == before["first_response"]


async def _times_today(person: Person, by: str = "total") -> dict[str, Any]:
    today = utc_now().date().isoformat()
    (row,) = await _report(person, "times", since=today, until=today, time_zone="UTC", by=by)
    return row


@pytest.mark.parametrize("by", ["total", "day", "month", "team", "agent", "category", "priority"])
async def test_median_and_p90_by_calendar_and_business_time(
    ana: Person, database: Database, by: str
) -> None:
    for hours in (1, 2, 3, 4, 10):
        await _ticket(
            ana,
            database,
            NOON,
            first_replied_at=NOON + timedelta(hours=hours),
            first_response_business_seconds=hours * 600,
        )

    (row,) = await _report(ana, "times", **MARCH, by=by)

    labels = {"total": "Total", "day": "2026-03-10", "month": "2026-03-01", "priority": "Normal"}
    nobodys = {"team": "Sem equipe", "agent": "Sem responsável", "category": "Sem categoria"}
    assert row["label"] == (labels | nobodys)[by]
    assert row["first_response"] == {
        "count": 5,
        "median_seconds": 3 * 3600,
        "p90_seconds": 10 * 3600,
        "business_count": 5,
        "business_median_seconds": 1800,
        "business_p90_seconds": 10 * 600,
    }
    assert row["resolution"]["count"] == 0
    assert row["resolution"]["median_seconds"] is None


@pytest.mark.parametrize(
    "by", ["total", "day", "week", "month", "team", "agent", "category", "priority"]
)
async def test_compliance_by_everything_it_can_be_asked_by(
    ana: Person, bruno: Person, database: Database, by: str
) -> None:
    await bruno.seen("/api/v1/me")  # known since the first login
    await make_policy(ana)
    for breached_at in (None, None, NOON + timedelta(hours=2)):
        ticket_id = await _ticket(ana, database, NOON, assignee_id=PEOPLE["bruno"].sub)
        await _dated(
            database,
            "sla_timers",
            ticket_id,
            started_at=NOON,
            state="stopped",
            breached_at=breached_at,
        )

    rows = await _report(ana, "sla", **MARCH, by=by)

    (row,) = [row for row in rows if row["metric"] == "first_response"]
    assert (row["met"], row["breached"], row["pending"]) == (2, 1, 0)
    assert row["compliance"] == 0.6667
    keys = {
        "total": "total",
        "day": "2026-03-10",
        "week": "2026-03-09",
        "month": "2026-03-01",
        "agent": str(PEOPLE["bruno"].sub),
        "priority": "normal",
    }
    assert row["key"] == keys.get(by)


@pytest.mark.committed
async def test_business_time_is_what_the_timers_measured_until_the_ticket_comes_back(
    ana: Person, superuser: asyncpg.Connection
) -> None:
    await make_policy(ana)
    ticket_id = str((await make_ticket(ana))["id"])
    await pass_time(superuser, 30)
    await ana.made(f"{TICKETS}/{ticket_id}/messages", {"kind": "reply", "body": "Já vimos."})
    await pass_time(superuser, 30)
    await ana.made(f"{TICKETS}/{ticket_id}/resolve", {})
    resolved = await _measured(superuser)
    await ana.made(f"{TICKETS}/{ticket_id}/reopen", {})
    reopened = await _measured(superuser)

    assert resolved == [pytest.approx(1800, abs=60), pytest.approx(3600, abs=60)]
    assert reopened == [resolved[0], None], "it is resolved no longer"


@pytest.mark.parametrize("by", ["total", "agent"])
async def test_without_a_policy_there_is_no_business_time(ana: Person, by: str) -> None:
    ticket_id = str((await make_ticket(ana))["id"])
    await ana.made(f"{TICKETS}/{ticket_id}/messages", {"kind": "reply", "body": "Já vimos."})

    first = (await _times_today(ana, by))["first_response"]

    assert (first["count"], first["business_count"]) == (1, 0)
    assert first["business_median_seconds"] is None


async def _measured(superuser: asyncpg.Connection) -> list[int | None]:
    row = await superuser.fetchrow(
        "SELECT first_response_business_seconds, resolution_business_seconds FROM crm.tickets"
    )
    return list(row)


async def test_rows_carry_the_names_of_people(
    ana: Person, bruno: Person, database: Database
) -> None:
    await bruno.seen("/api/v1/me")  # known since the first login
    await _ticket(ana, database, NOON, assignee_id=PEOPLE["bruno"].sub, first_replied_at=NOON)
    await _ticket(ana, database, NOON, first_replied_at=NOON)

    rows = await _report(ana, "times", **MARCH, by="agent")

    assert {row["label"] for row in rows} == {PEOPLE["bruno"].name, "Sem responsável"}


@pytest.mark.parametrize(("breached_at", "breached"), [(None, []), (NOON, [1])])
async def test_resolving_without_an_answer_hides_no_breach(
    ana: Person, database: Database, breached_at: datetime | None, breached: list[int]
) -> None:
    await make_policy(ana)
    ticket_id = await _ticket(ana, database, NOON)
    await _dated(database, "sla_timers", ticket_id, started_at=NOON, breached_at=breached_at)
    cancelled = {"state": "cancelled", "stopped_at": NOON + timedelta(hours=1)}
    await _dated(database, "sla_timers", ticket_id, **cancelled)

    rows = await _report(ana, "sla", **MARCH)

    answers = [row for row in rows if row["metric"] == "first_response"]
    assert [row["breached"] for row in answers] == breached
    assert [row["met"] + row["pending"] for row in answers] == [0] * len(breached)


async def test_backlog_knows_its_age_and_leaves_out_what_is_done(
    ana: Person, database: Database
) -> None:
    now = utc_now()
    for days in (0, 2, 5, 20, 40, 50):
        await _ticket(ana, database, now - timedelta(days=days, minutes=5))
    done = await _ticket(ana, database, now - timedelta(days=90))
    await ana.made(f"{TICKETS}/{done}/resolve", {})

    (row,) = await _report(ana, "backlog")

    ages = ("up_to_1_day", "up_to_3_days", "up_to_7_days", "up_to_30_days", "older")
    assert [row[age] for age in ages] == [1, 1, 1, 1, 2]
    assert row["tickets"] == 6
    assert row["median_age_seconds"] == pytest.approx(12.5 * 86_400 + 300, abs=60)


async def test_merged_tickets_are_counted_once(ana: Person, database: Database) -> None:
    client_id = (await make_client(ana))["id"]
    one, other = [str((await make_ticket(ana, client_id))["id"]) for _ in range(2)]
    for ticket_id in (one, other):
        await _dated(database, "tickets", ticket_id, created_at=NOON)
    await _dated(database, "tickets", other, merged_into_id=one)

    rows = await _report(ana, "volume", **MARCH, interval="month")

    assert [row["created"] for row in rows] == [1]


async def test_other_organizations_are_not_in_it(
    ana: Person, beto: Person, database: Database
) -> None:
    await _ticket(ana, database, NOON)

    assert sum(row["created"] for row in await _report(beto, "volume", **MARCH)) == 0
    assert await _report(beto, "backlog") == []


@pytest.mark.parametrize("name", ["volume", "backlog", "times", "sla"])
async def test_export_has_headings_for_people(ana: Person, database: Database, name: str) -> None:
    await make_policy(ana)
    await _ticket(ana, database, utc_now())
    today = utc_now().date()
    period = {"since": str(today - timedelta(days=1)), "until": str(today + timedelta(days=1))}

    answer = await ana.get(f"/api/v1/reports/{name}/export", params=period)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    heading, *rows = answer.text.removeprefix("\ufeff").splitlines()
    assert heading.startswith(('"Grupo";', '"Período";'))
    assert rows or name == "times"


@pytest.mark.parametrize(
    "wrong",
    [
        {"since": "2026-03-02", "until": "2026-03-01"},
        {"since": "2024-01-01", "until": "2026-03-01"},
        {"since": "2026-03-01", "until": "2026-03-02", "time_zone": "Lua/Cratera"},
        {"since": "ontem", "until": "2026-03-02"},
        {"since": "2026-03-01"},
    ],
)
async def test_period_that_makes_no_sense_is_refused(ana: Person, wrong: dict[str, str]) -> None:
    for name in ("volume", "times", "sla", "sla/export"):
        answer = await ana.get(f"/api/v1/reports/{name}", params=wrong)

        assert answer.status_code == 422, answer.text
        assert answer.json()["details"][0]["field"].startswith("query.")
