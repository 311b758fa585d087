"""The tables on the terminal and evals/RESULTS.md."""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil

from evals.answers import Answers
from evals.retrieval import Retrieval
from evals.routing import GOAL, PRODUCT, Routing
from evals.triage import Figures
from evals.triage import table as triage_table

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
accents and with one typing mistake. Times are of one client asking one question after the other.

Answers come from the built-in model, twice: from `POST /api/v1/rag/ask`, and from the assistant's
knowledge agent (`cogep-knowledge` at the OpenAI-compatible endpoint), which looks things up as a
tool and sends sentence by sentence. They are compared with the whole of the best passage, always,
and only where its similarity is 0.5 or more. *declined* is the share that was not answered: of the
questions that have an answer here, less is better; of the *unanswerable* ones, and of the *foreign*
ones, which are those of the other sets, more is. The assistant's *goal*: at least 0.8 of these
declined, of either kind, and at most 0.1 of those; it is held to it on FaQuAD and over all sets.
When to decline was learned on half of the questions; [CALIBRATION.md](CALIBRATION.md) tells the
other half alone. *quotes exact* are cited passages that stand in the document at their offsets,
byte for byte.

What it is compared with, over the same chunks in the same run: PostgreSQL's full-text search with
the set's language, ranked by `ts_rank_cd`, asking for all terms or for any; the local embedder's
vectors alone, exactly; and reciprocal rank fusion (k = 60) of these with the product's ranking.
The baselines are asked past HTTP, so their times are the database's alone.

Routing is measured over 200 invented utterances (`sets/intencoes_pt`), 50 of each agent, held out
from the examples the router knows, without any model. It is compared with the nearest example by
the local embedder, a short list of keywords, and always the same agent.

Triage is measured on the held-out half of 80 invented tickets in 10 categories (`sets/triagem_pt`),
by words alone: with nothing but the names of categories and teams, and with the other half as what
people have sorted. *certain* are those a desk that applies would have sorted by themselves. Tickets
and the words of urgency were written by the same hand: the figure for priority says little.
"""


_ANSWERED = (
    *("set", "answered by", "asked", "declined", "cites right", "holds gold", "F1"),
    *("quotes exact", "unanswerable", "declined", "foreign", "declined", "goal"),
)


def tables(
    retrievals: Sequence[Retrieval],
    answers: Sequence[Answers],
    routings: Sequence[Routing],
    triages: Sequence[Figures],
) -> str:
    """The tables in Markdown."""
    parts = [_retrieval_table(retrievals), _answer_table(answers), routing_table(routings)]
    return "\n\n".join([*parts, triage_table(triages)])


def write(
    retrievals: Sequence[Retrieval],
    answers: Sequence[Answers],
    routings: Sequence[Routing],
    triages: Sequence[Figures],
) -> None:
    """RESULTS.md."""
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    machine = f"{psutil.cpu_count()} cores, Python {platform.python_version()}"
    parts = [
        "# Quality of search and answers",
        f"Measured {when} with `python -m evals`, {machine}, built-in configuration.",
        "![nDCG@10 of each set](RESULTS.png)",
        tables(retrievals, answers, routings, triages),
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


def routing_table(routings: Sequence[Routing]) -> str:
    """Who routes how well; empty without a measurement."""
    if not routings:
        return ""
    agents, kinds = list(routings[0].of_agent), list(routings[0].of_kind)
    lines = [
        _line(("routed by", "utterances", "accuracy", "goal", "holds", *agents, *kinds)),
        _line(("---", *["--:"] * 3, "---", *["--:"] * (len(agents) + len(kinds)))),
    ]
    for each in routings:
        is_ours = each.by == PRODUCT
        goal = f"{GOAL:.2f}" if is_ours else ""
        holds = ("yes" if each.holds else "NO") if is_ours else ""
        shares = [*each.of_agent.values(), *each.of_kind.values()]
        cells = (each.by, str(each.asked), f"{each.accuracy:.3f}", goal, holds)
        lines.append(_line((*cells, *(f"{share:.2f}" for share in shares))))
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _answer_table(answers: Sequence[Answers]) -> str:
    lines = [
        _line(_ANSWERED),
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    lines += [
        _line(
            (
                *(each.dataset, each.by, str(each.asked), _share(each.abstained, each.asked)),
                _share(each.cited_right, each.asked),
                *(_share(each.held_gold, each.with_gold), _share(each.f1, each.with_gold)),
                f"{each.exact_quotes} of {each.quotes}",
                *(str(each.unanswerable), _share(each.unanswerable_abstained, each.unanswerable)),
                *(str(each.foreign), _share(each.foreign_abstained, each.foreign)),
                {None: "", True: "yes", False: "NO"}[each.declines_well],
            )
        )
        for each in answers
    ]
    return "\n".join(lines)


def _share(part: float, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else ""
