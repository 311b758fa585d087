"""A person is erased from everything the assistant keeps, and nobody else is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from access_factories import AURORA, SERVICE, CoreApi
from ai_svc_erasing import ANSWERED, QUESTION, WORD, Asking, about, plant
from ai_svc_factories import DOCUMENTS, INTERNAL_KEY, Person
from fastapi import FastAPI
from redis.asyncio import Redis
from traces import forms_of, in_objects, in_redis, in_tables

from ai_svc.modules.privacy import leftovers
from ai_svc.modules.privacy.small_stores import projections_of
from ai_svc.modules.privacy.work import Subject
from devstack.people import PEOPLE
from shared_schemas.ids import OrganizationId, new_id

pytestmark = [pytest.mark.committed, pytest.mark.usefixtures("nothing_stored")]

FORMS = forms_of(WORD)
BOREAL = OrganizationId(PEOPLE["beto"].organization.id)
PREVIEW = "/internal/v1/privacy/erasure-preview"
CORE_API = {"x-internal-key": INTERNAL_KEY, "x-source-service": "worker-svc"}
PersonOf = Callable[[str], Person]


async def previewed(http: httpx.AsyncClient, *client_ids: UUID) -> dict[str, dict[str, Any]]:
    asked = {"organization_id": str(AURORA), "client_ids": [str(each) for each in client_ids]}
    answer = await http.post(PREVIEW, json=asked, headers=CORE_API)
    assert answer.status_code == 200, answer.text
    return {store["store"]: store for store in answer.json()["data"]["stores"]}


async def test_everything_about_a_person_goes_and_the_answer_says_how_much(
    ana: Person,
    asking: Asking,
    core_api: CoreApi,
    http: httpx.AsyncClient,
    redis: Redis,
    superuser: asyncpg.Connection,
    objects: Path,
) -> None:
    helena, other = new_id(), new_id()
    await plant(ana, core_api, helena)
    kept = await ana.index("Outra pessoa mora na avenida.", "Outra", **about(other))
    before = await in_tables(superuser, FORMS)
    foreseen = await previewed(http, helena)
    assert set(before) >= {"documents", "chunks", "answers", "uploads", "batch_items"}
    assert set(before) >= {"conversations", "conversation_messages", "message_feedback"}
    assert set(before) >= {"proposals", "memory_facts", "memory_corrections"}
    assert len(await in_redis(redis, FORMS)) == 3
    assert in_objects(objects, FORMS)

    answer = await asking.erase(helena)

    assert await in_tables(superuser, FORMS) == {}
    assert await in_redis(redis, FORMS) == []
    assert in_objects(objects, FORMS) == []
    erased = {name: store["count"] for name, store in foreseen.items() if store["action"] != "keep"}
    found_on_the_way = {"kept_replies"}
    assert {n: answer["erased"][n] for n in erased if n not in found_on_the_way} == {
        n: count for n, count in erased.items() if n not in found_on_the_way
    }
    assert answer["erased"]["kept_replies"] >= 2
    assert answer["erased"]["documents"] == 3
    assert answer["kept"] == {"client_absences": 1, "deleted_documents": 3}
    assert (answer["service"], answer["client_id"]) == ("ai-svc", str(helena))
    assert await asking.states() == [("succeeded", None, 1)]
    assert all(
        not store["count"]
        for store in (await previewed(http, helena)).values()
        if store["action"] != "keep"
    )
    named = {"client_id": str(other)}
    assert (await ana.get(f"{DOCUMENTS}/{kept}", params=named)).status_code == 200
    assert len(await ana.search("avenida", filters=named)) == 1


async def test_only_ids_of_the_person_are_left(
    ana: Person, asking: Asking, core_api: CoreApi, superuser: asyncpg.Connection
) -> None:
    helena = new_id()
    await plant(ana, core_api, helena)

    await asking.erase(helena)

    left = await in_tables(superuser, [str(helena).encode()])
    assert set(left) == {"client_absences", "erasures", "outbox"}


async def test_documents_of_who_was_merged_go_too(
    ana: Person, asking: Asking, core_api: CoreApi, superuser: asyncpg.Connection
) -> None:
    survivor, merged = new_id(), new_id()
    await core_api.purposes()
    await ana.index(f"Helena mora na rua {WORD}.", **about(merged))
    await core_api.merged(merged, survivor)
    answered = await ana.ask(QUESTION, filters={"client_id": str(survivor)})
    assert WORD in answered["answer"]

    answer = await asking.erase(survivor, merged)

    assert answer["erased"]["documents"] == answer["erased"]["answers"] == 1
    assert await in_tables(superuser, FORMS) == {}


async def test_another_organizations_data_stays_as_it_is(
    person: PersonOf, app: FastAPI, asking: Asking, superuser: asyncpg.Connection
) -> None:
    helena, beto = new_id(), person("beto")
    boreal = CoreApi(app, BOREAL)
    await boreal.purposes()
    document_id = await beto.index(f"Helena mora na rua {WORD}.", **about(helena))
    before = await in_tables(superuser, FORMS)

    answer = await asking.erase(helena)

    assert set(answer["erased"].values()) == {0}
    assert await in_tables(superuser, FORMS) == before
    params = {"client_id": str(helena)}
    assert (await beto.get(f"{DOCUMENTS}/{document_id}", params=params)).status_code == 200


async def test_asked_again_it_is_answered_once(
    ana: Person, asking: Asking, core_api: CoreApi
) -> None:
    helena, request_id = new_id(), new_id()
    await core_api.purposes()
    await ana.index(f"Helena mora na rua {WORD}.", **about(helena))
    await asking.request(helena, request_id=request_id)
    await asking.request(helena, request_id=request_id)
    await asking.eraser().drain_once("tests")
    await asking.request(helena, request_id=request_id)
    assert await asking.eraser().drain_once("tests") == 0
    (answer,) = await asking.answers()

    later = await asking.erase(helena)

    assert answer["erased"]["documents"] == 1
    assert later["erased"]["documents"] == 0
    assert len(await asking.answers()) == 2


async def test_after_a_restored_backup_it_is_erased_and_answered_again(
    ana: Person, asking: Asking, core_api: CoreApi, superuser: asyncpg.Connection
) -> None:
    helena, request_id = new_id(), new_id()
    await core_api.purposes()
    await asking.erase(helena, request_id=request_id)
    # As a backup from before has it.
    await superuser.execute("DELETE FROM ai.client_absences")
    await ana.index(f"Helena mora na rua {WORD}.", **about(helena))

    answer = await asking.erase(helena, request_id=request_id, mode="replay", again=3)

    assert answer["erased"]["documents"] == 1
    assert len(await asking.answers()) == 2
    assert await in_tables(superuser, FORMS) == {}


async def test_nothing_is_read_from_the_request_on(
    ana: Person, asking: Asking, core_api: CoreApi
) -> None:
    helena = new_id()
    await core_api.purposes()
    document_id = await ana.index(f"Helena mora na rua {WORD}.", **about(helena))
    named = {"client_id": str(helena)}
    assert await ana.search(WORD, filters=named)

    await asking.request(helena)  # and nothing was erased yet

    assert await ana.search(WORD, filters=named) == []
    assert (await ana.get(f"{DOCUMENTS}/{document_id}", params=named)).status_code == 404


async def test_every_place_of_the_catalogue_is_thought_of(superuser: asyncpg.Connection) -> None:
    """A new table about clients, or made of documents, has to say here how it is erased."""
    columns = await superuser.fetch(
        "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " WHERE c.relnamespace = 'ai'::regnamespace AND c.relkind IN ('r', 'p')"
        " AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped"
    )
    found = [(row["relname"], row["attname"]) for row in columns]
    clients = {table for table, name in found if "client" in name or name == "survivor_id"}
    documents = {(table, name) for table, name in found if name.endswith("document_id")}

    projections = set(projections_of(Subject(AURORA, [new_id()])))
    kept = {"client_absences", "erasures"}
    erased = {"documents", "answers", "batch_items", "triages", "conversations"}
    erased |= {"message_clients", "proposal_clients", "memory_fact_clients"}
    assert clients == projections | kept | erased
    thought_of = {(column.table.name, column.name) for column in leftovers.MADE_OF_DOCUMENTS}
    # A finished upload says which document it has become, for a day.
    assert documents == thought_of | {("uploads", "document_id")}


async def test_answers_leave_no_word_in_the_outbox(
    ana: Person, asking: Asking, core_api: CoreApi, superuser: asyncpg.Connection
) -> None:
    helena = new_id()
    await plant(ana, core_api, helena)
    await asking.erase(helena)

    (envelope,) = [row["envelope"] for row in await superuser.fetch(ANSWERED)]
    assert '"source_service":"ai-svc"' in envelope
    assert WORD not in envelope
    assert SERVICE not in envelope
