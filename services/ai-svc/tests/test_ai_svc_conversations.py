"""Conversations: begun, listed, renamed, shared, found, exported, deleted, by who may."""

from typing import Any

import httpx
import pytest
from ai_svc_factories import Person
from chat_factories import CONVERSATIONS, QUESTION, WHOLE, Chat, Scripted, begin
from fastapi import FastAPI

from ai_svc.modules.agents.events import Source
from devstack.token_factory import TokenFactory
from knowledge.ingestion import Ingestion
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed


async def conversation(person: Person, conversation_id: str) -> httpx.Response:
    return await person.get(f"{CONVERSATIONS}/{conversation_id}")


async def titles(person: Person, **query: Any) -> list[str]:
    answer = await person.get(CONVERSATIONS, params=query)
    assert answer.status_code == 200, answer.text
    return [each["title"] for each in answer.json()["data"]]


async def share(chat: Chat) -> None:
    answer = await chat.person.call(
        "PATCH", f"{CONVERSATIONS}/{chat.id}", json={"visibility": "organization"}
    )
    assert answer.status_code == 200, answer.text


async def test_conversation_is_begun_and_read(ana: Person) -> None:
    ticket_id = new_id()

    made = await ana.post(CONVERSATIONS, json={"title": " Férias ", "ticket_id": str(ticket_id)})
    read = await ana.get(made.headers["location"])

    assert made.status_code == 201
    assert read.headers["etag"] == made.headers["etag"] == '"1"'
    data = read.json()["data"]
    assert data == made.json()["data"]
    assert (data["title"], data["visibility"], data["is_own"]) == ("Férias", "private", True)
    assert (data["ticket_id"], data["client_id"], data["message_count"]) == (
        str(ticket_id),
        None,
        0,
    )


async def test_beginning_twice_with_one_key_is_one_conversation(ana: Person) -> None:
    key = {"idempotency-key": "chat-1"}

    first = await ana.post(CONVERSATIONS, json={"title": "Férias"}, headers=key)
    again = await ana.post(CONVERSATIONS, json={"title": "Férias"}, headers=key)
    other = await ana.post(CONVERSATIONS, json={"title": "Outra"}, headers=key)

    assert again.json()["data"] == first.json()["data"]
    assert other.status_code == 409
    assert await titles(ana) == ["Férias"]


@pytest.mark.parametrize(
    "body",
    [
        {"title": ""},
        {"title": "x" * 201},
        {"title": "\u200b\u2060"},
        {"visibility": "public"},
        {"client_id": "joão"},
        {"owner_id": str(new_id())},
    ],
)
async def test_bad_conversation_is_refused(ana: Person, body: dict[str, Any]) -> None:
    answer = await ana.post(CONVERSATIONS, json=body)

    assert answer.status_code == 422
    assert await titles(ana) == []


async def test_pages_hold_every_conversation_once_latest_first(
    app: FastAPI, ana: Person, scripted: Scripted
) -> None:
    chats = [await begin(app, ana, title=f"Conversa {number}") for number in range(5)]
    await chats[1].send()
    seen: list[str] = []
    cursor = None

    for _ in range(3):
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await ana.get(CONVERSATIONS, params=query)).json()
        seen += [each["title"] for each in page["data"]]
        cursor = page["meta"]["next_cursor"]

    assert seen == [f"Conversa {number}" for number in (1, 4, 3, 2, 0)]
    assert cursor is None


async def test_renaming_needs_the_version_that_is_there(app: FastAPI, ana: Person) -> None:
    chat = await begin(app, ana, title="Férias")
    path = f"{CONVERSATIONS}/{chat.id}"

    first = await ana.call("PATCH", path, json={"title": "B"}, headers={"if-match": '"1"'})
    stale = await ana.call("PATCH", path, json={"title": "C"}, headers={"if-match": '"1"'})

    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    assert stale.status_code == 412
    assert (await conversation(ana, chat.id)).json()["data"]["title"] == "B"


async def test_a_message_leaves_the_version_and_gives_a_title(
    app: FastAPI, ana: Person, scripted: Scripted
) -> None:
    chat = await begin(app, ana)
    before = (await conversation(ana, chat.id)).json()["data"]
    await chat.send(f"{QUESTION}\n\n" + "E mais isto. " * 20)

    after = (await conversation(ana, chat.id)).json()["data"]
    assert before["title"] == "Nova conversa"
    assert after["title"].startswith(QUESTION)
    assert len(after["title"]) <= 80
    assert (after["version"], after["message_count"]) == (1, 2)


