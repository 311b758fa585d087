"""`POST /rag/ask` asks the Brain: every protocol, the next one, policies, breakers, the cache."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from access_factories import CoreApi
from ai_svc_brain import PROTOCOLS, Wires, books, thinking_through
from ai_svc_factories import HOLIDAYS, Person
from ai_svc_prompt_files import prompt_files
from ai_svc_provider import quoting, streamed, text_of
from fastapi import FastAPI
from prometheus_client import Counter
from wire.openai_wire import OpenAIWire
from wire.replies import Refuses, Reply, Says, Stalls, says
from wire.server import WireServer

from ai_svc.modules.rag.answering import KEPT_HERE
from ai_svc.modules.rag.asking import Asking, Found
from ai_svc.modules.rag.metrics import FALLBACKS, KEPT
from ai_svc.prompts import read_prompt
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed

POLICY: Final = "/api/v1/ai/providers/policy"
PROMPT: Final = "/api/v1/ai/prompts/answer_question/aliases/production"
QUESTION: Final = "Qual o valor do auxílio-creche?"
QUOTE: Final = "no valor de R$ 850,00 por mês"
FIRST: Final = quoting("Do primeiro: R$ 850,00 por mês. [1]", (1, QUOTE))
SECOND: Final = quoting("Do segundo: R$ 850,00 por mês. [1]", (1, QUOTE))
BEFORE_THE_ANSWER: Final = 2
INSIDE_THE_ANSWER: Final = 5
"""Words of the JSON."""
CLIENT: Final = new_id()
AT_HOME: Final = {"anthropic_country": "BR", "compatible_country": "BR"}


@pytest.fixture
async def wires() -> AsyncIterator[Wires]:
    """Two providers, both ready to answer."""
    async with PROTOCOLS["anthropic"].open() as first, OpenAIWire.open() as second:
        yield {"anthropic": first.always(FIRST), "compatible": second.always(SECOND)}


@pytest.fixture
async def ana(ana: Person) -> Person:
    """With a document for everybody."""
    await ana.index(HOLIDAYS)
    return ana


@pytest.fixture
async def core_api(app: FastAPI, clean: None) -> CoreApi:
    """A purpose in force for the client."""
    core_api = CoreApi(app)
    await core_api.purposes()
    await core_api.granted(CLIENT)
    return core_api


async def asked(person: Person, *, streaming: bool, **body: Any) -> dict[str, Any]:
    """The answer, however it comes; who has listened to all of it has read the same."""
    if not streaming:
        return await person.ask(QUESTION, **body)
    events = await streamed(person, QUESTION, **body)
    answer: dict[str, Any] = events[-1][1]
    assert events[-1][0] == "done"
    assert text_of(events) == answer["answer"]
    return answer


def asked_of(wires: Wires) -> list[int]:
    return [len(wire.asked) for wire in wires.values()]


def told(counter: Counter) -> float:
    """So far."""
    (metric,) = counter.collect()
    return metric.samples[0].value


async def decide(person: Person, **fields: Any) -> None:
    both = ["anthropic", "compatible"]
    given = {"providers": both, "personal_data": both, "countries": None}
    response = await person.call("PUT", POLICY, json=given | fields)
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_every_protocol_answers_with_quotes_that_are_true(
    app: FastAPI, ana: Person, protocol: str, streaming: bool, superuser: asyncpg.Connection
) -> None:
    async with PROTOCOLS[protocol].open() as wire:
        wire.always(FIRST)
        async with thinking_through(app, {protocol: wire}) as brain:
            answer = await asked(ana, streaming=streaming)

    (source,) = answer["sources"]
    content = await ana.content(source["document_id"])
    assert answer["answer"] == "Do primeiro: R$ 850,00 por mês. [1]"
    assert source["quote"] == QUOTE == content[source["char_start"] : source["char_end"]]
    assert answer["model"] == brain.providers[0].backend.model
    assert (answer["tokens_used"], answer["prompt_version"]) == (120, "answer_question.v1")
    assert [(entry.state, entry.input_tokens) for entry in await books(superuser)] == [
        ("settled", 100)
    ]


@pytest.mark.parametrize("streaming", [False, True])
async def test_servers_with_a_switch_for_json_are_told(
    app: FastAPI, ana: Person, streaming: bool
) -> None:
    async with AsyncExitStack() as stack:
        names = ("google", "openai", "compatible")
        kinds: list[type[WireServer]] = [PROTOCOLS["google"], OpenAIWire, OpenAIWire]
        wires = {
            name: await stack.enter_async_context(kind.open())
            for name, kind in zip(names, kinds, strict=True)
        }
        for wire in wires.values():
            wire.always(Refuses(500))
        async with thinking_through(app, wires):
            await asked(ana, streaming=streaming)

    google, *others = (wire.asked[0].body for wire in wires.values())
    assert google["generationConfig"]["responseMimeType"] == "application/json"
    assert [body["response_format"] for body in others] == [{"type": "json_object"}] * 2


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_frame_around_the_json_is_forgiven(
    app: FastAPI, ana: Person, wires: Wires, streaming: bool
) -> None:
    wires["anthropic"].always(says(f"Aqui está:\n```json\n{FIRST.text}\n```"))

    async with thinking_through(app, wires):
        answer = await asked(ana, streaming=streaming)

    assert answer["answer"] == "Do primeiro: R$ 850,00 por mês. [1]"


# What the first one does, and how it is booked: (asked for a whole answer, streaming).
SILENT: Final[dict[str, tuple[Reply, str, str]]] = {
    "500": (Refuses(500), "released", "released"),
    "429 without saying when": (Refuses(429), "released", "released"),
    "429 for too long": (Refuses(429, retry_after="60"), "released", "released"),
    "stalls": (Stalls(), "settled", "settled"),
    "cut before a word": (Says(text=FIRST.text, cut_after=0), "settled", "settled"),
}


IMPATIENT: Final = {"time_limit_seconds": 0.8, "first_token_seconds": 0.5}


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("what", SILENT)
async def test_where_one_says_nothing_the_next_one_answers(
    app: FastAPI,
    ana: Person,
    wires: Wires,
    what: str,
    streaming: bool,
    superuser: asyncpg.Connection,
) -> None:
    reply, *states = SILENT[what]
    wires["anthropic"].always(reply)
    fallbacks = told(FALLBACKS)

    async with thinking_through(app, wires, **(IMPATIENT if what == "stalls" else {})):
        answer = await asked(ana, streaming=streaming)
        again = await asked(ana, streaming=streaming)

    assert answer["answer"] == "Do segundo: R$ 850,00 por mês. [1]"
    assert (answer["model"], answer["tokens_used"]) == ("local-model", 120)
    assert told(FALLBACKS) == fallbacks
    # The first one may be there again by now, and would say something else.
    assert (again["cached"], asked_of(wires)) == (False, [2, 2])
    assert [entry.state for entry in await books(superuser)] == [states[streaming], "settled"] * 2


@pytest.mark.parametrize("streaming", [False, True])
async def test_who_says_when_to_come_back_is_asked_again(
    app: FastAPI, ana: Person, wires: Wires, streaming: bool, superuser: asyncpg.Connection
) -> None:
    wires["anthropic"].then(Refuses(429, retry_after="0"))

    async with thinking_through(app, wires):
        answer = await asked(ana, streaming=streaming)

    assert answer["answer"].startswith("Do primeiro")
    assert asked_of(wires) == [2, 0]
    assert [entry.state for entry in await books(superuser)] == ["released", "settled"]


@pytest.mark.parametrize("streaming", [False, True])
async def test_where_all_fail_the_built_in_model_answers(
    app: FastAPI, ana: Person, wires: Wires, streaming: bool, superuser: asyncpg.Connection
) -> None:
    for wire in wires.values():
        wire.always(Refuses(503))
    fallbacks, kept = told(FALLBACKS), told(KEPT)

    async with thinking_through(app, wires):
        answer = await asked(ana, streaming=streaming)

    assert (answer["model"], answer["tokens_used"]) == ("extractive", 0)
    assert "R$ 850,00" in answer["answer"]
    assert KEPT_HERE not in answer["answer"]
    assert (told(FALLBACKS), told(KEPT)) == (fallbacks + 1, kept)
    assert asked_of(wires) == [1, 1]
    assert {entry.state for entry in await books(superuser)} == {"released"}


@pytest.mark.parametrize("cleanly", [False, True])
@pytest.mark.parametrize("after", [BEFORE_THE_ANSWER, INSIDE_THE_ANSWER])
@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_once_it_has_begun_nobody_else_goes_on_for_it(
    app: FastAPI, ana: Person, protocol: str, after: int, cleanly: bool
) -> None:
    async with PROTOCOLS[protocol].open() as first, OpenAIWire.open() as second:
        wires: Wires = {protocol: first, "compatible": second.always(SECOND)}
        first.always(Says(text=FIRST.text, cut_after=after, cleanly=cleanly))
        fallbacks = told(FALLBACKS)
        async with thinking_through(app, wires):
            events = await streamed(ana, QUESTION)

    names = [name for name, _ in events]
    begun = after == INSIDE_THE_ANSWER
    said = "".join(data["text"] for name, data in events if name == "delta")
    assert ("Do " in said, "reset" in names) == (begun, begun)
    shown = [text_of(events[:number]) for number in range(1, len(events) + 1)]
    assert not any("Do " in text and "auxílio" in text for text in shown)
    assert shown[-1] == events[-1][1]["answer"]
    assert events[-1][1]["model"] == "extractive"
    assert (asked_of(wires), told(FALLBACKS)) == ([1, 0], fallbacks + 1)


@pytest.mark.parametrize("streaming", [False, True])
async def test_who_keeps_failing_is_not_asked_for_a_while(
    app: FastAPI, ana: Person, wires: Wires, streaming: bool
) -> None:
    wires["anthropic"].always(Refuses(500))

    async with thinking_through(app, wires) as brain:
        for _ in range(6):
            await asked(ana, streaming=streaming)
        assert brain.providers[0].breaker.state.value == "open"
        wires["anthropic"].always(FIRST)
        answer = await asked(ana, streaming=streaming)

    assert answer["answer"].startswith("Do segundo")
    assert asked_of(wires) == [5, 7]


@pytest.mark.parametrize("streaming", [False, True])
async def test_what_is_about_a_client_goes_to_who_may_see_it_and_else_stays_here(
    app: FastAPI, ana: Person, core_api: CoreApi, wires: Wires, streaming: bool
) -> None:
    about = {"filters": {"client_id": str(CLIENT)}}
    kept = told(KEPT)

    async with thinking_through(app, wires, anthropic_personal_data=False, **AT_HOME):
        answer = await asked(ana, streaming=streaming, **about)
        assert answer["answer"].startswith("Do segundo")
        await decide(ana, personal_data=["anthropic"])  # which this installation does not let
        answer = await asked(ana, streaming=streaming, **about)
        assert (answer["model"], told(KEPT)) == ("extractive", kept + 1)
        assert answer["answer"].endswith(KEPT_HERE)
        assert (await asked(ana, streaming=streaming))["answer"].startswith("Do primeiro")

    assert asked_of(wires) == [1, 1]


async def test_whom_the_organization_asks_first_answers_first_and_from_the_cache_no_more(
    app: FastAPI, ana: Person, wires: Wires
) -> None:
    async with thinking_through(app, wires):
        first = await asked(ana, streaming=False)
        again = await asked(ana, streaming=False)
        await decide(ana, providers=["compatible", "anthropic"])
        other = await asked(ana, streaming=False)
        await decide(ana, providers=[], personal_data=[])
        nobody = await asked(ana, streaming=False)

    assert first["answer"] == again["answer"] == "Do primeiro: R$ 850,00 por mês. [1]"
    assert [each["cached"] for each in (first, again, other, nobody)] == [False, True, False, False]
    assert other["answer"].startswith("Do segundo")
    assert nobody["model"] == "extractive"
    assert KEPT_HERE not in nobody["answer"]


async def test_who_may_see_less_by_now_is_not_answered_from_the_cache(
    app: FastAPI, ana: Person, core_api: CoreApi, wires: Wires
) -> None:
    about = {"filters": {"client_id": str(CLIENT)}}

    async with thinking_through(app, wires, **AT_HOME):
        assert (await asked(ana, streaming=False, **about))["answer"].startswith("Do primeiro")
        assert (await asked(ana, streaming=False, **about))["cached"] is True
        await decide(ana, personal_data=["compatible"])
        answer = await asked(ana, streaming=False, **about)

    assert answer["answer"].startswith("Do segundo")


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("nobody", [{"providers": [], "personal_data": []}, {"personal_data": []}])
async def test_what_is_decided_while_it_is_searched_for_holds_for_the_question(
    app: FastAPI,
    ana: Person,
    core_api: CoreApi,
    wires: Wires,
    nobody: dict[str, Any],
    streaming: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find = Asking.find

    async def decided_meanwhile(asking: Asking) -> Found:
        found = await find(asking)
        await decide(ana, **nobody)
        return found

    monkeypatch.setattr(Asking, "find", decided_meanwhile)
    async with thinking_through(app, wires, **AT_HOME):
        about = {"filters": {"client_id": str(CLIENT)}}
        answer = await asked(ana, streaming=streaming, **about)

    assert answer["model"] == "extractive"
    assert (KEPT_HERE in answer["answer"]) is ("providers" not in nobody)
    assert asked_of(wires) == [0, 0]


@pytest.fixture
def two_versions(tmp_path: Path) -> Iterator[None]:
    """Of the prompt, the second of which says something more."""
    text = read_prompt("answer_question", 1).text
    other = text.replace("version: 1", "version: 2").replace("# user", "Seja breve.\n\n# user")
    with prompt_files(tmp_path, answer_question_v1=text, answer_question_v2=other):
        yield


async def test_a_choice_of_the_prompt_holds_from_the_next_question_on(
    app: FastAPI, ana: Person, wires: Wires, two_versions: None
) -> None:
    async with thinking_through(app, wires):
        newest = await asked(ana, streaming=False)
        chosen = await ana.call("PUT", PROMPT, json={"prompt_version": 1})
        assert chosen.status_code == 200, chosen.text
        older = await asked(ana, streaming=False)

    assert [each["prompt_version"] for each in (newest, older)] == [
        "answer_question.v2",
        "answer_question.v1",
    ]
    assert older["cached"] is False
    assert ["Seja breve." in each.text for each in wires["anthropic"].asked] == [True, False]
