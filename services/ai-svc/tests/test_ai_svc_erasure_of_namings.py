"""A person whom texts name in words only, by no link, is taken out of them, and out of nothing
else."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from access_factories import AURORA, CoreApi
from ai_svc_erasing import Asking
from ai_svc_factories import INTERNAL_KEY, Person
from fastapi import FastAPI
from memory_factories import Chat, make_chat, make_proposal
from pydantic import SecretStr
from redis.asyncio import Redis
from traces import in_redis, in_tables

from ai_svc.modules.chat.models import MessageStatus
from ai_svc.modules.chat.words import found_by
from ai_svc.modules.memory.correcting import correct
from ai_svc.modules.memory.models import FactSource
from ai_svc.modules.memory.service import remember_fact
from ai_svc.modules.privacy import asking as asking_core_api
from ai_svc.modules.privacy.exceptions import CoreSilent
from ai_svc.modules.privacy.naming import Naming
from ai_svc.modules.privacy.wordings import WORDINGS
from ai_svc.personal_data import ASKED, PERSONAL_DATA
from chassis.data.columns import utc_now
from chassis.http.service_client import ServiceClient
from shared_schemas.ids import new_id
from shared_schemas.privacy import KnownPhone, KnownValues

KNOWN = KnownValues(
    names=["Júlia Conceição de Souza", "Júlia Tavares", "Júlia", "Иван Петров"],
    documents=["52998224725"],
    emails=["julia.souza@exemplo.com.br", "ivan.petrov@exemplo.com.br"],
    phones=[KnownPhone(country="55", national="11976512349")],
    ceps=["01310-100"],
)
NAMED = "Ligue para JULIA conceicao Souza, CPF 529.982.247-25."
UNNAMED = "Ligue para [nome], CPF [cpf]."
BESIDE = "Júlia pediu, e Souza também; CPF 529.982.247-26, tel. 11 97651-2340, CEP 01310-101."
PREVIEW = "/internal/v1/privacy/erasure-preview"


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (NAMED, UNNAMED),
        ("Sra. Julia  Tavares (52998224725)", "Sra. [nome] ([cpf])"),
        ("escreva a JULIA.SOUZA@exemplo.com.br", "escreva a [e-mail]"),
        ("julia.souza (arroba) exemplo ponto com ponto br", "[e-mail]"),
        ("+55 (11) 97651-2349 ou 7651.2349", "[telefone] ou [telefone]"),
        ("CEP 01310100", "CEP [cep]"),
        ("júlia\u200b conceição\u00a0souza", "[nome]"),
        ("JU\u0301LIACONCEIC\u0327A\u0303ODESOUZA", "[nome]"),
        ("５２９.９８２.２４７-２５", "[cpf]"),
        ("Иван Петров, ivan.petrov@exemplo.com.br", "[nome], [e-mail]"),
        (BESIDE, BESIDE),
        (UNNAMED, UNNAMED),
    ],
)
def test_only_whole_values_are_found_however_they_are_written(said: str, left: str) -> None:
    naming = Naming.of(KNOWN)

    assert naming.taken_out(said).text == left
    assert naming.is_in([said]) == (said != left)


def test_places_after_what_was_taken_out_move_with_it() -> None:
    said = "Ana e Julia Tavares vieram. Ninguém confirma."
    stretch = (said.index("Ninguém"), len(said))

    done = Naming.of(KNOWN).taken_out(said)

    assert done.text[slice(*map(done.moved, stretch))] == "Ninguém confirma."


def test_every_column_with_what_people_said_is_looked_through() -> None:
    words = {
        (table, column)
        for table, columns in PERSONAL_DATA.columns.items()
        for column, held in columns.items()
        if held == ASKED
    }
    looked_through = {
        (wordings.model.__tablename__, column)
        for wordings in WORDINGS
        for column in wordings.columns
    }
    # Digests, made anew or gone with what they were made of.
    digests = {
        ("cached_answers", "question_key"),
        ("memory_facts", "digest"),
        ("proposals", "arguments_sha256"),
    }

    assert words == looked_through | digests


@pytest.fixture
def asking_about_julia(asking: Asking) -> Asking:
    asking.known = KNOWN
    return asking


async def _said_everywhere(app: FastAPI, ana: Person) -> Chat:
    """Named in everything that holds words, with no link."""
    chat = await make_chat(app, title=NAMED)
    asked = await chat.say(NAMED, terms=" ".join(found_by(AURORA, NAMED) or ()))
    stretch = {"start": 0, "end": len(NAMED)}
    answer = {"text": NAMED, "agent": "desk", "model": "extractive", "unsupported": [stretch]}
    said = await chat.reply(asked, NAMED, answer=answer)
    await chat.judged(said, NAMED)
    await chat.remember(asked, NAMED)
    await chat.remember(said, NAMED, assistant=True)
    await make_proposal(chat, NAMED)
    told = [NAMED, "Anotar Júlia Tavares", "Anotar julia tavares!"]
    facts = [
        await remember_fact(chat.desk, actor=chat.actor, text=text, source=FactSource.SAID)
        for text in told
    ]
    fact_id = facts[-1]
    assert fact_id is not None
    keep_for = chat.desk.workshop.settings.memory.keep_for
    async with chat.desk.database.transaction(chat.actor.organization_id) as session:
        about = (session, chat.actor, fact_id)
        await correct(*about, text="Anotar tudo", expected=None, keep_for=keep_for)
    answers = [await ana.ask("Qual é o telefone de Julia Tavares?") for _ in range(2)]
    rated = await ana.post(
        f"/api/v1/rag/answers/{answers[0]['id']}/feedback",
        json={"rating": "down", "comment": NAMED, "corrected_answer": NAMED},
    )
    assert rated.status_code == 201, rated.text
    return chat


async def _texts(superuser: asyncpg.Connection) -> list[str]:
    found: list[str] = []
    for wordings in WORDINGS:
        for column in wordings.columns:
            rows = await superuser.fetch(
                f"SELECT {column}::text FROM ai.{wordings.model.__tablename__}"
                f" WHERE {column} IS NOT NULL ORDER BY 1"
            )
            found += [row[0] for row in rows]
    return found


async def _preview(ana: Person, client_id: UUID) -> int:
    return int((await _previewed(ana, client_id))["count"])


async def _previewed(ana: Person, client_id: UUID) -> dict[str, Any]:
    answer = await ana.http.post(
        PREVIEW,
        headers={"x-internal-key": INTERNAL_KEY, "x-source-service": "worker-svc"},
        json={
            "organization_id": str(AURORA),
            "client_ids": [str(client_id)],
            "known": KNOWN.model_dump(mode="json"),
        },
    )
    assert answer.status_code == 200, answer.text
    stores: list[dict[str, Any]] = answer.json()["data"]["stores"]
    return next(store for store in stores if store["store"] == "named_texts")


@pytest.mark.committed
@pytest.mark.usefixtures("nothing_stored")
async def test_a_person_named_in_words_only_is_taken_out_everywhere(
    app: FastAPI,
    ana: Person,
    core_api: CoreApi,
    asking_about_julia: Asking,
    superuser: asyncpg.Connection,
    redis: Redis,
) -> None:
    await core_api.purposes()
    julia = new_id()
    chat = await _said_everywhere(app, ana)
    naming = Naming.of(KNOWN)
    assert await in_redis(redis, [NAMED.encode()]) != []
    assert "conversation_messages" in await in_tables(superuser, [b"concei"])
    named = await _preview(ana, julia)
    assert named >= 10

    answer = await asking_about_julia.erase(julia)

    assert answer["erased"]["named_texts"] == named
    texts = await _texts(superuser)
    assert [text for text in texts if naming.is_in([text])] == []
    assert texts.count(UNNAMED) >= 6
    assert await in_redis(redis, [NAMED.encode()]) == []
    assert await chat.words() == [UNNAMED, UNNAMED]
    stretch = await superuser.fetchval(
        "SELECT answer -> 'unsupported' -> 0 ->> 'end' FROM ai.conversation_messages"
        " WHERE answer IS NOT NULL"
    )
    assert int(stretch) == len(UNNAMED)
    counts = {
        table: await superuser.fetchval(f"SELECT count(*) FROM ai.{table}")
        for table in ("memory_facts", "memory_corrections", "proposals", "cached_answers")
    }
    assert counts == {
        "memory_facts": 3,
        "memory_corrections": 0,
        "proposals": 0,
        "cached_answers": 0,
    }
    assert await in_tables(superuser, [b"concei", b"529.982"]) == {}  # stems too
    assert await _preview(ana, julia) == 0


@pytest.mark.committed
@pytest.mark.usefixtures("nothing_stored")
async def test_a_preview_that_counts_too_long_says_at_least(
    app: FastAPI,
    ana: Person,
    core_api: CoreApi,
    asking_about_julia: Asking,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await core_api.purposes()
    chat = await make_chat(app, title=NAMED)
    await chat.say(NAMED)
    julia = new_id()
    whole = await _previewed(ana, julia)
    assert (whole["count"], whole["is_at_least"]) == (2, False)

    monkeypatch.setattr("ai_svc.modules.privacy.wordings._COUNTED_SECONDS", 0.0)
    begun = await _previewed(ana, julia)

    assert (begun["count"], begun["is_at_least"]) == (1, True)
    assert (await asking_about_julia.erase(julia))["erased"]["named_texts"] == 2


@pytest.mark.committed
@pytest.mark.usefixtures("nothing_stored")
async def test_texts_of_others_stay_byte_for_byte(
    app: FastAPI,
    ana: Person,
    core_api: CoreApi,
    asking_about_julia: Asking,
    superuser: asyncpg.Connection,
) -> None:
    """Another client's, with their homonym in it; another organization's; and of half a name."""
    await core_api.purposes()
    pedro = new_id()
    await core_api.granted(pedro)
    about_pedro = await make_chat(app, title=NAMED, client_id=pedro)
    await about_pedro.reply(await about_pedro.say(NAMED, pedro), NAMED, pedro)
    chat = await make_chat(app, title=BESIDE)
    await chat.told(f"Lembre que {BESIDE}")
    await make_proposal(chat, NAMED, pedro)
    beto = await make_chat(app, "beto", title=NAMED)
    await beto.say(NAMED)
    before = await _texts(superuser)

    answer = await asking_about_julia.erase(new_id())

    assert answer["erased"]["named_texts"] == 0
    assert await _texts(superuser) == before


@pytest.mark.committed
@pytest.mark.usefixtures("nothing_stored")
async def test_page_by_page_and_killed_anywhere_each_is_counted_once(
    app: FastAPI,
    core_api: CoreApi,
    asking_about_julia: Asking,
    superuser: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ai_svc.modules.privacy.looking_through._AT_ONCE", 2)
    await core_api.purposes()
    chat = await make_chat(app)
    for number in range(7):
        await chat.say(f"{number}. {NAMED}" if number % 3 else BESIDE)

    answer = await asking_about_julia.erase(new_id())

    assert answer["erased"]["named_texts"] == 4
    said = await superuser.fetch("SELECT content FROM ai.conversation_messages ORDER BY id")
    assert [row["content"] for row in said][:3] == [BESIDE, f"1. {UNNAMED}", f"2. {UNNAMED}"]


@pytest.mark.committed
@pytest.mark.usefixtures("nothing_stored")
async def test_an_answer_that_is_being_written_is_waited_for(
    app: FastAPI,
    core_api: CoreApi,
    asking_about_julia: Asking,
    superuser: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await core_api.purposes()
    chat = await make_chat(app)
    soon = utc_now() + timedelta(minutes=2)
    running = {"status": MessageStatus.RUNNING, "run_expires_at": soon}
    answer = await chat.reply(await chat.say("Para quem ligo?"), None, **running)
    waited = 0

    async def while_it_waits(_seconds: float) -> None:
        nonlocal waited
        waited += 1
        assert await asking_about_julia.answers() == []
        await superuser.execute(
            "UPDATE ai.conversation_messages SET status = 'done', content = $1,"
            " run_expires_at = NULL, finished_at = now() WHERE id = $2",
            NAMED,
            answer,
        )

    monkeypatch.setattr(asyncio, "sleep", while_it_waits)
    await asking_about_julia.request(new_id())
    await asking_about_julia.eraser().drain_once("tests")

    said = "SELECT content FROM ai.conversation_messages WHERE id = $1"
    assert await superuser.fetchval(said, answer) == UNNAMED
    assert (waited, len(await asking_about_julia.answers())) == (1, 1)


@pytest.mark.committed
@pytest.mark.usefixtures("nothing_stored")
async def test_while_core_api_does_not_say_who_it_is_the_erasure_waits(
    app: FastAPI, core_api: CoreApi, asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    await core_api.purposes()
    chat = await make_chat(app)
    await chat.say(NAMED)

    async def silent(*_: Any) -> KnownValues:
        raise CoreSilent

    with monkeypatch.context() as patched:
        patched.setattr(asking, "_known_of", silent)
        await asking.request(new_id())
        await asking.eraser().drain_once("tests")

    assert await asking.answers() == []
    assert await asking.states() == [("pending", "ERASURE_VALUES_UNAVAILABLE", 1)]


@pytest.mark.parametrize("status", [404, 500, 503])
async def test_whatever_core_api_answers_but_the_values_is_silence(status: int) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json={"code": "X"}))
    async with ServiceClient(
        target="core-api",
        base_url="http://core-api",
        source="ai-svc",
        key=SecretStr("k"),
        transport=transport,
    ) as client:
        with pytest.raises(CoreSilent):
            await asking_core_api.known_values(client, AURORA, new_id())