async def test_private_conversation_is_nobody_elses(
    app: FastAPI, ana: Person, vera: Person, beto: Person, scripted: Scripted
) -> None:
    chat = await begin(app, ana)
    message = await chat.send()
    absent = (await conversation(vera, str(new_id()))).json()
    path = f"{CONVERSATIONS}/{chat.id}"
    one = f"{path}/messages/{message['id']}"

    for person in (vera, beto):
        answers = [
            await person.get(path),
            await person.call("PATCH", path, json={"title": "Meu"}),
            await person.call("DELETE", path),
            await person.get(f"{path}/export"),
            await person.get(f"{path}/messages"),
            await person.post(f"{path}/messages", json={"content": QUESTION}),
            await person.get(one),
            await person.get(f"{one}/events"),
            await person.post(f"{one}/stop"),
            await person.post(f"{one}/regenerate", json={}),
            await person.post(f"{one}/feedback", json={"rating": "up"}),
        ]
        assert [answer.status_code for answer in answers] == [404] * len(answers)
        for answer in answers:
            body = answer.json()
            assert {**body, "request_id": ""} == {**absent, "request_id": ""}
        assert await titles(person) == await titles(person, scope="shared") == []
    assert len(await chat.messages()) == 2


async def test_shared_conversation_is_read_by_others_and_written_by_its_owner(
    app: FastAPI, ana: Person, vera: Person, beto: Person, scripted: Scripted
) -> None:
    chat = await begin(app, ana, title="Férias")
    message = await chat.send()
    await share(chat)
    path = f"{CONVERSATIONS}/{chat.id}"
    one = f"{path}/messages/{message['id']}"

    read = [await vera.get(each) for each in (path, f"{path}/messages", one, f"{path}/export")]
    written = [
        await vera.call("PATCH", path, json={"title": "Meu"}),
        await vera.call("DELETE", path),
        await vera.post(f"{path}/messages", json={"content": QUESTION}),
        await vera.post(f"{one}/stop"),
        await vera.post(f"{one}/regenerate", json={}),
        await vera.get(f"{one}/events"),
    ]

    assert [answer.status_code for answer in read] == [200] * 4
    assert read[0].json()["data"]["is_own"] is False
    assert read[2].json()["data"]["content"] == WHOLE
    assert {answer.status_code for answer in written} == {403}
    assert {answer.json()["code"] for answer in written} == {"CONVERSATION_READ_ONLY"}
    assert (await titles(vera), await titles(vera, scope="shared")) == ([], ["Férias"])
    assert await titles(ana, scope="shared") == []
    assert (await conversation(beto, chat.id)).status_code == 404


async def test_shared_answer_says_no_more_than_its_documents_would(
    app: FastAPI, ana: Person, vera: Person, scripted: Scripted
) -> None:
    secret = await ana.index(
        "Salários dos diretores: R$ 90.000,00.", "Sigilo", visibility="restricted"
    )
    scripted.document_ids = [secret]
    scripted.sources = [source(str(secret))]
    chat = await begin(app, ana, title="Férias")
    message = await chat.send()
    await share(chat)
    path = f"{CONVERSATIONS}/{chat.id}"

    read = (await vera.get(f"{path}/messages/{message['id']}")).json()["data"]
    exported = await vera.get(f"{path}/export", params={"format": "markdown"})
    found = await vera.get(f"{CONVERSATIONS}/search", params={"q": "portal"})

    assert (read["withheld"], read["content"], read["sources"]) == (True, None, [])
    assert WHOLE not in exported.text
    assert "não pode consultar" in exported.text
    assert found.json()["data"] == []
    assert (await chat.messages())[1]["content"] == WHOLE
    judged = await vera.post(f"{path}/messages/{message['id']}/feedback", json={"rating": "up"})
    assert judged.status_code == 409


async def test_shared_answer_about_a_client_needs_a_purpose_in_force(
    app: FastAPI, ana: Person, vera: Person, core_api: Any, scripted: Scripted
) -> None:
    client_id = new_id()
    scripted.client_ids = [client_id]
    chat = await begin(app, ana)
    await chat.send()
    await share(chat)

    before = (await vera.get(chat.path)).json()["data"]
    await core_api.purpose("atendimento")
    after = (await vera.get(chat.path)).json()["data"]

    assert [each["withheld"] for each in before] == [False, True]
    assert [each["withheld"] for each in after] == [False, False]


async def test_words_are_found_in_any_form_and_only_ones_own(
    app: FastAPI, ana: Person, vera: Person, beto: Person, scripted: Scripted
) -> None:
    first = await begin(app, ana, title="A")
    await first.send("Onde peço licença-maternidade?")
    second = await begin(app, ana, title="B")
    scripted.sentences = ("As licenças são pedidas no balcão.",)
    await second.send("E as outras?")
    await (await begin(app, beto)).send("licença")

    async def search(person: Person, q: str) -> list[str]:
        answer = await person.get(f"{CONVERSATIONS}/search", params={"q": q})
        assert answer.status_code == 200, answer.text
        return [each["conversation"]["title"] for each in answer.json()["data"]]

    assert await search(ana, "LICENCA") == ["B", "A"]
    assert await search(ana, "licenças balcão") == ["B"]
    assert await search(ana, "licença inexistente") == []
    assert await search(ana, "de a o") == []
    assert await search(ana, "'); DROP & | ! <->") == []
    assert await search(vera, "licença") == []
    found = await ana.get(f"{CONVERSATIONS}/search", params={"q": "balcão"})
    assert found.json()["data"][0]["excerpt"] == "As licenças são pedidas no balcão."
    assert (await ana.get(f"{CONVERSATIONS}/search", params={"q": ""})).status_code == 422


