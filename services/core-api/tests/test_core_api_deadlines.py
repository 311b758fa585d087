"""What is due is warned of once, whoever sweeps, and whenever."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest
from core_api_accountability import incident
from core_api_factories import INTERNAL_KEY, Person
from core_api_records import Records

from chassis.web.resources import Resources
from core_api.modules.audit import service as audit
from core_api.modules.deadlines.sweep import warn

pytestmark = pytest.mark.committed
INCIDENTS = "/api/v1/incidents"
DEADLINES = "/api/v1/accountability/deadlines"
WORKER = {"x-internal-key": INTERNAL_KEY, "x-source-service": "worker-svc"}


async def sweep(http: httpx.AsyncClient) -> dict[str, int]:
    """What worker-svc asks for."""
    answer = await http.post("/internal/v1/accountability/sweep", headers=WORKER)
    assert answer.status_code == 200, answer.text
    data: dict[str, int] = answer.json()["data"]
    return data


async def due_in(superuser: asyncpg.Connection, hours: int, kind: str = "anpd_notice") -> None:
    """As if it were due in so many hours from now."""
    await superuser.execute(
        """
        UPDATE crm.accountability_deadlines
        SET next_at = next_at - (due_at - now()) + make_interval(hours => $1),
            due_at = now() + make_interval(hours => $1)
        WHERE kind = $2
        """,
        hours,
        kind,
    )


def told(events: list[dict[str, Any]]) -> list[tuple[str, bool]]:
    return [(one["payload"]["kind"], one["payload"]["overdue"]) for one in events]


async def test_each_warning_is_told_once_and_then_that_it_is_overdue(
    davi: Person, http: httpx.AsyncClient, superuser: asyncpg.Connection, records: Records
) -> None:
    read = await davi.made(INCIDENTS, incident())
    for kind in ("subjects_notice", "anpd_completion", "subjects_declaration"):
        await due_in(superuser, 2_000, kind)
    await due_in(superuser, 60)
    assert await sweep(http) == {"warned": 0, "overdue": 0}
    seen = []
    for hours in (40, 20, -1, -30):
        await due_in(superuser, hours)
        swept = [await sweep(http), await sweep(http)]
        seen.append((swept[0]["warned"], swept[0]["overdue"]))
        assert swept[1] == {"warned": 0, "overdue": 0}

    assert seen == [(1, 0), (1, 0), (0, 1), (0, 0)]
    events = await records.events("deadline.warned")
    assert told(events) == [("anpd_notice", False), ("anpd_notice", False), ("anpd_notice", True)]
    assert {one["payload"]["subject_id"] for one in events} == {read["id"]}
    assert len(await records.audit("deadline.warned")) == 2
    assert len(await records.audit("deadline.missed")) == 1
    (overdue,) = [one for one in await davi.seen(DEADLINES) if one["kind"] == "anpd_notice"]
    assert (overdue["state"], overdue["warnings_told"]) == ("overdue", 3)


async def test_what_was_missed_while_nobody_looked_is_told_as_one(
    davi: Person, http: httpx.AsyncClient, superuser: asyncpg.Connection, records: Records
) -> None:
    await davi.made(INCIDENTS, incident())
    await due_in(superuser, -5)

    await sweep(http)

    events = [one for one in told(await records.events("deadline.warned")) if one[1]]
    assert events == [("anpd_notice", True)]


async def test_many_sweeps_at_once_tell_everything_once(
    davi: Person, resources: Resources, superuser: asyncpg.Connection, records: Records
) -> None:
    for _ in range(6):
        await davi.made(INCIDENTS, incident())
    for kind in ("subjects_notice", "anpd_completion", "subjects_declaration"):
        await due_in(superuser, 2_000, kind)
    await due_in(superuser, 40)

    swept = await asyncio.gather(
        *(warn(resources.database, f"sweep-{number}", batch=2) for number in range(4))
    )

    assert sum(each.warned for each in swept) == 6
    events = await records.events("deadline.warned")
    assert len({one["payload"]["deadline_id"] for one in events}) == len(events) == 6


async def test_a_sweep_that_dies_has_told_nothing_and_the_next_one_does(
    davi: Person,
    resources: Resources,
    superuser: asyncpg.Connection,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await davi.made(INCIDENTS, incident())
    await due_in(superuser, 40)

    def dies(*_: Any, **__: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as broken:
        broken.setattr(audit, "record_by_system", dies)
        with pytest.raises(RuntimeError, match="killed"):
            await warn(resources.database, "sweep-1")
    assert await records.events("deadline.warned") == []

    again = await warn(resources.database, "sweep-2")

    assert again.warned + again.overdue == len(await records.events("deadline.warned")) > 0


async def test_what_is_done_is_warned_of_no_more(
    davi: Person, http: httpx.AsyncClient, superuser: asyncpg.Connection, records: Records
) -> None:
    read = await davi.made(INCIDENTS, incident())
    assessed = {"affects_significantly": False, "no_notice_reason": "Cifrado."}
    await davi.made(f"{INCIDENTS}/{read['id']}/assess", assessed)
    await due_in(superuser, -5)

    assert await sweep(http) == {"warned": 0, "overdue": 0}
    assert await records.events("deadline.warned") == []
    assert await davi.seen(DEADLINES) == []


async def test_each_organization_sees_its_own(davi: Person, beto: Person) -> None:
    await davi.made(INCIDENTS, incident())

    assert len(await davi.seen(DEADLINES, subject_type="incident")) == 4
    assert await davi.seen(DEADLINES, subject_type="transfer") == []
    assert await davi.seen(DEADLINES, before="2020-01-01T00:00:00Z") == []
    assert await beto.seen(DEADLINES) == []
