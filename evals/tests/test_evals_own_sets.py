"""The project's own question sets: every gold phrase stands where it is said to stand."""

import pytest
from evals.datasets import (
    DEV,
    OWN_SETS,
    TEST,
    UNANSWERABLE,
    Dataset,
    available,
    data_folder,
    load_own,
    own_available,
)

from knowledge.parsing.normalising import clean

_DATA = data_folder(None)
_NAMES = ["leis_pt", "servicos_pt"]


@pytest.fixture(params=_NAMES)
def dataset(request: pytest.FixtureRequest) -> Dataset:
    if request.param not in own_available(_DATA):
        pytest.skip(f"the texts of {request.param} are not in {_DATA}")
    return load_own(request.param, _DATA)


def test_sets_are_those_that_are_known() -> None:
    assert available(OWN_SETS) == _NAMES
    assert "servicos_pt" in own_available(_DATA / "absent")
    assert "leis_pt" not in own_available(_DATA / "absent")


def test_gold_phrase_stands_once_in_its_entry_and_survives_normalising(dataset: Dataset) -> None:
    texts = {entry.id: entry.text for entry in dataset.corpus}
    cleaned = {entry.id: clean(entry.text) for entry in dataset.corpus}
    for query in dataset.queries:
        for gold in query.passages:
            assert texts[gold.entry].count(gold.phrase) == 1, (query.id, gold)
            assert cleaned[gold.entry].count(gold.phrase) == 1, (query.id, gold)


def test_answerable_question_has_a_passage_an_entry_and_an_answer(dataset: Dataset) -> None:
    for query in dataset.queries:
        answerable = query.kind != UNANSWERABLE
        assert bool(query.passages) == bool(query.relevant) == bool(query.answers) == answerable
        assert {gold.entry for gold in query.passages} == set(query.relevant)


def test_questions_differ_and_are_split_evenly(dataset: Dataset) -> None:
    questions = dataset.queries
    assert len({query.id for query in questions}) == len(questions)
    assert len({query.text for query in questions}) == len(questions)
    for kind in {query.kind for query in questions}:
        dev = sum(query.split == DEV for query in questions if query.kind == kind)
        test = sum(query.split == TEST for query in questions if query.kind == kind)
        assert abs(dev - test) <= 1, kind


def test_there_are_as_many_questions_as_promised() -> None:
    if "leis_pt" not in own_available(_DATA):
        pytest.skip(f"the laws are not in {_DATA}")
    questions = [query for name in _NAMES for query in load_own(name, _DATA).queries]

    assert len(questions) >= 150
    assert sum(query.kind == UNANSWERABLE for query in questions) >= 30
