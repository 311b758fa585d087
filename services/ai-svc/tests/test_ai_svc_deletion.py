"""Deleting under load: the next search has nothing, nor has any table, stream, cache or object."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from ai_svc_factories import DOCUMENTS, Person
from redis.asyncio import Redis
from traces import forms_of, in_objects, in_redis, in_tables

pytestmark = pytest.mark.committed

WORD = "quixabeirense"
FORMS = forms_of(WORD)
TEXT = f"O apelido do galpão de Sobral é {WORD}. Ele abre às nove horas."
LATER = f"O apelido do galpão de Sobral é {WORD}, desde 1998. Ele abre às oito horas."
OTHER = "O refeitório de Sobral serve almoço das 11h30 às 14h."
QUESTION = "Qual é o apelido do galpão de Sobral?"
MANY = 60
"""Documents beside it: so many that one less does not make the count of words stale."""
CONVERSATIONS = "/api/v1/chat/conversations"


async def lived(person: Person) -> UUID:
    """A document among others with all that can be derived: versions of each kind, one of them
    failed and tried again, a corrected passage, answers that were asked twice and rated, and a
    conversation about it."""
    for number in range(MANY):
        await person.post(DOCUMENTS, json={"text": f"{OTHER} Comunicado {number}."})
    sent = await person.post(
        DOCUMENTS,
        files={"file": (f"{WORD}.txt", TEXT.encode())},
        data={"title": f"Sobre o {WORD}", "tags": WORD, "external_id": f"id-{WORD}"},
        headers={"idempotency-key": f"chave-{WORD}"},
    )
    assert sent.status_code == 202, sent.text
    document_id = UUID(sent.json()["data"]["id"])
    path = f"{DOCUMENTS}/{document_id}"
    await person.ingestion.drain_once("tests")
    await person.post(f"{path}/versions", json={"text": LATER})
    await person.ingestion.drain_once("tests")
    await person.post(f"{path}/versions", files={"file": (f"{WORD}.pdf", b"%PDF-1.7 broken")})
    await person.ingestion.drain_once("tests")
    assert (await person.post(f"{path}/retry")).status_code == 202
    await person.ingestion.drain_once("tests")
    await _edited(person, path)
    await _asked(person)
    await _talked(person)
    return document_id


async def _edited(person: Person, path: str) -> None:
    (chunk, *_) = (await person.get(f"{path}/chunks")).json()["data"]
    corrected = await person.call(
        "PATCH",
        f"{path}/chunks/{chunk['id']}",
        json={"text": chunk["content"].replace("oito", "dez")},
    )
    assert corrected.status_code == 202, corrected.text
    await person.ingestion.drain_once("tests")


async def _asked(person: Person) -> None:
    answers = [await person.ask(QUESTION) for _ in range(2)]
    assert all(WORD in answer["answer"] for answer in answers), answers
    (answer, _) = answers
    rated = await person.post(
        f"/api/v1/rag/answers/{answer['id']}/feedback",
        json={"rating": "down", "comment": "Mudou.", "corrected_answer": "Outro apelido."},
    )
    assert rated.status_code in {200, 201, 204}, rated.text


async def _talked(person: Person) -> None:
    """Twice, so that the first answer is at hand for the second."""
    begun = await person.post(CONVERSATIONS, json={"title": "Galpões"})
    path = f"{CONVERSATIONS}/{begun.json()['data']['id']}/messages"
    for _ in range(2):
        said = await person.post(path, json={"content": QUESTION, "agent": "knowledge"})
        assert WORD in said.json()["data"]["content"], said.text


class Load:
    """People who go on searching and asking, and a worker that goes on indexing."""

    def __init__(self, people: list[Person]) -> None:
        self.over = asyncio.Event()
        self.is_heard = asyncio.Event()
        self._tasks = [asyncio.create_task(self._ask(person)) for person in people]
        self._tasks.append(asyncio.create_task(self._index(people[0])))

    async def _ask(self, person: Person) -> None:
        while not self.over.is_set():
            found = str(await person.search(QUESTION)) + str(await person.ask(QUESTION))
            if WORD in found:
                self.is_heard.set()

    async def _index(self, person: Person) -> None:
        number = 0
        while not self.over.is_set():
            number += 1
            await person.post(DOCUMENTS, json={"text": f"{OTHER} Aviso {number}."})
            await person.ingestion.drain_once("beside")

    async def end(self) -> None:
        self.over.set()
        await asyncio.gather(*self._tasks)


async def test_deleting_under_load_leaves_nothing(
    ana: Person, vera: Person, redis: Redis, superuser: asyncpg.Connection, objects: Path
) -> None:
    document_id = await lived(ana)
    before = await in_tables(superuser, FORMS)
    assert {"documents", "document_versions", "chunks", "lexical_statistics"} <= set(before)
    assert {"conversation_messages", "answers", "chunk_edits"} <= set(before)
    assert {"chat", "memory"} <= {name.partition(":")[0] for name in await in_redis(redis, FORMS)}
    assert in_objects(objects, FORMS)
    load = Load([ana, vera, vera])
    await load.is_heard.wait()

    deleted = await ana.call("DELETE", f"{DOCUMENTS}/{document_id}")
    next_ones: list[Any] = [
        await ana.search(QUESTION),
        await vera.search(WORD),
        (await ana.ask(QUESTION))["answer"],
        (await ana.get(DOCUMENTS, params={"limit": 100})).json()["data"],
    ]
    await load.end()

    assert deleted.status_code == 204, deleted.text
    assert WORD not in str(next_ones)
    assert await in_tables(superuser, FORMS) == {}
    assert await in_redis(redis, FORMS) == []
    assert in_objects(objects, FORMS) == []


async def test_the_scan_finds_what_it_looks_for(
    ana: Person, redis: Redis, superuser: asyncpg.Connection
) -> None:
    """In text, arrays, JSON, bytes and sparse vectors, and in every kind of Redis value."""
    await ana.index(TEXT, f"Sobre o {WORD}", tags=[WORD])
    await redis.xadd("fluxo", {"envelope": WORD})
    await redis.hset("mapa", mapping={"a": WORD.upper()})
    await redis.rpush("lista", WORD)
    await redis.sadd("conjunto", WORD)
    await redis.zadd("ordem", {WORD: 1})
    await redis.set("texto", f"um {WORD}")

    names = await in_redis(redis, FORMS)
    only_hashed = await in_tables(superuser, FORMS[1:])

    assert set(names) >= {"fluxo", "mapa", "lista", "conjunto", "ordem", "texto"}
    assert {"lexical_statistics", "chunks"} <= set(only_hashed)
    assert set(await in_tables(superuser, FORMS[:1])) >= {"documents", "chunks"}
