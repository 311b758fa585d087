"""An answer while it is written: verified before it is final, stopped when nobody listens."""

import json
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from ai_svc_factories import DOCUMENTS, HOLIDAYS, Person
from ai_svc_provider import (
    ASK,
    MODEL,
    answering_through,
    events_of,
    listen,
    quoting,
    streamed,
    text_of,
)
from fastapi import FastAPI
from wire.openai_wire import OpenAIWire
from wire.replies import Refuses, Reply, says

from ai_svc.modules.rag.asking import Asking
from ai_svc.modules.rag.written import Written

pytestmark = pytest.mark.committed

QUESTION = "Qual o valor do auxílio-creche?"
TRUE_QUOTE = "no valor de R$ 850,00 por mês"
ANSWER = quoting("São R$ 850,00. [1]", (1, TRUE_QUOTE))


@pytest.fixture
async def wire(app: FastAPI) -> AsyncIterator[OpenAIWire]:
    """The service answers through a provider for the time of the test."""
    async with answering_through(app) as wire:
        yield wire


async def test_built_in_answer_comes_as_events(ana: Person) -> None:
    document_id = await ana.index(HOLIDAYS)

    events = await streamed(ana, QUESTION)

    names = [name for name, _ in events]
    assert names == ["passages", "delta", "sources", "done"]
    passages, _, sources, done = (data for _, data in events)
    assert passages[0]["document_id"] == str(document_id)
    assert text_of(events) == done["answer"]
    assert sources == done["sources"]
    assert (done["abstained"], done["model"], done["cached"]) == (False, "extractive", False)
    content = await ana.content(document_id)
    assert sources[0]["quote"] == content[sources[0]["char_start"] : sources[0]["char_end"]]


async def test_field_of_the_body_asks_for_events_too(ana: Person) -> None:
    answer = await ana.post(ASK, json={"question": QUESTION, "stream": True})

    assert events_of(answer.text)[-1][0] == "done"


async def test_declined_question_says_what_to_do(ana: Person) -> None:
    events = await streamed(ana, QUESTION)

    assert [name for name, _ in events] == ["passages", "delta", "sources", "done"]
    assert (events[0][1], events[2][1]) == ([], [])
    assert events[-1][1]["abstained"] is True
    assert "envie um documento" in text_of(events)


async def test_cached_answer_is_streamed_at_once(ana: Person) -> None:
    await ana.index(HOLIDAYS)
    first = await streamed(ana, QUESTION)

    again = await streamed(ana, QUESTION)

    assert again[-1][1]["cached"] is True
    assert text_of(again) == text_of(first)


async def test_providers_text_comes_while_it_is_written(ana: Person, wire: OpenAIWire) -> None:
    await ana.index(HOLIDAYS)
    wire.always(quoting('São "R$ 850,00" por mês 😀. [1]', (1, TRUE_QUOTE), every=7))

    events = await streamed(ana, QUESTION)

    deltas = [data["text"] for name, data in events if name == "delta"]
    done = events[-1][1]
    assert len(deltas) > 2
    assert text_of(events) == done["answer"] == 'São "R$ 850,00" por mês 😀. [1]'
    assert (done["model"], done["tokens_used"]) == (MODEL, 120)
    assert [source["quote"] for source in done["sources"]] == [TRUE_QUOTE]
    assert done["prompt_version"] == "answer_question.v1"


async def test_invented_quote_takes_its_mark_back(ana: Person, wire: OpenAIWire) -> None:
    await ana.index(HOLIDAYS)
    wire.always(quoting("Até 12 anos. [1] R$ 850,00. [2]", (1, "doze anos"), (1, TRUE_QUOTE)))

    events = await streamed(ana, QUESTION)

    assert "reset" in [name for name, _ in events]
    assert text_of(events) == events[-1][1]["answer"] == "Até 12 anos. R$ 850,00. [1]"


UNTRUE: Final[dict[str, Reply]] = {
    "invented": quoting("São R$ 9,00. [1]", (1, "no valor de R$ 9,00")),
    "prose": says("São R$ 9,00, com certeza."),
    "no string": says('{"found": true, "answer": "São R$ 9 \\x'),
    "cut": says('{"found": true, "answer": "São R$ 9,00 por mês.', cut_after=6),
    "cut cleanly": says('{"found": true, "answer": "São R$ 9,00', cut_after=6, cleanly=True),
}


