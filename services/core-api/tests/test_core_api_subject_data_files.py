"""Copies of a person's data: sealed at rest, handed over by link or to who may, noted, deleted."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
import sqlalchemy as sa
from core_api_factories import Person, make_client, without_request_id
from core_api_neighbour import SUBJECT_DATA, Neighbour, answered
from core_api_records import Records
from fastapi import FastAPI
from privacy_factories import REQUESTS
from pydantic import SecretStr
from subject_data_factories import (
    copied,
    executed,
    file_of,
    path_of,
    retried,
    stored_keys,
    sweep,
)

from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.http.service_client import ServiceClient
from core_api.modules.audit.models import SubjectKey
from core_api.modules.privacy.execution import PrivacyRequest, RequestStatus
from core_api.modules.subject_data.assembling import assemble_now
from core_api.modules.subject_data.erasing import SUBJECT_DATA_STORES
from core_api.modules.subject_data.forgetting import sweep_objects
from core_api.modules.subject_data.links import FileLink
from core_api.modules.subject_data.models import SubjectDataFile, folder, object_key
from core_api.settings import CoreApiSettings
from core_api.subject_stores import Subject, Workshop
from core_api.workplace import Workplace
from devstack.people import AURORA, BOREAL
from shared_schemas.ids import OrganizationId, new_id

TENANT = OrganizationId(AURORA.id)
PUBLIC = "/api/v1/public/subject-data"


async def link_to(person: Person, state: dict[str, Any], number: int = 0) -> str:
    made = await person.made(path_of(state, state["files"][number], "link"), {})
    return str(made["url"])


async def test_stored_bytes_are_not_the_file(
    davi: Person, ana: Person, workplace: Workplace
) -> None:
    client = await make_client(ana, name="Conceição Araújo")
    before = await stored_keys(workplace.storage)

    state = await copied(davi, client_id=client["id"])

    new = await stored_keys(workplace.storage) - before
    assert new == {object_key(TENANT, UUID(file["id"])) for file in state["files"]}
    for key in new:
        stored = await workplace.storage.read(key)
        assert b"Concei" not in stored
        assert b"%PDF" not in stored
    assert "Conceição Araújo".encode() in await file_of(davi, state, "json")


async def test_subject_fetches_by_link_and_every_fetching_is_noted(
    davi: Person, ana: Person, http: httpx.AsyncClient, records: Records
) -> None:
    client = await make_client(ana)
    state = await copied(davi, client_id=client["id"])
    url = await link_to(davi, state, 1)
    assert url.startswith(f"{PUBLIC}/")
    assert client["id"] not in url

    answer = await http.get(url)

    assert answer.status_code == 200, answer.text
    assert answer.content == await file_of(davi, state, "pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["cache-control"] == "private, no-store"
    by_link, by_member = await records.audit("subject_data_file.downloaded")
    assert (by_link["actor_id"], str(by_link["about"])) == (None, client["id"])
    assert by_member["actor_id"] is not None
    (issued,) = await records.audit("subject_data_file.link_issued")
    assert issued["subject_id"] == by_link["subject_id"]
    pdf = (await davi.seen(f"{REQUESTS}/{state['request_id']}/subject-data"))["files"][1]
    assert (pdf["downloads"], pdf["link_downloads"]) == (2, 1)


async def bad_links(davi: Person, ana: Person, settings: CoreApiSettings) -> dict[str, str]:
    """Every kind of link that is not good, to files that exist."""
    state = await copied(davi, client_id=(await make_client(ana))["id"])
    good = (await link_to(davi, state)).rpartition("/")[2]
    raw = bytearray(base64.urlsafe_b64decode(good + "=" * (-len(good) % 4)))
    raw[20] ^= 1
    key = settings.attachments.link_key.get_secret_value().encode()
    file_id = UUID(state["files"][0]["id"])
    known = FileLink(TENANT, file_id, utc_now() + timedelta(hours=1))
    used = await link_to(davi, state, 1)
    for _ in range(5):
        assert (await davi.http.get(used)).status_code == 200
    return {
        "changed": base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("="),
        "another key": known.signed(b"k" * 32),
        "expired": replace(known, expires_at=utc_now() - timedelta(seconds=1)).signed(key),
        "of nothing": replace(known, file_id=new_id()).signed(key),
        "of another tenant": replace(known, organization_id=OrganizationId(BOREAL.id)).signed(key),
        "used too often": used.rpartition("/")[2],
        "nonsense": "nada",
        "not ASCII": "%C3%A9" * 20,
        "too long": "A" * 180,
    }


async def test_links_that_are_not_good_are_all_answered_alike(
    davi: Person, ana: Person, http: httpx.AsyncClient, settings: CoreApiSettings
) -> None:
    tokens = await bad_links(davi, ana, settings)

    answers = [await http.get(f"{PUBLIC}/{token}") for token in tokens.values()]

    assert {answer.status_code for answer in answers} == {401}
    assert len({str(without_request_id(answer)) for answer in answers}) == 1
    assert answers[0].json()["code"] == "SUBJECT_DATA_LINK_INVALID"


async def test_who_may_not_execute_privacy_work_gets_no_file_and_no_link(
    davi: Person, ana: Person, bruno: Person, vera: Person
) -> None:
    state = await copied(davi, client_id=(await make_client(ana))["id"])
    file = state["files"][0]

    for person in (bruno, vera):
        assert (await person.get(path_of(state, file))).status_code == 403
        assert (await person.post(path_of(state, file, "link"))).status_code == 403
        answer = await person.get(f"{REQUESTS}/{state['request_id']}/answer")
        assert answer.status_code == 403


async def test_file_of_another_request_or_tenant_is_a_file_that_does_not_exist(
    davi: Person, ana: Person, beto: Person
) -> None:
    state = await copied(davi, client_id=(await make_client(ana))["id"])
    other = await copied(davi, client_id=(await make_client(ana))["id"])
    unknown = {"id": str(new_id())}

    answers = [
        await davi.get(path_of(state, other["files"][0])),
        await davi.get(path_of(state, unknown)),
        await beto.get(path_of(state, state["files"][0])),
        await davi.post(path_of(state, other["files"][0], "link")),
        await beto.post(path_of(state, state["files"][0], "link")),
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert len({str(without_request_id(answer)) for answer in answers}) == 1


async def test_file_whose_time_is_over_is_gone_before_the_sweep_comes(
    davi: Person, ana: Person, http: httpx.AsyncClient, database: Database
) -> None:
    state = await copied(davi, client_id=(await make_client(ana))["id"])
    url = await link_to(davi, state)
    async with database.transaction(TENANT) as session:
        await session.execute(sa.update(SubjectDataFile).values(expires_at=utc_now()))

    assert (await davi.get(path_of(state, state["files"][0]))).status_code == 404
    assert (await davi.post(path_of(state, state["files"][0], "link"))).status_code == 404
    assert (await http.get(url)).status_code == 401


async def test_nothing_opens_once_the_clients_key_is_gone(
    davi: Person, ana: Person, http: httpx.AsyncClient, database: Database
) -> None:
    client = await make_client(ana)
    state = await copied(davi, client_id=client["id"])
    url = await link_to(davi, state)
    async with database.transaction(TENANT) as session:
        mine = SubjectKey.client_id == UUID(client["id"])
        await session.execute(sa.delete(SubjectKey).where(mine))

    assert (await davi.get(path_of(state, state["files"][0]))).status_code == 404
    assert (await http.get(url)).status_code == 401
    answer = await davi.get(f"{REQUESTS}/{state['request_id']}/answer")
    assert answer.json()["code"] == "SUBJECT_DATA_ANSWER_GONE"


async def test_erasing_takes_answers_and_files_and_leaves_what_happened(
    davi: Person, ana: Person, app: FastAPI, database: Database, workplace: Workplace
) -> None:
    client, other = await make_client(ana), await make_client(ana)
    state = await copied(davi, client_id=client["id"])
    kept = await copied(davi, client_id=other["id"])
    subject = Subject(organization_id=TENANT, client_ids=(UUID(client["id"]),))
    workshop = Workshop(
        database=database, redis=app.state.resources.redis, storage=workplace.storage
    )
    gone = dict.fromkeys((store.name for store in SUBJECT_DATA_STORES), 0)

    for store in SUBJECT_DATA_STORES:

        async def tally(_tx: Any, count: int, name: str = store.name) -> None:
            gone[name] += count

        while await store.erase_batch(workshop, subject, tally):
            pass

    assert gone == {"subject_data_files": 3, "subject_data_answers": 0}
    assert [await store.prove(workshop, subject) for store in SUBJECT_DATA_STORES] == [0, 0]
    keys = {object_key(TENANT, UUID(file["id"])) for file in state["files"]}
    assert not keys & await stored_keys(workplace.storage)
    assert (await davi.get(path_of(state, state["files"][0]))).status_code == 404
    assert (await davi.get(path_of(kept, kept["files"][0]))).status_code == 200
    again = await davi.seen(f"{REQUESTS}/{state['request_id']}/subject-data")
    assert (again["state"], again["files"]) == ("complete", [])


async def test_copy_is_not_made_of_somebody_who_is_erased_meanwhile(
    davi: Person, ana: Person, neighbour: Neighbour, database: Database, workplace: Workplace
) -> None:
    client = await make_client(ana)
    neighbour.is_down(SUBJECT_DATA)
    state = await copied(davi, client_id=client["id"])
    erasure = await executed(davi, client_id=client["id"], type="erasure")
    before = await stored_keys(workplace.storage)
    neighbour.asked.clear()

    meanwhile = await retried(davi, state["request_id"])
    async with database.transaction(TENANT) as session:
        mine = PrivacyRequest.id == UUID(erasure["id"])
        done = sa.update(PrivacyRequest).where(mine).values(status=RequestStatus.COMPLETED)
        await session.execute(done)
    afterwards = await retried(davi, state["request_id"])

    assert (meanwhile["state"], meanwhile["waiting_for"]) == ("assembling", "erasure")
    assert (afterwards["state"], afterwards["files"]) == ("stopped", [])
    request = await davi.seen(f"{REQUESTS}/{state['request_id']}")
    assert request["status"] == "completed"
    assert request["receipt"]["copies"] == "not_made"
    assert request["receipt"]["because"] == "CLIENT_ALREADY_ERASED"
    assert await stored_keys(workplace.storage) == before
    assert SUBJECT_DATA not in [path for path, _ in neighbour.asked]


async def test_object_changed_in_the_storage_is_never_handed_over_whole(
    davi: Person, ana: Person, workplace: Workplace, app: FastAPI
) -> None:
    state = await copied(davi, client_id=(await make_client(ana))["id"])
    file = state["files"][0]
    key = object_key(TENANT, UUID(file["id"]))
    stored = bytearray(await workplace.storage.read(key))
    stored[-1] ^= 1

    async def changed() -> AsyncIterator[bytes]:
        yield bytes(stored)

    await workplace.storage.put_stream(key, changed(), max_bytes=len(stored))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://core.test") as quiet:
        answer = await quiet.get(path_of(state, file), headers=dict(davi.headers))

    assert len(answer.content) < file["size_bytes"]


async def test_object_that_is_not_there_is_a_file_that_does_not_exist(
    davi: Person, ana: Person, http: httpx.AsyncClient, workplace: Workplace, records: Records
) -> None:
    state = await copied(davi, client_id=(await make_client(ana))["id"])
    url = await link_to(davi, state)
    for file in state["files"]:
        await workplace.storage.delete(object_key(TENANT, UUID(file["id"])))

    assert (await davi.get(path_of(state, state["files"][0]))).status_code == 404
    assert (await http.get(url)).status_code == 401
    assert await records.audit("subject_data_file.downloaded") == []


@pytest.mark.committed
async def test_sweep_deletes_what_is_past_its_time_and_notes_it(
    davi: Person,
    ana: Person,
    http: httpx.AsyncClient,
    workplace: Workplace,
    superuser: asyncpg.Connection,
    records: Records,
) -> None:
    state = await copied(davi, client_id=(await make_client(ana))["id"])
    keys = {object_key(TENANT, UUID(file["id"])) for file in state["files"]}
    assert keys <= await stored_keys(workplace.storage)
    assert (await sweep(http))["expired"] == 0
    await superuser.execute("UPDATE crm.subject_data_files SET expires_at = now()")

    assert (await sweep(http))["expired"] == 2
    assert (await sweep(http))["expired"] == 0

    assert not keys & await stored_keys(workplace.storage)
    rows = await superuser.fetch("SELECT key_sealed, deleted_at FROM crm.subject_data_files")
    assert [row["key_sealed"] for row in rows] == [None, None]
    assert None not in [row["deleted_at"] for row in rows]
    noted = await records.audit("subject_data_file.expired")
    assert {row["subject_id"] for row in noted} == {file["id"] for file in state["files"]}


@pytest.mark.committed
async def test_objects_nobody_was_told_of_are_swept_and_living_ones_are_not(
    davi: Person, ana: Person, database: Database, workplace: Workplace
) -> None:
    state = await copied(davi, client_id=(await make_client(ana))["id"])
    living = {object_key(TENANT, UUID(file["id"])) for file in state["files"]}
    orphan = object_key(TENANT, new_id())

    async def content() -> AsyncIterator[bytes]:
        yield b"ninguem sabe"

    await workplace.storage.put_stream(orphan, content(), max_bytes=100)

    await sweep_objects(database, workplace.storage)
    assert orphan in await stored_keys(workplace.storage), "young ones may still get their row"
    await sweep_objects(database, workplace.storage, grace=timedelta(seconds=-5))

    left = {each.key async for each in workplace.storage.list(folder(TENANT))}
    assert living <= left
    assert orphan not in left


@pytest.mark.committed
async def test_two_who_make_the_same_copies_make_them_once(
    davi: Person, ana: Person, database: Database, workplace: Workplace, neighbour: Neighbour
) -> None:
    request = await executed(davi, client_id=(await make_client(ana))["id"])
    before = await stored_keys(workplace.storage)
    request_id = UUID(request["id"])

    await asyncio.gather(*(assemble_now(database, workplace, TENANT, request_id) for _ in range(4)))

    state = await davi.seen(f"{REQUESTS}/{request['id']}/subject-data")
    assert (state["state"], state["attempts"]) == ("complete", 1)
    assert len(await stored_keys(workplace.storage) - before) == len(state["files"]) == 2
    assert len([path for path, _ in neighbour.asked if path == SUBJECT_DATA]) == 1


@pytest.mark.committed
async def test_who_lost_the_claim_leaves_nothing_behind(
    davi: Person,
    ana: Person,
    database: Database,
    workplace: Workplace,
    superuser: asyncpg.Connection,
) -> None:
    request = await executed(davi, client_id=(await make_client(ana))["id"])
    before = await stored_keys(workplace.storage)

    async def slowly(_request: httpx.Request) -> httpx.Response:
        """Making the copies takes longer than the claim lasts: somebody else has it by then."""
        await superuser.execute(
            "UPDATE crm.subject_data_answers SET next_attempt_at = next_attempt_at + '1 s'"
        )
        return answered({"service": "ai-svc", "sections": [], "next_cursor": None})

    slow = ServiceClient(
        target="ai-svc",
        base_url="http://ai-svc.test",
        source="core-api",
        key=SecretStr("internal-key-of-core-api"),
        transport=httpx.MockTransport(slowly),
    )
    async with slow:
        await assemble_now(database, replace(workplace, ai_svc=slow), TENANT, UUID(request["id"]))

    state = await davi.seen(f"{REQUESTS}/{request['id']}/subject-data")
    assert (state["state"], state["files"]) == ("assembling", [])
    assert await stored_keys(workplace.storage) == before
