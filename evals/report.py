"""The tables on the terminal and evals/RESULTS.md."""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil

from evals.answers import Answers
from evals.retrieval import Retrieval

RESULTS = Path(__file__).parent / "RESULTS.md"
_HEADING = (
    *("set", "ranked by", "asked", "questions", "nDCG@10", "goal", "holds"),
    *("recall@5", "recall@10", "MRR", "p50 ms", "p95 ms"),
)

_METHOD = """
Each set is an organization of its own. Every corpus entry is submitted over HTTP as one text
document (title and text; no title when the entry has none) and goes through the real pipeline:
semantic chunking of 512 to 1,000 tokens, which leaves most entries one chunk, local embedder.
Questions go to `POST /api/v1/rag/search` for 30 passages. In the shared sets the first passage of
each document counts, and everything is taken over documents: nDCG@10, the share of the relevant
ones among the first 5 and 10, and the mean reciprocal rank of the first. In our own sets
(`servicos_pt`, `leis_pt`) a passage is relevant when it holds the phrase that answers, and passages
are what is ranked; unanswerable questions are left out there. *misspelt* is every question without
accents and with one typing mistake. Answers come from `POST /api/v1/rag/ask` with the built-in
`extractive` model. *foreign* questions are those of the other sets, whose answer this set does not
hold: the share of them that is declined. Times are of one client asking one question after the
other.

What it is compared with, over the same chunks in the same run: PostgreSQL's full-text search with
the set's language, ranked by `ts_rank_cd`, asking for all terms or for any; the local embedder's
vectors alone, exactly; and reciprocal rank fusion (k = 60) of these with the product's ranking.
The baselines are asked past HTTP, so their times are the database's alone.
"""


_DECLINING = ("quotes exact", "unanswerable", "declined", "foreign", "declined")


def tables(retrievals: Sequence[Retrieval], answers: Sequence[Answers]) -> str:
    """Both tables in Markdown."""
    return "\n\n".join([_retrieval_table(retrievals), _answer_table(answers)])


def write(retrievals: Sequence[Retrieval], answers: Sequence[Answers]) -> None:
    """RESULTS.md."""
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    machine = f"{psutil.cpu_count()} cores, Python {platform.python_version()}"
    parts = [
        "# Quality of search and answers",
        f"Measured {when} with `python -m evals`, {machine}, built-in configuration.",
        "![nDCG@10 of each set](RESULTS.png)",
        tables(retrievals, answers),
        "## Method",
        _METHOD.strip(),
    ]
    RESULTS.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _retrieval_table(retrievals: Sequence[Retrieval]) -> str:
    lines = [
        _line(_HEADING),
        "|---|---|---|--:|--:|--:|---|--:|--:|--:|--:|--:|",
    ]
    for each in retrievals:
        goal = "" if each.goal is None else f"{each.goal:.2f}"
        holds = "" if each.goal is None else "yes" if each.holds else "NO"
        measures = (each.recall_5, each.recall_10, each.reciprocal_rank)
        cells = [
            *(each.dataset, each.ranker, each.asked, str(each.questions)),
            *(f"{each.ndcg:.4f}", goal, holds),
            *(f"{value:.3f}" for value in measures),
            *(f"{value:.0f}" for value in (each.p50_ms, each.p95_ms)),
        ]
        lines.append(_line(cells))
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _answer_table(answers: Sequence[Answers]) -> str:
    lines = [
        _line(("set", "asked", "declined", "cites right", "holds gold", "F1", *_DECLINING)),
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        _line(
            (
                *(each.dataset, str(each.asked), _share(each.abstained, each.asked)),
                _share(each.cited_right, each.asked),
                *(_share(each.held_gold, each.with_gold), _share(each.f1, each.with_gold)),
                f"{each.exact_quotes} of {each.quotes}",
                *(str(each.unanswerable), _share(each.unanswerable_abstained, each.unanswerable)),
                *(str(each.foreign), _share(each.foreign_abstained, each.foreign)),
            )
        )
        for each in answers
    ]
    return "\n".join(lines)


def _share(part: float, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else ""