@pytest.mark.parametrize("what", UNTRUE)
async def test_text_that_does_not_hold_is_taken_back(
    ana: Person, wire: OpenAIWire, what: str
) -> None:
    await ana.index(HOLIDAYS)
    wire.always(UNTRUE[what])

    events = await streamed(ana, QUESTION)

    done = events[-1][1]
    said = "".join(data["text"] for name, data in events if name == "delta")
    assert done["model"] == "extractive"
    assert text_of(events) == done["answer"]
    assert "R$ 850,00" in done["answer"]
    assert ("R$ 9" in said) is ("reset" in [name for name, _ in events]) is (what != "prose")


async def test_provider_that_is_down_is_replaced(ana: Person, wire: OpenAIWire) -> None:
    await ana.index(HOLIDAYS)
    wire.always(Refuses(503))

    assert (await streamed(ana, QUESTION))[-1][1]["model"] == "extractive"


async def test_document_deleted_while_it_is_written_is_not_quoted(
    app: FastAPI, ana: Person, wire: OpenAIWire
) -> None:
    document_id = await ana.index(HOLIDAYS)
    wire.always(quoting("São R$ 850,00. [1]", (1, TRUE_QUOTE), stalls_after=5))

    async def delete() -> bool:
        await ana.call("DELETE", f"{DOCUMENTS}/{document_id}")
        wire.go_on()
        return True

    events = events_of(await listen(app, ana, QUESTION, delete))

    assert events[-1][1]["abstained"] is True
    assert events[-1][1]["sources"] == []
    assert "850" not in text_of(events)


async def test_no_transaction_is_open_while_it_is_written(
    ana: Person, app: FastAPI, wire: OpenAIWire
) -> None:
    await ana.index(HOLIDAYS)
    wire.always(quoting("R$ 850,00 [1]", (1, TRUE_QUOTE), stalls_after=5))
    taken: list[int] = []

    async def observe() -> bool:
        pool: Any = app.state.workshop.database.engines[0].sync_engine.pool
        taken.append(pool.checkedout())
        wire.go_on()
        return True

    assert "event: done" in await listen(app, ana, QUESTION, observe)
    assert taken == [0]


async def test_error_after_the_start_is_an_event(
    ana: Person, wire: OpenAIWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ana.index(HOLIDAYS)
    wire.always(ANSWER)

    async def failing(*_: Any) -> Any:
        raise RuntimeError("boom")

    monkeypatch.setattr(Asking, "verified", failing)
    events = await streamed(ana, QUESTION)

    name, said = events[-1]
    assert (name, said["code"]) == ("error", "INTERNAL_ERROR")
    assert "boom" not in str(events)
    assert said["request_id"]
    assert "sources" not in [name for name, _ in events]


async def test_who_hangs_up_stops_the_provider(ana: Person, app: FastAPI, wire: OpenAIWire) -> None:
    await ana.index(HOLIDAYS)
    wire.always(quoting("São R$ 850,00. [1]", (1, TRUE_QUOTE), stalls_after=4))

    async def hang_up() -> bool:
        return False

    heard = await listen(app, ana, QUESTION, hang_up)
    await wire.left.wait()

    assert wire.hung_up == 1
    assert "event: done" not in heard


@pytest.mark.parametrize("size", [1, 2, 3, 5, 11, 1000])
@pytest.mark.parametrize(
    "text",
    ["", "São 30 dias.", 'a "b" \\ c\n\td / e', "😀 é \u2028 fim", "\\u0041 \\\\", "\\" * 7],
)
def test_text_is_read_out_of_unfinished_json(text: str, size: int) -> None:
    for ascii_only in (True, False):
        said = json.dumps({"found": True, "answer": text, "citations": []}, ensure_ascii=ascii_only)
        written = Written(most=10_000)
        parts = [written.add(said[at : at + size]) for at in range(0, len(said), size)]

        assert "".join(parts) == text
        assert written.whole == said


def test_reply_without_end_is_refused() -> None:
    written = Written(most=100)

    with pytest.raises(ValueError, match="too long"):
        written.add("x" * 101)
