"""What was proposed for a person's tickets goes with them, is told to them, and does not come
back."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from core_api_accountability import propose
from core_api_factories import INTERNAL_KEY, TICKETS, Person, make_client, make_ticket
from erasure_factories import Planted, answer_of, execute, rows_with, sweep
from privacy_factories import REQUESTS, make_proven

from chassis.data.database import Database
from core_api.modules.erasure.finishing import note_answer
from core_api.modules.triage.subject_sections import TRIAGE_SECTIONS
from core_api.subject_sections import Subject
from core_api.subject_stores import Workshop
from core_api.workplace import Workplace
from devstack.people import AURORA
from shared_schemas.ids import OrganizationId, new_id
from shared_schemas.triage import Standing

pytestmark = pytest.mark.committed
TENANT = OrganizationId(AURORA.id)
SERVICE = {"x-source-service": "worker-svc", "x-internal-key": INTERNAL_KEY}
WORD = "xaropentina"


async def planted(ana: Person, database: Database) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two tickets with everything a proposal can say, one of them declined."""
    client = await make_client(ana)
    first, second = [await make_ticket(ana, client["id"]) for _ in range(2)]
    for ticket, other in ((first, second), (second, first)):
        duplicate = {"ticket_id": other["id"], "number": other["number"], "similarity": 0.9}
        cited = {
            "number": 1,
            "document_id": str(new_id()),
            "version": 1,
            "title": f"Manual de {WORD}",
            "page": None,
            "heading": None,
            "quote": f"Sobre {WORD}.",
            "char_start": 0,
            "char_end": 18,
            "similarity": 0.5,
        }
        await propose(
            database,
            TENANT,
            ticket["id"],
            draft=f"Olá! Sobre {WORD}.",
            reasons=(f"O chamado fala em “{WORD}”.",),
            citations=[cited],
            duplicates=[duplicate],
        )
    declined = {"reason": f"Não é {WORD}."}
    await ana.made(f"{TICKETS}/{second['id']}/triage/decline", declined)
    return first, second


async def test_erased_with_the_person_and_not_proposed_again(
    ana: Person,
    workshop: Workshop,
    workplace: Workplace,
    database: Database,
    superuser: asyncpg.Connection,
) -> None:
    await make_ticket(ana)
    ticket, _other = await planted(ana, database)
    assert "crm.ticket_triages" in await rows_with(superuser, WORD)

    erasure = await execute(ana, Planted(ticket["client_id"]))
    begun = await propose(database, TENANT, ticket["id"], decision_id=new_id())
    await sweep(workshop, workplace)
    async with database.transaction(TENANT) as tx:
        await note_answer(tx, answer_of(erasure))
    await sweep(workshop, workplace)
    late = await propose(database, TENANT, ticket["id"], draft=f"Sobre {WORD}")

    assert begun.standing is Standing.TRIAGED  # it was there already
    assert late.standing is Standing.GONE
    assert await rows_with(superuser, WORD) == {}
    assert (await ana.get(f"{TICKETS}/{ticket['id']}/triage")).status_code == 404
    (decision,) = await ana.seen("/api/v1/automated-decisions", ticket_id=ticket["id"])
    assert decision["outcome"] == {"priority": "high"}, "that there was one stays"


async def test_nothing_is_proposed_for_whom_erasing_has_begun(
    ana: Person, database: Database
) -> None:
    ticket = await make_ticket(ana)
    await execute(ana, Planted(ticket["client_id"]))

    taken = await propose(database, TENANT, ticket["id"])

    assert taken.standing is Standing.GONE


async def test_a_proposal_that_comes_while_erasing_goes_on_is_erased_or_refused(
    ana: Person,
    workshop: Workshop,
    workplace: Workplace,
    database: Database,
    superuser: asyncpg.Connection,
) -> None:
    tickets = [await make_ticket(ana) for _ in range(3)]
    client = tickets[0]["client_id"]
    mine = [tickets[0], *[await make_ticket(ana, client) for _ in range(5)]]

    erasure, *_taken = await asyncio.gather(
        execute(ana, Planted(client)),
        *(propose(database, TENANT, each["id"], draft=f"Sobre {WORD}") for each in mine),
    )
    await sweep(workshop, workplace)
    async with database.transaction(TENANT) as tx:
        await note_answer(tx, answer_of(erasure))
    await sweep(workshop, workplace)

    assert await rows_with(superuser, WORD) == {}


async def test_anonymising_takes_the_texts_as_well(
    ana: Person, davi: Person, http: httpx.AsyncClient, database: Database,
    superuser: asyncpg.Connection,
) -> None:  # fmt: skip
    ticket, _other = await planted(ana, database)
    request = await make_proven(davi, client_id=ticket["client_id"], type="anonymization")
    await davi.made(f"{REQUESTS}/{request['id']}/execute", {})
    for _ in range(3):
        answer = await http.post("/internal/v1/erasures/sweep", headers=SERVICE)
        assert answer.status_code == 200, answer.text

    left = await superuser.fetchval("SELECT count(*) FROM crm.ticket_triages")
    assert left == 0


async def test_the_person_is_told_of_it(ana: Person, database: Database) -> None:
    ticket, _other = await planted(ana, database)
    (source,) = TRIAGE_SECTIONS
    subject = Subject(TENANT, [UUID(ticket["client_id"])])

    async with database.transaction(TENANT, read_only=True) as session:
        told = await source.load(session, subject)
        assert await source.count(session, subject) == 2

    first, second = told.records
    assert (first["ticket"], first["draft"]) == (ticket["number"], f"Olá! Sobre {WORD}.")
    assert (first["priority"], first["status"]) == ("alta", "à espera de uma pessoa")
    assert (second["status"], second["decline_reason"]) == (
        "recusada por uma pessoa",
        f"Não é {WORD}.",
    )
    assert first.keys() <= told.field_labels.keys()
