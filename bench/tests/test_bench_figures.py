"""The arithmetic under every claim about speed."""

from pathlib import Path

import pytest
from bench import results
from bench.figures import Goal, Outcome, figure, percentile, ratios


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 50.0), (0.95, 95.0), (0.99, 99.0), (1.0, 100.0)]
)
def test_a_percentile_is_the_nearest_rank(share: float, expected: float) -> None:
    assert percentile([float(value) for value in range(1, 101)], share) == expected


def test_a_percentile_between_two_values_is_the_upper_one() -> None:
    assert percentile([float(value) for value in range(1, 11)], 0.95) == 10.0


def test_a_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_a_goal_is_held_against_the_median() -> None:
    assert figure("slow once", [1.0, 9.0, 10.0], "req/s", Goal(at_least=9)).verdict == "yes"
    assert figure("slow twice", [1.0, 8.9, 10.0], "req/s", Goal(at_least=9)).verdict == "NO"
    assert figure("at the bound", [20.0], "ms", Goal(below=20)).verdict == "NO"


def test_ratios_are_of_neighbours_not_of_medians() -> None:
    pairs = ratios("ours over theirs", [1.0, 10.0, 4.0], [2.0, 10.0, 1.0], None)
    assert pairs.values == (0.5, 1.0, 4.0)


def test_an_outcome_holds_when_no_goal_is_missed() -> None:
    met = figure("met", [2.0], "×", Goal(at_least=2))
    missed = figure("missed", [1.9], "×", Goal(at_least=2))
    assert Outcome("how", [met, figure("without a goal", [0.0], "ms")]).holds
    assert not Outcome("how", [met, missed]).holds


def test_notes_written_by_hand_survive_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path / "RESULTS.md")
    outcome = Outcome("Measured somehow.", [figure("something", [1.0, 2.0, 3.0], "ms")])
    results.write({"first": outcome}, "make bench")
    with results.RESULTS.open("a") as file:
        file.write("\n## Notes\n\nMind the gap.\n")
    results.write({"second": outcome}, "make bench")
    written = results.RESULTS.read_text()
    assert "Mind the gap." in written
    assert "| second | something |   1 |      2 |   3 | ms   |" in written
    assert "first" not in written
