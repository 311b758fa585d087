"""Question sets in BEIR's files: corpus.jsonl, queries.jsonl, qrels.tsv, and gold answers.

The project's own sets (`evals/sets`) go further: the passage that answers is known by a phrase of
it, so that relevance is judged by character span; some questions have no answer; and each question
is of `dev`, where thresholds may be learned, or of `test`, where they are reported. Their corpus is
Markdown files, or names text files of the data folder.
"""

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
OWN_SETS: Final = Path(__file__).parent / "sets"
DEV: Final = "dev"
TEST: Final = "test"
UNANSWERABLE: Final = "unanswerable"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the corpus, submitted as one document."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Gold:
    """Where the answer stands: a phrase that the entry's text holds once; a law's label for it."""

    entry: str
    phrase: str
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A question, the entries that answer it (id → gain), and the gold answers where known.

    `kind` says how it is worded (plain, paraphrase, colloquial, typo, unaccented), or that the
    collection does not answer it (unanswerable).
    """

    id: str
    text: str
    relevant: Mapping[str, int]
    answers: Sequence[str] = ()
    passages: Sequence[Gold] = ()
    kind: str = "plain"
    split: str = TEST


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


def own_available(data: Path) -> list[str]:
    """The names of the project's own sets whose texts are all there."""
    return [name for name in available(OWN_SETS) if all(map(Path.exists, _texts(name, data)))]


def load_all(data: Path) -> list[Dataset]:
    """Every set there is: the shared ones of the data folder, then the project's own."""
    shared = [load(data, name) for name in available(data)]
    return shared + [load_own(name, data) for name in own_available(data)]


def load(folder: Path, name: str) -> Dataset:
    """Reads one set."""
    return _read(folder / name, folder)


def load_own(name: str, data: Path) -> Dataset:
    """Reads one of the project's own sets; texts that are not ours are in the data folder."""
    return _read(OWN_SETS / name, data)


def _read(folder: Path, data: Path) -> Dataset:
    relevant = _relevant(folder / "qrels.tsv")
    answers = _answers(folder / "answers.jsonl")
    passages = _passages(folder / "passages.jsonl")
    return Dataset(
        name=folder.name,
        corpus=list(_corpus(folder, data)),
        queries=[
            Query(
                line["_id"],
                line["text"],
                relevant[line["_id"]],
                answers.get(line["_id"], ()),
                passages.get(line["_id"], ()),
                line.get("kind", "plain"),
                line.get("split", TEST),
            )
            for line in _lines(folder / "queries.jsonl")
        ],
    )


def _corpus(folder: Path, data: Path) -> Iterator[Entry]:
    for path in sorted((folder / "corpus").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        yield Entry(path.stem, text.partition("\n")[0].removeprefix("# "), text)
    if (folder / "corpus.jsonl").exists():
        for line in _lines(folder / "corpus.jsonl"):
            text = line["text"] if "text" in line else (data / line["file"]).read_text("utf-8")
            yield Entry(line["_id"], line["title"], text)


def _texts(name: str, data: Path) -> Iterator[Path]:
    corpus = OWN_SETS / name / "corpus.jsonl"
    if corpus.exists():
        yield from (data / line["file"] for line in _lines(corpus) if "file" in line)


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


def _passages(path: Path) -> Mapping[str, Sequence[Gold]]:
    if not path.exists():
        return {}
    return {
        line["_id"]: [
            Gold(gold["doc"], gold["phrase"], gold.get("label")) for gold in line["passages"]
        ]
        for line in _lines(path)
    }


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