async def test_export_holds_everything_and_stays_text(
    app: FastAPI, ana: Person, scripted: Scripted
) -> None:
    document_id = await ana.index("As férias são de 30 dias corridos por ano.")
    scripted.document_ids = [document_id]
    scripted.sources = [source(str(document_id))]
    scripted.sentences = ("# Não é título\n1. nem lista <b>x</b> ![a](http://mau.example/)",)
    chat = await begin(app, ana, title="Férias")
    await chat.send()

    data = (await ana.get(f"{CONVERSATIONS}/{chat.id}/export")).json()["data"]
    text = await ana.get(f"{CONVERSATIONS}/{chat.id}/export", params={"format": "markdown"})

    assert [each["content"] for each in data["messages"]] == [QUESTION, scripted.sentences[0]]
    assert data["conversation"]["title"] == "Férias"
    assert data["messages"][1]["sources"][0]["document_id"] == str(document_id)
    assert text.headers["content-type"].startswith("text/markdown")
    assert "attachment" in text.headers["content-disposition"]
    assert text.text.startswith("# Férias\n")
    assert (
        "\\# Não é título\n1\\. nem lista &lt;b>x&lt;/b> ![a]\\(http://mau.example/)" in text.text
    )
    assert '1. Manual: "As férias são de 30 dias"' in text.text


async def test_deleted_conversation_leaves_nothing(
    app: FastAPI, ana: Person, superuser: Any, redis: Any, scripted: Scripted
) -> None:
    scripted.client_ids = [new_id()]
    chat = await begin(app, ana)
    message = await chat.send()
    await ana.post(f"{chat.path}/{message['id']}/feedback", json={"rating": "down"})
    assert await redis.keys("chat:*") != []

    answer = await ana.call("DELETE", f"{CONVERSATIONS}/{chat.id}")

    assert answer.status_code == 204
    assert (await conversation(ana, chat.id)).status_code == 404
    for table in (
        "conversations",
        "conversation_messages",
        "message_clients",
        "message_documents",
        "message_feedback",
    ):
        assert await superuser.fetchval(f"SELECT count(*) FROM ai.{table}") == 0
    assert await redis.keys("chat:*") == []


async def test_answer_loses_its_words_with_a_document_it_stood_on(
    app: FastAPI, ana: Person, scripted: Scripted
) -> None:
    document_id = await ana.index("As férias são de 30 dias corridos por ano.")
    scripted.document_ids = [document_id]
    scripted.sources = [source(str(document_id))]
    chat = await begin(app, ana)
    await chat.send()

    await ana.call("DELETE", f"/api/v1/rag/documents/{document_id}")

    question, answer = await chat.messages()
    assert question["content"] == QUESTION
    assert (answer["status"], answer["content"], answer["sources"]) == ("done", None, [])
    found = await ana.get(f"{CONVERSATIONS}/search", params={"q": "portal"})
    assert found.json()["data"] == []


async def test_who_may_not_chat_is_refused(
    http: httpx.AsyncClient, ingestion: Ingestion, token_factory: TokenFactory, clean: None
) -> None:
    token = token_factory.token("vera", realm_access={"roles": []})
    nobody = Person(http, {"authorization": f"Bearer {token}"}, ingestion)
    path = f"{CONVERSATIONS}/{new_id()}"

    answers = [
        await nobody.post(CONVERSATIONS, json={}),
        await nobody.get(CONVERSATIONS),
        await nobody.get(f"{path}/messages"),
        await nobody.post(f"{path}/messages", json={"content": QUESTION}),
        await http.get(CONVERSATIONS),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403, 403, 401]


async def test_conversations_past_their_time_are_forgotten(
    app: FastAPI, ana: Person, superuser: Any, scripted: Scripted
) -> None:
    old, young = await begin(app, ana, title="A"), await begin(app, ana, title="B")
    await old.send()
    await superuser.execute(
        "UPDATE ai.conversations SET active_at = now() - interval '181 days' WHERE title = 'A'"
    )

    answer = await ana.http.post(
        "/internal/v1/maintenance/prune",
        headers={"x-source-service": "worker-svc", "x-internal-key": "internal-key-of-worker-svc"},
    )

    assert answer.json()["data"]["conversations"] == 1
    assert await titles(ana) == ["B"]
    assert (await conversation(ana, young.id)).status_code == 200


def source(document_id: str) -> Source:
    return Source(
        number=1,
        document_id=document_id,
        version=1,
        title="Manual",
        page=None,
        heading=None,
        quote="As férias são de 30 dias",
        char_start=0,
        char_end=24,
        similarity=0.9,
    )
