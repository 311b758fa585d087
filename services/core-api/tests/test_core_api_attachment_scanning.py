"""Looking for viruses with clamd, over a real socket; and clearing what nobody needs."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from core_api_clamd import EICAR, Clamd
from core_api_factories import INTERNAL_KEY, TICKETS, Person, make_ticket
from core_api_files import PDF
from fastapi import FastAPI
from test_core_api_attachments import attach, objects

from core_api.modules.attachments.sweep import sweep_attachments
from core_api.workplace import Workplace


@pytest.fixture
async def clamd() -> AsyncIterator[Clamd]:
    server = Clamd()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(autouse=True)
async def _empty(workplace: Workplace) -> None:
    await workplace.storage.delete_prefix("")


@pytest.fixture
def scanned(app: FastAPI, workplace: Workplace, clamd: Clamd) -> Workplace:
    """The service told about the scanner, with little patience."""
    settings = workplace.settings.attachments.model_copy(
        update={"clamd_url": clamd.url, "clamd_timeout": timedelta(seconds=0.5)}
    )
    app.state.workplace = replace(
        workplace, settings=replace(workplace.settings, attachments=settings)
    )
    return workplace


async def test_a_clean_file_is_sent_whole_and_marked(
    bruno: Person, scanned: Workplace, clamd: Clamd
) -> None:
    ticket = await make_ticket(bruno)
    raw = PDF + bytes(3 * 1024 * 1024)

    answer = await attach(bruno, ticket["id"], raw)

    assert answer.json()["data"]["scan"] == "clean"
    assert clamd.commands == [b"zINSTREAM\0"]
    assert clamd.received == [raw]


async def test_an_infected_file_is_refused_and_not_kept(
    bruno: Person, scanned: Workplace, clamd: Clamd
) -> None:
    ticket = await make_ticket(bruno)

    answer = await attach(bruno, ticket["id"], EICAR, "nota.txt")

    assert (answer.status_code, answer.json()["code"]) == (422, "ATTACHMENT_INFECTED")
    assert "ameaça" in answer.json()["message"]
    assert await bruno.seen(f"{TICKETS}/{ticket['id']}/attachments") == []
    assert await objects(scanned) == set()


@pytest.mark.parametrize("trouble", ["silent", "rude", "down", "limit", "unsure"])
async def test_without_an_answer_nothing_is_kept(
    bruno: Person, scanned: Workplace, clamd: Clamd, trouble: str
) -> None:
    ticket = await make_ticket(bruno)
    clamd.mood = trouble
    if trouble == "down":
        await clamd.stop()
    if trouble == "limit":
        clamd.limit = 1000

    answer = await attach(bruno, ticket["id"], PDF + bytes(2 * 1024 * 1024))

    assert (answer.status_code, answer.json()["code"]) == (503, "ATTACHMENT_SCANNER_UNAVAILABLE")
    assert "retry-after" in answer.headers
    assert await objects(scanned) == set()


async def _aged(superuser: asyncpg.Connection) -> None:
    await superuser.execute("UPDATE crm.attachments SET created_at = now() - interval '2 days'")


@pytest.mark.committed
async def test_the_sweep_clears_what_stayed_pending_and_what_has_no_row(
    bruno: Person, beto: Person, workplace: Workplace, database: Any, superuser: asyncpg.Connection
) -> None:
    ticket = await make_ticket(bruno)
    pending = (await attach(bruno, ticket["id"])).json()["data"]
    taken = (await attach(bruno, ticket["id"])).json()["data"]
    message = {"kind": "note", "body": "Laudo.", "attachment_ids": [taken["id"]]}
    await bruno.made(f"{TICKETS}/{ticket['id']}/messages", message)
    with_draft = (await attach(bruno, ticket["id"])).json()["data"]
    drafted = {"kind": "draft", "body": "Segue.", "attachment_ids": [with_draft["id"]]}
    draft = await bruno.made(f"{TICKETS}/{ticket['id']}/messages", drafted)
    await bruno.delete(f"{TICKETS}/{ticket['id']}/messages/{draft['id']}")
    theirs = await make_ticket(beto)
    orphan = (await attach(beto, theirs["id"])).json()["data"]
    await superuser.execute("DELETE FROM crm.attachments WHERE id = $1", orphan["id"])
    at_once = timedelta(seconds=-1)

    early = await sweep_attachments(database, workplace.storage)
    await _aged(superuser)
    late = await sweep_attachments(database, workplace.storage, grace=at_once)

    assert (early, late) == (0, 3)
    assert await objects(workplace) == {taken["id"]}
    listed = await bruno.seen(f"{TICKETS}/{ticket['id']}/attachments")
    assert [each["id"] for each in listed] == [taken["id"]]
    assert pending["id"] != taken["id"]


@pytest.mark.committed
async def test_upkeep_sweeps_for_services_of_ours_only(bruno: Person) -> None:
    path = "/internal/v1/maintenance/prune"
    worker = {"x-internal-key": INTERNAL_KEY, "x-source-service": "worker-svc"}

    answer = await bruno.http.post(path, headers=worker)

    assert answer.json()["data"]["attachments"] == 0
