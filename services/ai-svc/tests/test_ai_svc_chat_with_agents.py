"""A conversation with the real agents and the built-in model: no key, no network."""

from typing import Any, Final

import pytest
import sqlalchemy as sa
from ai_svc_factories import HOLIDAYS, Person
from chat_factories import CONVERSATIONS, begin, heard, settled, text_of
from fastapi import FastAPI

pytestmark = pytest.mark.committed

ORDER: Final = ("start", "agent", "tool_call", "tool_result", "citation", "delta", "usage", "done")
QUESTION: Final = "Qual o valor do auxílio-creche?"


@pytest.fixture
async def chatting(app: FastAPI, clean: None) -> Any:
    """Whatever still runs ends before its rows are deleted."""
    yield
    await settled(app.state.runs)


@pytest.mark.usefixtures("chatting")
async def test_answer_quotes_what_is_stored_and_comes_in_order(app: FastAPI, ana: Person) -> None:
    document_id = await ana.index(HOLIDAYS)
    chat = await begin(app, ana)

    events = await heard(await chat.stream(QUESTION))

    names = list(dict.fromkeys(name for name, _, _ in events))
    assert names == [name for name in ORDER if name in names]
    assert {"start", "agent", "citation", "delta", "done"} <= set(names)
    done = events[-1][1]["answer"]
    answer = (await chat.messages())[1]
    assert (answer["status"], answer["agent"], answer["model"]) == (
        "done",
        "knowledge",
        "extractive",
    )
    assert answer["content"] == done["text"] == text_of(events).strip()
    assert "850,00" in answer["content"]
    content = await ana.content(document_id)
    for source in answer["sources"]:
        assert content[source["char_start"] : source["char_end"]] == source["quote"]


@pytest.mark.usefixtures("chatting")
async def test_question_nobody_wrote_about_is_declined_with_an_offer(
    app: FastAPI, ana: Person
) -> None:
    await ana.index(HOLIDAYS)
    chat = await begin(app, ana)

    body = {"content": "Qual é a capital da Mongólia?", "agent": "knowledge"}
    answer = (await ana.post(chat.path, json=body)).json()["data"]

    assert (answer["status"], answer["abstained"], answer["sources"]) == ("done", True, [])
    assert answer["offer"]["type"] == "open_ticket"


@pytest.mark.usefixtures("chatting")
async def test_words_of_a_deleted_document_are_gone_from_the_conversation(
    app: FastAPI, ana: Person, superuser: Any
) -> None:
    document_id = await ana.index(HOLIDAYS)
    chat = await begin(app, ana)
    await chat.send(QUESTION)

    await ana.call("DELETE", f"/api/v1/rag/documents/{document_id}")

    answer = (await chat.messages())[1]
    assert (answer["content"], answer["sources"]) == (None, [])
    left = await superuser.fetchval(
        "SELECT count(*) FROM ai.conversation_messages m WHERE m::text LIKE '%850,00%'"
    )
    assert left == 0


@pytest.mark.usefixtures("chatting")
async def test_message_costs_as_many_statements_however_much_was_said(
    app: FastAPI, ana: Person
) -> None:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    await ana.index(HOLIDAYS)
    chat = await begin(app, ana)
    engine = app.state.workshop.database.engines[0].sync_engine
    counts = []
    for number in range(4):
        sa.event.listen(engine, "before_cursor_execute", note)
        await chat.send(f"{QUESTION} {'?' * number}")
        await settled(app.state.runs)
        sa.event.remove(engine, "before_cursor_execute", note)
        counts.append(len(statements))
        statements.clear()

    assert counts[1] == counts[-1] <= 17


@pytest.mark.usefixtures("chatting")
async def test_history_is_read_with_as_many_statements_however_long_it_is(
    app: FastAPI, ana: Person, vera: Person
) -> None:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    async def counts() -> list[int]:
        """Of its messages, its export, the conversations and what is remembered, for two people."""
        found = []
        for reader in (ana, vera):
            for path in (
                f"{chat.path}?limit=100",
                f"{CONVERSATIONS}/{chat.id}/export",
                f"{CONVERSATIONS}?scope=shared",
                f"{CONVERSATIONS}/search?q=creche",
                "/api/v1/chat/memories",
                "/api/v1/chat/proposals",
            ):
                statements.clear()
                answer = await reader.get(path)
                assert answer.status_code == 200, answer.text
                found.append(len(statements))
        return found

    await ana.index(HOLIDAYS)
    chat = await begin(app, ana, visibility="organization")
    await chat.send("Lembre que prefiro respostas curtas.")
    await chat.send(QUESTION)
    await settled(app.state.runs)
    engine = app.state.workshop.database.engines[0].sync_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        few = await counts()
        for number in range(6):
            await chat.send(f"Anote que a sala {number} está livre.")
            await begin(app, ana, visibility="organization", title=f"Outra {number}")
            await chat.send(f"{QUESTION} {'?' * number}")
        await settled(app.state.runs)
        many = await counts()
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)

    assert many == few
    assert max(few) <= 5
