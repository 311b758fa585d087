"""Many at once: numbers without gaps, no lost change, one effect per key."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from core_api_factories import (
    CLIENTS,
    PURPOSES,
    TICKETS,
    Person,
    make_client,
    make_consent,
    make_purpose,
    make_ticket,
)

from chassis.data.database import Database
from core_api.modules.clients.service import require_client
from devstack.people import AURORA
from shared_schemas.ids import OrganizationId, new_id

pytestmark = pytest.mark.committed


async def test_ticket_numbers_have_no_gaps_and_no_doubles(
    ana: Person, bruno: Person, beto: Person
) -> None:
    client = await make_client(ana)
    theirs = await make_client(beto)
    given = {"client_id": client["id"], "subject": "x", "description": "y"}
    refused = given | {"client_id": str(new_id())}
    calls = [
        *(person.post(TICKETS, given) for person in (ana, bruno) for _ in range(15)),
        *(ana.post(TICKETS, refused) for _ in range(10)),
        *(beto.post(TICKETS, given | {"client_id": theirs["id"]}) for _ in range(5)),
    ]

    answers = await asyncio.gather(*calls)

    assert Counter(answer.status_code for answer in answers) == {201: 35, 404: 10}
    for person, count in ((ana, 30), (beto, 5)):
        tickets = await person.seen(TICKETS, limit=100, sort="number")
        assert [ticket["number"] for ticket in tickets] == list(range(1, count + 1))


async def test_of_simultaneous_changes_of_one_version_one_wins(ana: Person) -> None:
    client = await make_client(ana)
    path = f"{CLIENTS}/{client['id']}"

    answers = await asyncio.gather(
        *(
            ana.patch(path, {"name": f"Nome {number}"}, headers={"if-match": '"1"'})
            for number in range(12)
        )
    )

    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 11}
    won = next(answer.json()["data"] for answer in answers if answer.status_code == 200)
    assert await ana.seen(path) == won
    assert won["version"] == 2


async def test_changes_of_different_fields_are_all_kept(ana: Person) -> None:
    ticket = await make_ticket(ana)
    path = f"{TICKETS}/{ticket['id']}"
    changes: list[dict[str, Any]] = [
        {"subject": "Novo"},
        {"priority": "urgent"},
        {"channel": "phone"},
        {"tags": ["a"]},
        {"description": "Nova."},
    ]

    answers = await asyncio.gather(*(ana.patch(path, change) for change in changes))

    assert {answer.status_code for answer in answers} == {200}
    seen = await ana.seen(path)
    assert seen["version"] == 6
    assert all(seen[field] == value for change in changes for field, value in change.items())


async def test_ticket_is_resolved_once(ana: Person, superuser: asyncpg.Connection) -> None:
    ticket = await make_ticket(ana)

    answers = await asyncio.gather(
        *(ana.post(f"{TICKETS}/{ticket['id']}/resolve") for _ in range(8))
    )

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 7}
    resolved = "SELECT count(*) FROM crm.outbox WHERE event_type = 'ticket.resolved'"
    assert await superuser.fetchval(resolved) == 1


async def test_external_id_is_given_once(ana: Person) -> None:
    answers = await asyncio.gather(
        *(ana.post(CLIENTS, {"name": "Júlia", "external_id": "SGM-1"}) for _ in range(8))
    )

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 7}
    codes = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert codes == {"CLIENT_EXTERNAL_ID_TAKEN"}


async def test_purpose_code_is_given_once(ana: Person) -> None:
    given = {
        "code": "novidades",
        "name": "Novidades",
        "description": "Enviar novidades.",
        "legal_basis": "consent",
        "notice_text": "Texto.",
    }

    answers = await asyncio.gather(*(ana.post(PURPOSES, given) for _ in range(6)))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 5}


async def test_notice_versions_have_no_gaps(ana: Person) -> None:
    await make_purpose(ana)
    path = f"{PURPOSES}/novidades/notices"

    answers = await asyncio.gather(
        *(ana.post(path, {"notice_text": f"Texto {number}."}) for number in range(6))
    )

    assert {answer.status_code for answer in answers} == {201}
    versions = [notice["version"] for notice in await ana.seen(path)]
    assert versions == [7, 6, 5, 4, 3, 2, 1]


async def test_consent_is_revoked_once(ana: Person, superuser: asyncpg.Connection) -> None:
    await make_purpose(ana)
    consent = await make_consent(ana, (await make_client(ana))["id"])

    answers = await asyncio.gather(
        *(ana.post(f"/api/v1/consents/{consent['id']}/revoke", {}) for _ in range(8))
    )

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 7}
    assert await superuser.fetchval("SELECT count(*) FROM crm.consent_revocations") == 1
    revoked = "SELECT count(*) FROM crm.outbox WHERE event_type = 'consent.revoked'"
    assert await superuser.fetchval(revoked) == 1


async def test_deletion_waits_for_a_ticket_being_opened(
    ana: Person, database: Database, superuser: asyncpg.Connection
) -> None:
    client = await make_client(ana)
    aurora = OrganizationId(AURORA.id)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"

    async with database.transaction(aurora) as opening:
        await require_client(opening, aurora, UUID(client["id"]))
        deletion = asyncio.create_task(ana.delete(f"{CLIENTS}/{client['id']}"))
        while not deletion.done() and not await superuser.fetchval(waiting):
            continue  # every look is a round trip: nothing spins
        deleted_meanwhile = deletion.done()

    assert not deleted_meanwhile
    assert (await deletion).status_code == 204


async def test_same_key_has_one_effect_and_one_answer(
    ana: Person, superuser: asyncpg.Connection
) -> None:
    client = await make_client(ana)
    given = {"client_id": client["id"], "subject": "x", "description": "y"}
    key = {"idempotency-key": "chave-1"}

    answers = await asyncio.gather(*(ana.post(TICKETS, given, headers=key) for _ in range(8)))
    other = await ana.post(TICKETS, given | {"subject": "z"}, headers=key)

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert await superuser.fetchval("SELECT count(*) FROM crm.tickets") == 1
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")


async def test_key_of_a_refused_request_can_be_used_again(ana: Person) -> None:
    key = {"idempotency-key": "chave-2"}
    refused = await ana.post(CLIENTS, {"name": "Júlia", "document": "1"}, headers=key)

    accepted = await ana.post(CLIENTS, {"name": "Júlia"}, headers=key)

    assert (refused.status_code, accepted.status_code) == (422, 201)


async def test_failing_commit_is_never_a_success(
    ana: Person, superuser: asyncpg.Connection
) -> None:
    await superuser.execute(
        """
        CREATE FUNCTION crm.refuse() RETURNS trigger LANGUAGE plpgsql
          AS $$ BEGIN RAISE unique_violation; END $$;
        CREATE CONSTRAINT TRIGGER refuse_at_commit AFTER INSERT ON crm.clients
          DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION crm.refuse();
        """
    )
    try:
        answer = await ana.post(CLIENTS, {"name": "Júlia"})
    finally:
        await superuser.execute("DROP FUNCTION crm.refuse() CASCADE")

    assert answer.status_code == 409
    assert await ana.seen(CLIENTS) == []
