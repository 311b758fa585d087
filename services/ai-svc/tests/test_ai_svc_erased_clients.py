"""About who was erased nothing is taken in; about who was deleted nothing is read."""

from typing import Any
from uuid import UUID

import asyncpg
import pytest
from access_factories import AURORA, CoreApi, sees, told_consent
from ai_svc_erasing import QUESTION, WORD, Asking, about
from ai_svc_factories import DOCUMENTS, Person
from ai_svc_uploading import begin, begun, send
from fastapi import FastAPI
from test_ai_svc_access_projections import Facts
from traces import forms_of, in_tables

from ai_svc.modules.access import absences, rebuilding
from ai_svc.modules.triage.service import await_triage
from shared_schemas.events import ClientDeleted, TicketCreated
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed

FORMS = forms_of(WORD)
TEXT = f"Helena mora na rua {WORD}, número 40."


@pytest.fixture
async def core_api(app: FastAPI, clean: None) -> CoreApi:
    core_api = CoreApi(app)
    await core_api.purposes()
    return core_api


@pytest.fixture
async def helena(asking: Asking) -> UUID:
    """Erased."""
    client_id = new_id()
    await asking.erase(client_id)
    return client_id


async def deleted(core_api: CoreApi, client_id: UUID, **changes: Any) -> None:
    event = ClientDeleted.caused(
        organization_id=core_api.organization_id, correlation_id="req-1", client_id=client_id
    ).model_copy(update=changes)
    async with core_api.database.transaction(core_api.organization_id) as session:
        await absences.follow_deleted(session, event)


async def test_a_document_is_refused_whichever_way_it_comes(
    ana: Person, helena: UUID, superuser: asyncpg.Connection
) -> None:
    fields = about(helena)
    open_to_all = await ana.index("Um aviso para todos.")
    answers = [
        await ana.post(DOCUMENTS, json={"text": TEXT, **fields}),
        await ana.post(DOCUMENTS, files={"file": (f"{WORD}.txt", TEXT.encode())}, data=fields),
        await ana.call("PUT", f"{DOCUMENTS}/by-external-id/a-1", json={"text": TEXT, **fields}),
        await ana.call("PATCH", f"{DOCUMENTS}/{open_to_all}", json={"title": WORD, **fields}),
        await begin(ana, 100, filename=f"{WORD}.txt", **fields),
        await ana.post(
            "/api/v1/rag/ask",
            json={"question": f"Onde fica {WORD}?", "filters": {"client_id": str(helena)}},
        ),
    ]

    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (409, "CLIENT_ERASED"), answer.text
    assert "eliminados" in answers[0].json()["message"]
    assert await in_tables(superuser, FORMS) == {}


async def test_of_a_batch_only_what_is_about_the_erased_is_refused(
    ana: Person, helena: UUID, superuser: asyncpg.Connection
) -> None:
    items = [
        {"title": WORD, "text": TEXT, **about(helena)},
        {"title": f"Vazio {WORD}", "text": " ", **about(helena)},
        {"text": "Um aviso para todos."},
    ]
    sent = await ana.post(
        f"{DOCUMENTS}/batch", json={"items": items}, headers={"idempotency-key": "lote"}
    )

    batch = sent.json()["data"]
    assert batch["items"][0]["error_code"] == "CLIENT_ERASED"
    assert (batch["accepted"], batch["refused"]) == (1, 2)
    assert await in_tables(superuser, FORMS) == {}


async def test_an_upload_that_ends_after_the_erasing_is_refused(
    ana: Person, asking: Asking, core_api: CoreApi, superuser: asyncpg.Connection
) -> None:
    client_id, content = new_id(), TEXT.encode()
    location = await begun(ana, len(content), filename=f"{WORD}.txt", **about(client_id))
    await send(ana, location, 0, content[:10])
    await asking.erase(client_id)

    last = await send(ana, location, 10, content[10:])

    assert last.status_code == 404
    assert await in_tables(superuser, FORMS) == {}


async def test_what_core_api_tells_late_is_passed_over(
    app: FastAPI, core_api: CoreApi, helena: UUID, superuser: asyncpg.Connection
) -> None:
    ticket = TicketCreated.caused(
        organization_id=AURORA, correlation_id="req-1", ticket_id=new_id(), client_id=helena
    )
    await core_api.granted(helena)
    await core_api.merged(new_id(), helena)
    await core_api.merged(helena, new_id())
    await core_api.blocked(helena)
    async with core_api.database.transaction(AURORA) as session:
        await await_triage(session, ticket)
    facts = Facts(consents=[told_consent(helena)])
    await rebuilding.rebuild(core_api.database, facts, AURORA, "req-1")

    left = await in_tables(superuser, [str(helena).encode()])
    assert set(left) == {"client_absences", "erasures", "outbox"}


async def test_nobody_reads_about_a_deleted_client_and_all_do_about_a_restored_one(
    ana: Person, core_api: CoreApi
) -> None:
    client_id, merged = new_id(), new_id()
    await core_api.merged(merged, client_id)
    document_id = await ana.index(TEXT, **about(merged))

    async def seen() -> set[bool]:
        return set((await sees(ana, document_id, client_id, QUESTION, WORD)).values())

    before = await seen()
    await deleted(core_api, client_id)
    gone = await seen()
    of_merged = await ana.search(WORD, filters={"client_id": str(merged)})
    # core-api names it no more, as of now; the event is older.
    facts = Facts(deleted_clients=[])
    await rebuilding.rebuild(core_api.database, facts, AURORA, "req-1")
    too_early = await seen()
    await superuser_ages(core_api)
    await rebuilding.rebuild(core_api.database, facts, AURORA, "req-1")

    assert before == {True}
    assert (gone, of_merged, too_early) == ({False}, [], {False})
    assert await seen() == {True}


async def superuser_ages(core_api: CoreApi) -> None:
    """The deletion was an hour ago."""
    async with core_api.database.transaction(AURORA) as session:
        connection = await session.connection()
        await connection.exec_driver_sql(
            "UPDATE ai.client_absences SET changed_at = now() - interval '1 hour'"
        )


async def test_deletions_before_the_events_are_learned_from_core_api(
    ana: Person, core_api: CoreApi
) -> None:
    client_id = new_id()
    await ana.index(TEXT, **about(client_id))
    named = {"client_id": str(client_id)}
    facts = Facts(deleted_clients=[{"client_id": str(new_id())} for _ in range(2)])
    facts.facts["deleted-clients"].append({"client_id": str(client_id)})

    await rebuilding.rebuild(core_api.database, facts, AURORA, "req-1")

    assert await ana.search(WORD, filters=named) == []
    assert facts.asked.count("deleted-clients") == 2


async def test_a_deleted_client_can_still_be_deleted_from(ana: Person, core_api: CoreApi) -> None:
    client_id = new_id()
    document_id = await ana.index(TEXT, **about(client_id))
    await deleted(core_api, client_id)

    gone = await ana.call(
        "DELETE", f"{DOCUMENTS}/{document_id}", params={"client_id": str(client_id)}
    )

    assert gone.status_code == 204
