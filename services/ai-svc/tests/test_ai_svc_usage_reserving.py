"""Budgets hold: exactly, however many ask at once, and whoever dies in between."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from ai_svc_usage import (
    ANA,
    AURORA,
    BETO,
    BOREAL,
    VERA,
    Caller,
    replica,
    this_month,
    today,
)
from prometheus_client import REGISTRY

from ai_svc.modules.usage import service
from ai_svc.modules.usage.days import Period
from ai_svc.modules.usage.ledger import Ledger
from ai_svc.modules.usage.service import BudgetExceeded, Reservation, expire, release, settle
from chassis.data.database import Database
from devstack.testing import DatabaseUrls
from shared_schemas.ids import UserId

pytestmark = pytest.mark.committed

AT_ONCE = 50


@pytest.fixture
async def database(database_urls: DatabaseUrls, clean: None) -> AsyncIterator[Database]:
    """One replica's."""
    database = replica(database_urls, 5)
    yield database
    await database.close()


@pytest.fixture
async def replicas(
    database_urls: DatabaseUrls, clean: None
) -> AsyncIterator[tuple[Database, Database]]:
    """Two replicas, each with as many connections as it will be asked for."""
    both = replica(database_urls, AT_ONCE // 2), replica(database_urls, AT_ONCE // 2)
    yield both
    for each in both:
        await each.close()


async def set_budget(
    superuser: asyncpg.Connection,
    limits: Mapping[str, int],
    scope: str = "organization",
    user_id: UserId | None = None,
) -> None:
    names = ["id", "organization_id", "scope", "user_id", "changed_by", *limits]
    values = [AURORA, scope, user_id, ANA, *limits.values()]
    marks = ", ".join(["gen_random_uuid()", *(f"${n}" for n in range(1, len(values) + 1))])
    await superuser.execute(
        f"INSERT INTO ai.budgets ({', '.join(names)}) VALUES ({marks})", *values
    )


async def totals(superuser: asyncpg.Connection) -> dict[tuple[Any, str], tuple[int, int]]:
    rows = await superuser.fetch("SELECT * FROM ai.usage_totals")
    assert {row["starts_on"] for row in rows} <= {today(), this_month()}
    return {(row["subject_id"], row["period"]): (row["tokens"], row["micros"]) for row in rows}


async def entry(superuser: asyncpg.Connection, reservation: Reservation) -> Mapping[str, Any]:
    query = "SELECT * FROM ai.usage_entries WHERE id = $1"
    found: Mapping[str, Any] = await superuser.fetchrow(query, reservation.id)
    return found


async def too_late(superuser: asyncpg.Connection) -> None:
    """As if nobody had settled for longer than a call may take."""
    await superuser.execute(
        "UPDATE ai.usage_entries SET lease_expires_at = now() - interval '1 second'"
    )


def counted(kind: str) -> float:
    labels = {"model": "penny", "type": kind}
    return REGISTRY.get_sample_value("ai_tokens_total", labels) or 0.0


async def test_what_was_used_takes_the_place_of_what_was_set_aside(
    database: Database, superuser: asyncpg.Connection
) -> None:
    before = counted("prompt"), counted("completion")

    reservation = await Caller(database).reserves(given=60, most=40)
    aside = await totals(superuser)
    charge = await settle(database, reservation, input_tokens=50, output_tokens=10)
    after = await totals(superuser)
    again = await settle(database, reservation, input_tokens=999, output_tokens=999)
    await release(database, reservation)

    assert reservation.micros == 140
    assert set(aside.values()) == {(100, 140)}
    assert set(aside) == {(who, period) for who in (AURORA, ANA) for period in ("day", "month")}
    assert (charge.micros, charge.currency) == (70, "USD")
    assert set(after.values()) == {(60, 70)}
    assert again == charge
    assert await totals(superuser) == after
    row = await entry(superuser, reservation)
    assert (row["state"], row["input_tokens"], row["output_tokens"]) == ("settled", 50, 10)
    assert (counted("prompt") - before[0], counted("completion") - before[1]) == (50, 10)


async def test_more_than_was_set_aside_is_counted_too(
    database: Database, superuser: asyncpg.Connection
) -> None:
    await set_budget(superuser, {"tokens_per_day": 100})
    reservation = await Caller(database).reserves()

    await settle(database, reservation, input_tokens=60, output_tokens=90)

    assert (await totals(superuser))[AURORA, "day"] == (150, 240)
    assert isinstance(await Caller(database).tries(given=0, most=1), BudgetExceeded)


async def test_what_was_not_sent_is_given_back_once(
    database: Database, superuser: asyncpg.Connection
) -> None:
    await set_budget(superuser, {"tokens_per_day": 100})
    caller = Caller(database)
    reservation = await caller.reserves()
    refused = await caller.tries()

    await release(database, reservation)
    await release(database, reservation)
    late = await settle(database, reservation, input_tokens=60, output_tokens=40)

    assert isinstance(refused, BudgetExceeded)
    assert late.micros == 0
    assert set((await totals(superuser)).values()) == {(0, 0)}
    assert isinstance(await caller.tries(), Reservation)


async def test_a_refusal_sets_nothing_aside_and_says_when_it_is_free_again(
    database: Database, superuser: asyncpg.Connection
) -> None:
    await set_budget(superuser, {"micros_per_day": 139})

    refusal = await Caller(database).tries()

    assert isinstance(refusal, BudgetExceeded)
    assert refusal.free_at == Period.DAY.ends(today())
    assert 0 < refusal.retry_after.total_seconds() <= 86_400
    assert "US$ 0,000139 por dia da organização" in str(refusal)
    assert "\n" not in str(refusal)
    assert await totals(superuser) == {}
    assert await superuser.fetchval("SELECT count(*) FROM ai.usage_entries") == 0


@pytest.mark.parametrize(
    ("limits", "room"),
    [
        ({"tokens_per_day": 2_050}, 20),
        ({"tokens_per_month": 1_999}, 19),
        ({"micros_per_day": 2_800}, 20),
        ({"micros_per_month": 2_799}, 19),
    ],
)
async def test_fifty_at_once_get_exactly_what_there_is(
    replicas: tuple[Database, Database],
    superuser: asyncpg.Connection,
    limits: dict[str, int],
    room: int,
) -> None:
    await set_budget(superuser, limits)
    users = (ANA, VERA, None)

    tried = await asyncio.gather(
        *(
            Caller(replicas[number % 2], user_id=users[number % 3]).tries()
            for number in range(AT_ONCE)
        )
    )

    passed = [each for each in tried if isinstance(each, Reservation)]
    assert len(passed) == room
    found = await totals(superuser)
    assert found[AURORA, "day"] == found[AURORA, "month"] == (room * 100, room * 140)
    assert await superuser.fetchval("SELECT count(*) FROM ai.usage_entries") == room


async def test_fifty_at_once_of_one_user(
    replicas: tuple[Database, Database], superuser: asyncpg.Connection
) -> None:
    await set_budget(superuser, {"tokens_per_day": 700}, "each_user")
    await set_budget(superuser, {"tokens_per_day": 1_100}, "user", VERA)

    tried = await asyncio.gather(
        *(
            Caller(replicas[number % 2], user_id=(ANA, VERA)[number // 2 % 2]).tries()
            for number in range(AT_ONCE)
        )
    )

    passed = [each.user_id for each in tried if isinstance(each, Reservation)]
    assert (passed.count(ANA), passed.count(VERA)) == (7, 11)
    assert "do seu usuário" in str(next(x for x in tried if isinstance(x, BudgetExceeded)))


async def test_reserving_settling_and_sweeping_at_once_add_up(
    replicas: tuple[Database, Database], superuser: asyncpg.Connection
) -> None:
    async def call(number: int) -> None:
        database = replicas[number % 2]
        reservation = await Caller(database, user_id=(ANA, VERA, None)[number % 3]).reserves()
        if number % 5 == 0:
            await release(database, reservation)
            return
        settling = [
            settle(each, reservation, input_tokens=10, output_tokens=5) for each in replicas
        ]
        await asyncio.gather(*settling, expire(database))

    await asyncio.gather(*(call(number) for number in range(AT_ONCE)))

    found = await totals(superuser)
    settled = AT_ONCE * 4 // 5
    assert found[AURORA, "day"] == found[AURORA, "month"] == (settled * 15, settled * 20)
    by_state = await superuser.fetch(
        "SELECT state, count(*) AS n FROM ai.usage_entries GROUP BY state"
    )
    assert {row["state"]: row["n"] for row in by_state} == {"settled": 40, "released": 10}


async def test_a_process_that_dies_has_its_call_counted_in_full(
    database: Database, database_urls: DatabaseUrls, superuser: asyncpg.Connection
) -> None:
    await set_budget(superuser, {"tokens_per_day": 150})
    script = f"""
import asyncio, os, signal
from ai_svc_usage import Caller, replica
from devstack.testing import DatabaseUrls

async def main():
    urls = DatabaseUrls(app={database_urls.app!r}, worker={database_urls.worker!r},
                        owner="", superuser="", name="")
    await Caller(replica(urls, 1)).reserves()
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
    died = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", script],
        check=False,
        capture_output=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert died.returncode == -9, died.stderr

    refused = await Caller(database).tries()
    early = await expire(database)
    await too_late(superuser)
    swept = await asyncio.gather(expire(database), expire(database))
    await expire(database)

    assert isinstance(refused, BudgetExceeded)
    assert (early, sorted(swept)) == (0, [0, 1])
    assert set((await totals(superuser)).values()) == {(100, 140)}
    row = await superuser.fetchrow("SELECT * FROM ai.usage_entries")
    assert (row["state"], row["input_tokens"], row["output_tokens"]) == ("expired", 60, 40)
    assert row["settled_at"] is not None


async def test_who_was_only_slow_still_says_what_was_used_once(
    database: Database, superuser: asyncpg.Connection
) -> None:
    reservation = await Caller(database).reserves()
    await too_late(superuser)
    await expire(database)

    first = await settle(database, reservation, input_tokens=5, output_tokens=5)
    second = await settle(database, reservation, input_tokens=60, output_tokens=40)

    assert (first.micros, second.micros) == (15, 15)
    assert set((await totals(superuser)).values()) == {(10, 15)}
    assert await expire(database) == 0


async def test_killed_between_entry_and_sums_leaves_neither(
    database: Database, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(Ledger, "add", dies)
    with pytest.raises(ConnectionResetError):
        await Caller(database).reserves()

    assert await superuser.fetchval("SELECT count(*) FROM ai.usage_entries") == 0
    assert await totals(superuser) == {}


async def test_budgets_of_one_organization_are_no_other_ones(
    database: Database, superuser: asyncpg.Connection
) -> None:
    await set_budget(superuser, {"tokens_per_day": 0})
    beto = Caller(database, organization_id=BOREAL, user_id=BETO)

    reservation = await beto.reserves()

    assert isinstance(await Caller(database).tries(), BudgetExceeded)
    assert {subject for subject, _ in await totals(superuser)} == {BOREAL, BETO}
    stolen = Reservation(
        **{
            name: getattr(reservation, name)
            for name in reservation.__dataclass_fields__
            if name != "organization_id"
        },
        organization_id=AURORA,
    )
    with pytest.raises(LookupError):
        await settle(database, stolen, input_tokens=0, output_tokens=0)
    assert (await entry(superuser, reservation))["state"] == "reserved"


async def test_what_is_settled_after_midnight_counts_for_the_day_before(
    database: Database, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = datetime(2026, 12, 1, 2, 59, 59, tzinfo=UTC)  # 30 November, 23:59:59 in Brasília
    monkeypatch.setattr(service, "utc_now", lambda: late)
    reservation = await Caller(database).reserves()
    monkeypatch.undo()

    await settle(database, reservation, input_tokens=1, output_tokens=1)

    rows = await superuser.fetch("SELECT DISTINCT starts_on, tokens FROM ai.usage_totals")
    found = {(row["starts_on"].isoformat(), row["tokens"]) for row in rows}
    assert found == {("2026-11-30", 2), ("2026-11-01", 2)}


async def test_what_is_too_old_to_compare_with_goes(
    database: Database, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "utc_now", lambda: datetime(2025, 1, 15, tzinfo=UTC))
    await Caller(database).reserves()
    monkeypatch.undo()
    await Caller(database).reserves()

    assert await service.prune(database) == {"usage_entries": 1, "usage_totals": 4}
    assert len(await totals(superuser)) == 4
