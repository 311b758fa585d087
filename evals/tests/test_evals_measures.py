"""The arithmetic under every claim about quality."""

from pathlib import Path

import pytest
from evals.baselines import Found
from evals.datasets import Gold, Query, available, load
from evals.measures import contains, f1, ndcg, percentile, recall, reciprocal_rank
from evals.misspelling import misspelt
from evals.retrieval import judged

from knowledge.lexical.vocabulary import edit_distance


def test_ndcg_is_one_for_the_ideal_order_and_falls_with_the_place() -> None:
    assert ndcg(["a", "b", "c"], {"a": 1}) == 1
    assert ndcg(["b", "a", "c"], {"a": 1}) == pytest.approx(0.6309, abs=1e-4)
    assert ndcg(["b", "c"], {"a": 1}) == 0
    assert ndcg([], {}) == 0


def test_ndcg_counts_graded_gains_and_stops_at_the_depth() -> None:
    assert ndcg(["a", "b"], {"a": 1, "b": 2}) == pytest.approx(0.7967, abs=1e-4)
    assert ndcg([*"bcdefghijk", "a"], {"a": 1}) == 0


def test_recall_is_the_share_of_the_relevant_found_by_then() -> None:
    assert recall(["a", "x", "b"], {"a": 1, "b": 2}, 2) == 0.5
    assert recall(["a", "x", "b"], {"a": 1, "b": 2}, 3) == 1
    assert recall(["x"], {}, 5) == 0


def test_reciprocal_rank_is_of_the_first_relevant_one() -> None:
    assert reciprocal_rank(["x", "b", "a"], {"a": 1, "b": 1}) == 0.5
    assert reciprocal_rank(["x"], {"a": 1}) == 0


def test_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([3.0, 1.0, 2.0, 4.0], 0.5) == 2.0
    assert percentile([1.0], 0.95) == 1.0


def test_gold_answer_is_found_whatever_its_accents_and_marks() -> None:
    assert contains("São “TRINTA  dias”, por ano. [1]", ["trinta dias"])
    assert not contains("São trinta horas.", ["trinta dias"])


def test_f1_is_that_of_the_best_gold_answer() -> None:
    assert f1("trinta dias [1]", ["sessenta", "trinta dias"]) == 1
    assert f1("são trinta dias por", ["trinta dias"]) == pytest.approx(2 / 3)
    assert f1("nada", ["trinta dias"]) == 0


@pytest.mark.parametrize("question", ["Quantos dias de férias?", "Qual é a certidão?", "É só?"])
def test_misspelt_question_has_one_mistake_and_no_accents(question: str) -> None:
    typed = misspelt(question)

    assert typed.isascii()
    assert typed == misspelt(question)
    plain = "".join(c for c in typed if c.isascii())
    folded = misspelt(question) if len(question) < 6 else None
    assert folded is None or folded == plain
    assert edit_distance(typed, _folded(question), 1) <= 1


def _folded(question: str) -> str:
    return question.lower().translate(str.maketrans("éãç", "eac"))


def test_set_is_read_from_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "corpus.jsonl").write_text('{"_id": "d", "title": "T", "text": "Texto"}\n')
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "Qual?"}\n')
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq\td\t1\n")
    (folder / "answers.jsonl").write_text('{"_id": "q", "answers": [{"doc": "d", "text": "T"}]}\n')

    assert available(tmp_path) == ["tiny"]
    (query,) = load(tmp_path, "tiny").queries
    assert (query.relevant, query.answers) == ({"d": 1}, ["T"])
    assert available(tmp_path / "absent") == []


def test_where_gold_passages_are_known_holding_the_phrase_counts_once() -> None:
    golds = (Gold("lei", "trinta dias"), Gold("lei", "por escrito"))
    query = Query("q", "?", {"lei": 1}, passages=golds)
    found = [
        Found("outra", "em trinta dias"),
        Found("lei", "em trinta\ndias"),
        Found("lei", "em trinta dias, de novo"),
        Found("lei", "e por escrito"),
    ]
    ranked, relevant = judged(query, found)
    assert ranked == ["other 0", "gold 0", "other 2", "gold 1"]
    assert relevant == {"gold 0": 1, "gold 1": 1}


def test_where_only_entries_are_known_the_first_passage_of_each_counts() -> None:
    query = Query("q", "?", {"b": 1})
    found = [Found("a", "1"), Found("a", "2"), Found("b", "3")]
    assert judged(query, found) == (["a", "b"], {"b": 1})
