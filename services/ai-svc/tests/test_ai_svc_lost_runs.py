"""What a killed process had set aside for a model: ended with its run, counted in full, once."""

import asyncpg
import pytest
from ai_svc_factories import Person
from ai_svc_usage import BETO, BOREAL, Caller
from chat_factories import Scripted, begin, expire_leases, kill
from fastapi import FastAPI

from ai_svc.modules.chat.runs import Runs
from ai_svc.modules.usage.service import Reservation, settle
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed


@pytest.fixture
def runs(app: FastAPI) -> Runs:
    """Of the process that dies."""
    found: Runs = app.state.runs
    return found


async def lost(
    app: FastAPI, ana: Person, scripted: Scripted, runs: Runs, superuser: asyncpg.Connection
) -> tuple[str, Reservation]:
    """Where to write on, and what the run had set aside when its process died."""
    chat = await begin(app, ana)
    scripted.waits_before = 1
    listening = await chat.stream()
    await scripted.waiting.wait()
    caller = Caller(runs.database)
    reservation = await caller.reserves(given=60, most=40, run_id=next(iter(runs._live)))
    await kill(runs)
    await listening.hang_up()
    await expire_leases(superuser)
    return chat.path, reservation


async def states(superuser: asyncpg.Connection) -> dict[str, tuple[str, int, int]]:
    rows = await superuser.fetch("SELECT * FROM ai.usage_entries")
    return {
        str(row["id"]): (row["state"], row["input_tokens"], row["output_tokens"]) for row in rows
    }


async def current(person: Person) -> dict[str, int]:
    """Tokens of the person's own budget."""
    answer = await person.get("/api/v1/ai/usage/current")
    return {
        each["period"]: each["tokens"]
        for each in answer.json()["data"]
        if each["counted"] == "user"
    }


async def test_another_replica_ends_the_run_and_what_it_had_set_aside(
    app: FastAPI,
    replica: FastAPI,
    ana: Person,
    scripted: Scripted,
    runs: Runs,
    superuser: asyncpg.Connection,
) -> None:
    _, reservation = await lost(app, ana, scripted, runs, superuser)
    another = await Caller(runs.database).reserves(run_id=new_id())
    theirs = await Caller(runs.database, BOREAL, BETO).reserves(run_id=new_id())

    await replica.state.runs.sweep()
    await replica.state.runs.sweep()

    assert await states(superuser) == {
        str(reservation.id): ("expired", 60, 40),
        str(another.id): ("reserved", 60, 40),
        str(theirs.id): ("reserved", 60, 40),
    }
    assert await current(ana) == {"day": 200, "month": 200}


async def test_the_next_message_ends_both(
    app: FastAPI, ana: Person, scripted: Scripted, runs: Runs, superuser: asyncpg.Connection
) -> None:
    path, reservation = await lost(app, ana, scripted, runs, superuser)
    scripted.go_on()

    sent = await ana.post(path, json={"content": "Ainda aí?"})

    assert sent.status_code == 201, sent.text
    assert (await states(superuser))[str(reservation.id)] == ("expired", 60, 40)
    assert await current(ana) == {"day": 100, "month": 100}


async def test_who_was_only_slow_settles_what_was_really_used(
    app: FastAPI, ana: Person, scripted: Scripted, runs: Runs, superuser: asyncpg.Connection
) -> None:
    _, reservation = await lost(app, ana, scripted, runs, superuser)
    await runs.sweep()

    await settle(runs.database, reservation, input_tokens=7, output_tokens=3)

    assert await states(superuser) == {str(reservation.id): ("settled", 7, 3)}
    assert await current(ana) == {"day": 10, "month": 10}
