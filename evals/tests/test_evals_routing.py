"""Routing without a model: how good it is, and that its questions are fair."""

from collections import Counter

from evals.routing import GOAL, KEYWORDS, PRODUCT, measure, utterances

from ai_svc.modules.agents.events import AgentName
from ai_svc.modules.agents.intents import examples
from knowledge.lexical import words

_ALIKE = 0.6


def test_nine_of_ten_questions_find_their_agent() -> None:
    by_name = {each.by: each for each in measure()}

    assert by_name[PRODUCT].accuracy >= GOAL
    assert all(by_name[PRODUCT].accuracy > each.accuracy for each in measure()[1:])
    assert by_name[KEYWORDS].accuracy > 0.25, "a baseline that is no use proves nothing"


def test_there_are_fifty_of_each_agent_and_no_two_the_same() -> None:
    asked = utterances()

    assert Counter(each.agent for each in asked) == dict.fromkeys(AgentName, 50)
    assert len({each.text.casefold() for each in asked}) == 200
    assert {each.kind for each in asked} == {
        *("plain", "colloquial", "typo", "indirect", "formal", "short")
    }


def test_no_question_is_a_near_copy_of_an_example() -> None:
    known = [set(words(text)) for texts in examples().values() for text in texts]

    for each in utterances():
        mine = set(words(each.text))
        likest = max(len(mine & other) / len(mine | other) for other in known)
        assert likest < _ALIKE, each.text
