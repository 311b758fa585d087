"""Erasing under load, killed at every boundary, and with an object storage that is down."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from access_factories import CoreApi
from ai_svc_erasing import (
    DUE,
    FREE,
    LATER,
    QUESTION,
    WORD,
    Asking,
    Killed,
    Mortal,
    about,
    plant,
)
from ai_svc_factories import DOCUMENTS, Person
from ai_svc_uploading import begin
from fastapi import FastAPI
from redis.asyncio import Redis
from traces import forms_of, in_objects, in_redis, in_tables

from ai_svc.workshop import Workshop
from chassis.data.object_storage import ListedObject, ObjectStorage
from knowledge.lexical import statistics
from shared_schemas.ids import new_id

pytestmark = [pytest.mark.committed, pytest.mark.usefixtures("nothing_stored")]

FORMS = forms_of(WORD)


class Unreliable(ObjectStorage):
    """Down; or killed right before, or right after something was deleted."""

    def __init__(self, like: ObjectStorage, *, kills: str | None = None) -> None:
        super().__init__(like._store)
        self.kills = kills
        self.down = kills is None

    async def delete_prefix(self, prefix: str, *, keep: str | None = None) -> int:
        if self.down:
            raise OSError("the storage is down")
        if self.kills == "before":
            raise Killed
        gone = await super().delete_prefix(prefix, keep=keep)
        if self.kills == "after":
            raise Killed
        return gone


class Forgetful(ObjectStorage):
    """Says it deleted, and did not."""

    async def delete_prefix(self, prefix: str, *, keep: str | None = None) -> int:
        return len(prefix + (keep or ""))


@pytest.mark.parametrize("before_commit", [True, False])
async def test_killed_at_every_boundary_it_ends_once_and_with_the_same_counts(
    ana: Person,
    asking: Asking,
    core_api: CoreApi,
    superuser: asyncpg.Connection,
    objects: Path,
    *,
    before_commit: bool,
) -> None:
    helena, twin = new_id(), new_id()
    await plant(ana, core_api, twin)
    whole = await asking.erase(twin)
    await plant(ana, core_api, helena)
    await asking.request(helena)
    database = asking.workshop.database
    killed = 0
    while True:
        # One transaction further each time; whoever takes over begins with what is left.
        queue = Mortal(database, at=killed + 1, before_commit=before_commit)
        try:
            await asking.eraser(queue=queue).drain_once("tests")
        except Killed:
            killed += 1
            assert len(await asking.answers()) <= 2
            await superuser.execute(FREE)
        else:
            break

    answers = await asking.answers()
    assert killed > 10
    assert len(answers) == 2
    assert answers[1]["erased"] == whole["erased"]
    assert await in_tables(superuser, FORMS) == {}
    assert in_objects(objects, FORMS) == []


@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_between_rows_and_objects_nothing_is_forgotten(
    ana: Person,
    asking: Asking,
    core_api: CoreApi,
    superuser: asyncpg.Connection,
    objects: Path,
    when: str,
) -> None:
    helena = new_id()
    await plant(ana, core_api, helena)
    await asking.request(helena)
    with pytest.raises(Killed):
        await asking.eraser(Unreliable(asking.workshop.storage, kills=when)).drain_once("a")
    assert await asking.answers() == []

    await superuser.execute(FREE)
    await asking.eraser().drain_once("b")

    assert len(await asking.answers()) == 1
    assert await in_tables(superuser, FORMS) == {}
    assert in_objects(objects, FORMS) == []


async def test_while_the_storage_is_down_it_stays_open_and_says_why(
    ana: Person,
    asking: Asking,
    core_api: CoreApi,
    superuser: asyncpg.Connection,
    objects: Path,
) -> None:
    helena = new_id()
    await plant(ana, core_api, helena)
    await asking.request(helena)
    storage = Unreliable(asking.workshop.storage)
    await asking.eraser(storage).drain_once("tests")

    assert await asking.answers() == []
    assert await asking.states() == [("pending", "ERASURE_STORAGE_UNAVAILABLE", 1)]
    assert await in_tables(superuser, [WORD[:-3].encode()]) == {"lexical_statistics": 1}
    assert in_objects(objects, FORMS)

    storage.down = False
    await superuser.execute(DUE)
    await asking.eraser(storage).drain_once("tests")

    assert len(await asking.answers()) == 1
    assert await in_tables(superuser, FORMS) == {}
    assert in_objects(objects, FORMS) == []


async def test_what_is_not_proven_is_not_claimed(
    ana: Person, asking: Asking, core_api: CoreApi
) -> None:
    helena = new_id()
    await plant(ana, core_api, helena)
    await asking.request(helena)

    await asking.eraser(Forgetful(asking.workshop.storage._store)).drain_once("tests")

    assert await asking.answers() == []
    assert await asking.states() == [("pending", "ERASURE_NOT_PROVEN", 1)]


async def test_somebody_else_counting_words_is_waited_for(
    ana: Person, asking: Asking, core_api: CoreApi, superuser: asyncpg.Connection
) -> None:
    helena = new_id()
    await core_api.purposes()
    await ana.index(f"Helena mora na rua {WORD}.", **about(helena))
    await asking.request(helena)
    workshop = asking.workshop
    async with workshop.database.transaction(asking.organization_id) as session:
        assert await statistics.claim_rebuild(session, asking.organization_id)
        await asking.eraser().drain_once("tests")
        waiting = await asking.states()
    await superuser.execute(DUE)
    await asking.eraser().drain_once("tests")

    assert waiting == [("pending", "ERASURE_WAITS", 1)]
    assert len(await asking.answers()) == 1
    assert await in_tables(superuser, FORMS) == {}


async def test_a_page_that_is_being_fetched_is_waited_for(
    ana: Person, asking: Asking, core_api: CoreApi, superuser: asyncpg.Connection
) -> None:
    helena = new_id()
    await core_api.purposes()
    sent = await ana.post(DOCUMENTS, json={"url": "https://example.org/a", **about(helena)})
    document_id = sent.json()["data"]["id"]
    storage = asking.workshop.storage
    await ana.ingestion.queue.claim("a worker", 1)
    await asking.request(helena)
    await asking.eraser().drain_once("tests")
    waiting = await asking.states()

    async def body() -> AsyncIterator[bytes]:
        yield WORD.encode()

    key = f"{asking.organization_id}/{document_id}/late/original"
    await storage.put_stream(key, body(), max_bytes=100)
    await superuser.execute("UPDATE ai.erasure_objects SET not_before = now()")
    await superuser.execute(DUE)
    await asking.eraser().drain_once("tests")

    assert waiting == [("pending", "ERASURE_WAITS", 1)]
    assert len(await asking.answers()) == 1
    assert [listed async for listed in _of(storage, asking, document_id)] == []


def _of(storage: ObjectStorage, asking: Asking, document_id: str) -> AsyncIterator[ListedObject]:
    return storage.list(f"{asking.organization_id}/{document_id}/")


class Load:
    """People who go on asking about the client and adding to it, and a worker that indexes."""

    def __init__(self, people: list[Person], client_id: UUID) -> None:
        self.over = asyncio.Event()
        self.refused = 0
        self._client_id = client_id
        self._tasks = [asyncio.create_task(self._ask(person)) for person in people]
        self._tasks += [asyncio.create_task(self._add(person)) for person in people[:1]]

    async def _ask(self, person: Person) -> None:
        while not self.over.is_set():
            named = {"filters": {"client_id": str(self._client_id)}}
            asked = await person.post("/api/v1/rag/ask", json={"question": QUESTION, **named})
            self._note(asked.status_code, {200})

    async def _add(self, person: Person) -> None:
        number = 0
        while not self.over.is_set():
            number += 1
            fields = about(self._client_id)
            text = f"{LATER} Aviso {number}."
            sent = await person.post(DOCUMENTS, json={"text": text, **fields})
            self._note(sent.status_code, {202})
            begun = await begin(person, 100, filename=f"{WORD}.txt", **fields)
            self._note(begun.status_code, {201, 429, 409})
            await person.post(f"{DOCUMENTS}/batch", json={"items": [{"text": text, **fields}]})
            await person.ingestion.drain_once("beside")

    def _note(self, status: int, usual: set[int]) -> None:
        assert status in usual | {409}, status
        self.refused += status == 409

    async def end(self) -> None:
        self.over.set()
        await asyncio.gather(*self._tasks)


async def test_erasing_under_load_leaves_nothing(
    ana: Person,
    vera: Person,
    asking: Asking,
    core_api: CoreApi,
    redis: Redis,
    superuser: asyncpg.Connection,
    objects: Path,
) -> None:
    helena = new_id()
    await plant(ana, core_api, helena)
    load = Load([ana, vera], helena)

    await asking.request(helena)
    while not await asking.answers():
        await superuser.execute(DUE)
        await asking.eraser().drain_once("tests")
    await load.end()

    assert load.refused
    assert len(await asking.answers()) == 1
    assert await in_tables(superuser, FORMS) == {}
    assert await in_redis(redis, FORMS) == []
    assert in_objects(objects, FORMS) == []


async def test_what_was_being_submitted_is_waited_for_and_erased(
    ana: Person, app: FastAPI, asking: Asking, core_api: CoreApi, superuser: asyncpg.Connection
) -> None:
    """A submission that has not committed yet is either erased, or refused: it never slips in."""
    workshop: Workshop = app.state.workshop
    helena = new_id()
    await core_api.purposes()
    document_id = await ana.index("Um aviso para todos.")
    async with workshop.database.transaction(asking.organization_id) as session:
        connection = await session.connection()
        await connection.exec_driver_sql(
            "UPDATE ai.documents SET visibility = 'client', client_id = $1, purpose_code = 'p',"
            f" legal_basis = 'contract', title = '{WORD}' WHERE id = $2",
            (helena, document_id),
        )
        waiting = asyncio.create_task(asking.request(helena))
        while not waiting.done() and not await superuser.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'"
        ):
            continue  # every look is a round trip: nothing spins
        assert not waiting.done()
    await waiting
    await asking.eraser().drain_once("tests")

    assert (await asking.answers())[0]["erased"]["documents"] == 1
    assert await in_tables(superuser, FORMS) == {}
