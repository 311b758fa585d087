"""What `make check` says of figures that changed."""

from evals.regression import compare

EXPECTED = {"set": {"nDCG@10 clean": 0.9, "quotes exact": 1.0}}


def test_a_figure_may_lose_what_ties_cost_and_no_more() -> None:
    assert compare({"set": {"nDCG@10 clean": 0.891, "quotes exact": 1.0}}, EXPECTED) == []
    assert compare({"set": {"nDCG@10 clean": 0.889, "quotes exact": 1.0}}, EXPECTED) == [
        "set, nDCG@10 clean: 0.8890, was 0.9000"
    ]


def test_what_was_perfect_stays_perfect() -> None:
    assert compare({"set": {"nDCG@10 clean": 0.9, "quotes exact": 0.999}}, EXPECTED) == [
        "set, quotes exact: 0.9990, was 1.0000"
    ]


def test_a_figure_that_is_not_measured_any_more_is_told() -> None:
    assert compare({"set": {"quotes exact": 1.0}}, EXPECTED) == [
        "set, nDCG@10 clean: not measured, was 0.9000"
    ]


def test_a_set_without_expectations_passes() -> None:
    assert compare({"new": {"nDCG@10 clean": 0.1}}, EXPECTED) == []
