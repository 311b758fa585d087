"""However long and odd a text is, reading it holds nobody up: one process serves everybody.

Each text took the square of its length, or more: tens of seconds, where these take milliseconds.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from pydantic_ai.messages import ModelRequest, UserPromptPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.function import AgentInfo
from pydantic_ai.tools import ToolDefinition

from ai_svc.modules.agents import intents, prompting
from ai_svc.modules.agents.builtin.recognising import person_named, ticket_number
from ai_svc.modules.agents.events import AgentName
from ai_svc.modules.agents.intents import classify
from ai_svc.modules.agents.marks import LONGEST_SENTENCE, Mark, Sentences
from ai_svc.modules.chat import exporting
from ai_svc.modules.compatible import builtin
from ai_svc.modules.rag.sentences import sentences
from ai_svc.modules.triage import drafting, thinking
from ai_svc.modules.triage.urgency import Urgency, urgency_of

_SECONDS: Final = 2.0
_MUCH: Final = 60_000


@contextmanager
def in_time() -> Iterator[None]:
    """Of the processor: far more than it takes, far less than it took."""
    begun = time.process_time()
    yield
    assert time.process_time() - begun < _SECONDS


@pytest.mark.parametrize(
    "text",
    ["abra um chamado; veja isso; " * 2_000, "1" * _MUCH, "a." * _MUCH, "ligue e avise e " * 3_000],
)
def test_whose_question_it_is_is_soon_known(text: str) -> None:
    with in_time():
        assert classify(text).parts == ()


def test_a_message_is_looked_at_a_few_times_only(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    likeliest = intents.likeliest

    def counted(text: str) -> tuple[AgentName, float]:
        looked.append(len(text))
        return likeliest(text)

    monkeypatch.setattr(intents, "likeliest", counted)
    classify("um dois tres; " * 140)  # as long as may be cut in two
    classify("um dois tres; " * 5_000)

    assert len(looked) <= 30
    assert max(looked) <= 2_001


def test_who_pastes_something_long_is_understood_by_what_stands_around_it() -> None:
    pasted = "Segue o texto do regulamento interno da biblioteca. " * 200

    for text in (
        f"Qual a situação do chamado 812? {pasted}",
        f"{pasted} Qual a situação do chamado 812?",
    ):
        assert ticket_number(text) == 812
        assert classify(text).agent in (AgentName.SUPPORT, AgentName.KNOWLEDGE)


@pytest.mark.parametrize(
    ("read", "text", "found"),
    [
        (person_named, "1" * _MUCH, None),
        (person_named, "a." * _MUCH, None),
        (ticket_number, "chamado" + " " * _MUCH + "x", None),
        (exporting._text, "a" + "\n" * _MUCH + "b", "a" + "\n" * _MUCH + "b"),
        (drafting._ASKED.findall, "palavra " * _MUCH, []),
        (thinking._ADDRESS.findall, "a" * _MUCH, []),
        (urgency_of, "urgente " * 8_000, Urgency("urgent", 0.82, ("urgente",))),
        (prompting._NUMBER.findall, "a" + " " * _MUCH + "b", []),
    ],
)
def test_what_a_text_names_is_soon_found(
    read: Callable[[str], object], text: str, found: object
) -> None:
    with in_time():
        assert read(text) == found


@pytest.mark.parametrize("piece", [".", "!?", "[[", "[[S1|", "[[ ", "]][[ ", "- ", "=", "]"])
def test_model_that_repeats_itself_holds_nothing_up(piece: str) -> None:
    sentences = Sentences()
    with in_time():
        given = [each for _ in range(2_000) for each in sentences.add(piece)]
        given += sentences.end()

    assert given != []
    assert all(each.text in piece * 2_000 and not each.marks for each in given)


def test_what_never_ends_is_given_out_in_parts_and_nothing_of_it_is_lost() -> None:
    words = [f"palavra{number}" for number in range(1_000)]
    sentences = Sentences()

    given = [each for word in words for each in sentences.add(f"{word} ")]
    given += sentences.add("fim. [[S1|fim]] ")
    given += sentences.end()

    assert "".join(each.lead + each.text for each in given) == " ".join([*words, "fim."])
    assert len(given) > 3
    assert all(len(each.text) <= LONGEST_SENTENCE + 20 for each in given)
    assert given[-1].marks == (Mark("S1", "fim"),)


def test_what_is_long_and_borne_out_keeps_its_mark() -> None:
    row = "célula " * 500
    sentences = Sentences()

    given = sentences.add(f"{row}[[S1|{row.strip()}]]") + sentences.end()

    assert [(each.text, each.marks) for each in given] == [
        (row.strip(), (Mark("S1", row.strip()),))
    ]


def test_many_tools_are_weighed_with_one_look_at_the_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[int] = []
    stems = builtin._stems

    def counted(text: str) -> set[int]:
        read.append(len(text))
        return stems(text)

    monkeypatch.setattr(builtin, "_stems", counted)
    tools = [
        ToolDefinition(name=f"tool_{number}", description="previsão do tempo " * 500)
        for number in range(64)
    ]
    question = UserPromptPart("Qual a previsão do tempo? " * 4_000)
    info = AgentInfo(
        function_tools=tools,
        allow_text_output=True,
        output_tools=[],
        model_settings=None,
        model_request_parameters=ModelRequestParameters(function_tools=tools),
        instructions=None,
    )

    with in_time():
        call = builtin._call([ModelRequest(parts=[question])], info)

    assert call is not None
    assert len(read) == 65


@pytest.mark.parametrize("text", ["." * _MUCH, "?!" * _MUCH])
def test_stops_without_end_are_one_sentence(text: str) -> None:
    with in_time():
        assert [(each.start, each.end) for each in sentences(text)] == [(0, len(text))]
