"""Tickets are sorted better than by the baselines of the same run, and rightly where it acts."""

from collections import Counter

from evals.triage import choices, examples, measure, table


def test_the_set_is_whole() -> None:
    every = examples()

    assert len(every) == 80
    assert len({each.id for each in every}) == len({each.text for each in every}) == 80
    assert {each.category for each in every} == choices("categories").keys()
    assert {each.team for each in every} <= choices("teams").keys()
    split = Counter((each.category, each.split) for each in every)
    assert set(split.values()) == {4}


async def test_triage_by_words_beats_every_baseline() -> None:
    figures = {each.way: each for each in await measure()}

    baselines = [each for way, each in figures.items() if way.startswith("baseline")]
    first_day = figures["triage, names alone"]
    used = figures["triage, with 40 sorted tickets"]
    assert len(baselines) == 3
    assert all(first_day.category > each.category + 0.15 for each in baselines)
    assert used.category >= first_day.category + 0.05
    assert used.category >= 0.68
    assert (used.team or 0) >= 0.75
    assert (used.priority or 0) >= 0.9
    for each in (first_day, used):
        assert (each.certain or 0) >= 0.3
        assert (each.certain_right or 0) >= 0.95
    assert "with 40 sorted tickets" in table(list(figures.values()))
