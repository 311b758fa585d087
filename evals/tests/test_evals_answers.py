"""What is counted of answers, and which goals they miss."""

from functools import partial
from typing import Any

import pytest
from evals.answerers import ASSISTANT, LIKE_ENOUGH, PASSAGE, answerers
from evals.answers import TOGETHER, Answers, together


class Found:
    """A collection that finds one passage."""

    def __init__(self, similarity: float) -> None:
        self.similarity = similarity

    async def ask(self, _: str) -> dict[str, Any]:
        return {}

    chat = ask

    async def search(self, _: str, __: int) -> list[dict[str, Any]]:
        return [{"content": "Trinta dias.", "similarity": self.similarity, "document_id": "d"}]


@pytest.mark.parametrize(("similarity", "declined"), [(0.5, False), (0.49, True)])
async def test_baselines_say_the_whole_passage_or_nothing(
    similarity: float, *, declined: bool
) -> None:
    ways = answerers(Found(similarity))  # type: ignore[arg-type]  # as much of a collection as is asked

    always = await ways[PASSAGE]("Quantos dias?")
    sometimes = await ways[LIKE_ENOUGH]("Quantos dias?")

    assert (always["answer"], always["abstained"]) == ("Trinta dias.", False)
    assert always["sources"][0]["quote"] == "Trinta dias."
    assert sometimes["abstained"] is declined
    assert sometimes["answer"] == ("" if declined else "Trinta dias.")


def counted(by: str = ASSISTANT, dataset: str = "faquad_pt", **counts: int) -> Answers:
    given: dict[str, Any] = {"asked": 100, "abstained": 10, "foreign": 50, "foreign_abstained": 40}
    return Answers(dataset, by, **(given | {"quotes": 9, "exact_quotes": 9} | counts))


@pytest.mark.parametrize("dataset", ["faquad_pt", TOGETHER])
def test_goals_of_declining_are_reached_and_missed_at_their_edges(dataset: str) -> None:
    missed = [f"declining of {dataset} ({ASSISTANT})"]
    of_set = partial(counted, dataset=dataset)
    assert of_set(unanswerable=10, unanswerable_abstained=8).missed == []
    assert of_set(abstained=11).missed == missed
    assert of_set(foreign_abstained=39).missed == missed
    few = of_set(unanswerable=10, unanswerable_abstained=7, foreign_abstained=50)
    assert few.missed == missed
    assert counted(PASSAGE, foreign_abstained=0).declines_well is None


def test_other_sets_are_told_of_declining_and_held_to_their_quotes() -> None:
    other = counted(dataset="leis_pt", abstained=50)

    assert (other.declines_well, other.missed) == (False, [])
    assert counted(dataset="leis_pt", exact_quotes=8).missed == [f"quotes of leis_pt ({ASSISTANT})"]


def test_sets_are_summed_for_each_who_answers() -> None:
    total, passage = together(
        [
            counted(dataset="leis_pt", abstained=20, f1=3),
            counted(PASSAGE, dataset="leis_pt"),
            counted(dataset="faquad_pt", asked=300, f1=2),
        ]
    )

    assert (total.dataset, total.by, total.asked, total.abstained) == (TOGETHER, ASSISTANT, 400, 30)
    assert (total.f1, total.declines_well) == (5, True)
    assert (passage.by, passage.asked) == (PASSAGE, 100)
