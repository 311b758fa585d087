"""Question sets in BEIR's files: corpus.jsonl, queries.jsonl, qrels.tsv, and gold answers."""

import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from devstack.checkout import ROOT

FOREIGN_OF_EACH: Final = 100
DEFAULT_FOLDER: Final = ROOT.parent / "shared" / "data"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the corpus, submitted as one document."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """A question, the entries that answer it (id → gain), and the gold answers where known."""

    id: str
    text: str
    relevant: Mapping[str, int]
    answers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """One question set."""

    name: str
    corpus: Sequence[Entry]
    queries: Sequence[Query]


def data_folder(argument: Path | None) -> Path:
    """From the command line, else COGEP_EVAL_DATA, else the shared folder beside the checkout."""
    return argument or Path(os.environ.get("COGEP_EVAL_DATA") or DEFAULT_FOLDER)


def available(folder: Path) -> list[str]:
    """The names of the sets in the folder."""
    return sorted(path.parent.name for path in folder.glob("*/queries.jsonl"))


def load(folder: Path, name: str) -> Dataset:
    """Reads one set."""
    relevant = _relevant(folder / name / "qrels.tsv")
    answers = _answers(folder / name / "answers.jsonl")
    return Dataset(
        name=name,
        corpus=[
            Entry(line["_id"], line["title"], line["text"])
            for line in _lines(folder / name / "corpus.jsonl")
        ],
        queries=[
            Query(line["_id"], line["text"], relevant[line["_id"]], answers.get(line["_id"], ()))
            for line in _lines(folder / name / "queries.jsonl")
        ],
    )


def foreign_questions(dataset: Dataset, all_sets: Sequence[Dataset]) -> list[str]:
    """Questions of the other sets, evenly spread: this set does not hold their answers."""
    found: list[str] = []
    for other in all_sets:
        if other.name != dataset.name:
            step = max(1, len(other.queries) // FOREIGN_OF_EACH)
            found += [query.text for query in other.queries[::step][:FOREIGN_OF_EACH]]
    return found


def _relevant(path: Path) -> Mapping[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        query, entry, gain = line.split("\t")
        found[query][entry] = int(gain)
    return found


def _answers(path: Path) -> Mapping[str, Sequence[str]]:
    if not path.exists():
        return {}
    return {line["_id"]: [gold["text"] for gold in line["answers"]] for line in _lines(path)}


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
