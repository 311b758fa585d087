"""Requests of data subjects when several act at once, and the sweep over their deadlines."""

import asyncio

import asyncpg
import httpx
import pytest
from core_api_factories import Person, make_client
from core_api_records import Records
from privacy_factories import (
    REQUESTS,
    kinds,
    make_proven,
    make_request,
    pass_days,
    sweep,
)
from prometheus_client import REGISTRY

from chassis.web.resources import Resources
from core_api.modules.privacy.sweep import watch_deadlines

pytestmark = pytest.mark.committed
QUIET = {"warned": 0, "missed": 0}


async def test_of_many_who_would_destroy_one_does(ana: Person) -> None:
    client = await make_client(ana)
    types = ["erasure", "anonymization"] * 4

    answers = await asyncio.gather(
        *(ana.post(REQUESTS, {"client_id": client["id"], "type": type_}) for type_ in types)
    )

    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]
    refused = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert refused == {"PRIVACY_DESTRUCTION_UNDER_WAY"}
    (request,) = await ana.seen(REQUESTS)
    await ana.made(f"{REQUESTS}/{request['id']}/cancel", {"reason": "Desistiu."})
    assert (await make_request(ana, client_id=client["id"], type="erasure"))["id"]


async def test_of_many_who_execute_one_does(ana: Person, records: Records) -> None:
    request = await make_proven(ana, type="revocation")
    path = f"{REQUESTS}/{request['id']}/execute"

    answers = await asyncio.gather(*(ana.post(path) for _ in range(6)))

    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 5]
    assert (await kinds(ana, request["id"])).count("completed") == 1
    assert len(await records.events("privacy.request_closed")) == 1


async def test_of_many_who_extend_one_does(ana: Person) -> None:
    request = await make_proven(ana, type="erasure")
    path = f"{REQUESTS}/{request['id']}/extend"
    given = {"days": 5, "reason": "Papel."}

    answers = await asyncio.gather(*(ana.post(path, given) for _ in range(6)))

    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 5]


async def test_each_warning_is_told_once(
    ana: Person,
    superuser: asyncpg.Connection,
    http: httpx.AsyncClient,
    records: Records,
) -> None:
    request = await make_request(ana)
    assert await sweep(http) == QUIET
    told = []
    for days in (10.5, 3, 2, 4):
        await pass_days(superuser, days)
        told.append(await sweep(http))
        assert await sweep(http) == QUIET

    assert told == [
        {"warned": 1, "missed": 0},
        {"warned": 1, "missed": 0},
        {"warned": 0, "missed": 1},
        QUIET,
    ]
    events = await records.events("privacy.deadline_warned")
    assert [event["payload"]["days_left"] for event in events] == [5, 2, 0]
    assert await kinds(ana, request["id"]) == [
        "opened",
        "deadline_warned",
        "deadline_warned",
        "deadline_missed",
    ]
    (noted,) = await records.audit("privacy_request.deadline_missed")
    assert noted["actor_id"] is None


async def test_what_is_told_is_counted_for_operators(
    ana: Person, superuser: asyncpg.Connection, http: httpx.AsyncClient
) -> None:
    await make_request(ana)
    before = _counted("warned"), _counted("missed")

    for days in (10.5, 10):
        await pass_days(superuser, days)
        await sweep(http)

    assert (_counted("warned"), _counted("missed")) == (before[0] + 1, before[1] + 1)


def _counted(level: str) -> float:
    return REGISTRY.get_sample_value("privacy_deadlines_total", {"level": level}) or 0.0


async def test_overlapping_sweeps_tell_everything_once(
    ana: Person, beto: Person, resources: Resources, superuser: asyncpg.Connection
) -> None:
    for person in (ana, beto):
        for _ in range(9):
            await make_request(person)
    await pass_days(superuser, 11)

    swept = await asyncio.gather(
        *(watch_deadlines(resources.database, "overlap", batch=4) for _ in range(5))
    )
    rest = await watch_deadlines(resources.database, "rest", batch=4)

    assert sum(one.warned for one in swept) + rest.warned == 18
    steps = await superuser.fetchval(
        "SELECT count(*) FROM crm.privacy_request_steps WHERE kind = 'deadline_warned'"
    )
    assert steps == 18


async def test_nobody_is_warned_while_the_clock_stands_or_after_the_end(
    ana: Person, superuser: asyncpg.Connection, http: httpx.AsyncClient
) -> None:
    asked = await make_request(ana)
    given = {"text": "Qual?", "channel": "email"}
    await ana.made(f"{REQUESTS}/{asked['id']}/clarify", given)
    closed = await make_request(ana)
    await ana.made(f"{REQUESTS}/{closed['id']}/cancel", {"reason": "Desistiu."})
    await pass_days(superuser, 30)

    assert await sweep(http) == QUIET

    await ana.made(f"{REQUESTS}/{asked['id']}/resume", None)
    assert await sweep(http) == QUIET
    await pass_days(superuser, 10.5)
    assert await sweep(http) == {"warned": 1, "missed": 0}


async def test_request_somebody_works_on_is_passed_by(
    ana: Person, resources: Resources, superuser: asyncpg.Connection
) -> None:
    busy, free = await make_request(ana), await make_request(ana)
    await pass_days(superuser, 11)
    async with superuser.transaction():
        await superuser.execute(
            "SELECT 1 FROM crm.privacy_requests WHERE id = $1 FOR UPDATE", busy["id"]
        )
        first = await watch_deadlines(resources.database, "first")
    second = await watch_deadlines(resources.database, "second")

    assert (first.warned, second.warned) == (1, 1)
    assert "deadline_warned" in await kinds(ana, free["id"])
    assert "deadline_warned" in await kinds(ana, busy["id"])


async def test_new_deadline_is_warned_of_anew(
    ana: Person, superuser: asyncpg.Connection, http: httpx.AsyncClient
) -> None:
    request = await make_proven(ana, type="erasure")
    await pass_days(superuser, 10.5)
    assert (await sweep(http))["warned"] == 1
    extension = {"days": 10, "reason": "Papel."}
    await ana.made(f"{REQUESTS}/{request['id']}/extend", extension)
    assert await sweep(http) == QUIET

    await pass_days(superuser, 9.7)  # not 10: to the test the deadlines would be the same

    assert (await sweep(http))["warned"] == 1
    assert (await kinds(ana, request["id"])).count("deadline_warned") == 2


async def test_no_word_arrives_once_a_person_is_being_erased(ana: Person) -> None:
    client = await make_client(ana)
    other = await make_request(ana, client_id=client["id"])
    erasure = await make_proven(ana, client_id=client["id"], type="erasure")
    messages = f"{REQUESTS}/{other['id']}/messages"
    word = {"channel": "email", "body": "Estamos vendo."}

    *said, executed = await asyncio.gather(
        *(ana.post(messages, word) for _ in range(8)),
        ana.post(f"{REQUESTS}/{erasure['id']}/execute"),
    )

    assert executed.json()["data"]["status"] == "executing", executed.text
    began = executed.json()["data"]["execution_started_at"]
    late = await ana.post(messages, word)
    assert {answer.status_code for answer in [*said, late]} <= {201, 409}
    assert late.json()["code"] == "PRIVACY_DESTRUCTION_UNDER_WAY"
    kept = await ana.seen(messages)
    assert len(kept) == sum(answer.status_code == 201 for answer in said)
    assert all(message["created_at"] < began for message in kept)
