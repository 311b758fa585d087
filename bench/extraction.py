"""What is left of a file's text, order, tables, headings and pages, and what reading it costs."""

import asyncio
import pickle
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import psutil

from bench import extraction_candidates
from bench.extraction_candidates import Answer, Extracted
from bench.extraction_set import Sample, samples
from bench.figures import Figure, Goal, Outcome, figure
from bench.known_text import made_up, words_of
from bench.print_files import write_pdf
from knowledge.parsing.extraction import Limits
from knowledge.parsing.sniffing import Format
from knowledge.parsing.tesseract import tesseract
from knowledge.sandbox import File, Sandbox, SandboxLimits

METHOD = """
Files made by code, every word known: Portuguese of made-up words with accents, headings, lists and
tables, in every accepted format (bench/extraction_set.py). Each candidate reads them in a process
of its own, best of three. *words* is the harmonic mean of the known words found (as often as they
occur) and of the words written that the file knows at all; *order* the share of neighbouring words
still neighbours (where columns are named in each row, less); *rows* the share of table rows whose
cells stand on one line, in order, with more than a blank between them; *headings* the share of
headings known as such; *pages* the share of paged files whose number of pages is known. Values are
the means of the files of the formats named. Recognition of pictures by all through the same
Tesseract, where it is installed. The 500 pages, a table on each, go through the sandbox as in the
worker; its memory is the parser's largest resident set.
"""

_GROUPS = {
    "PDF": ("pdf",),
    "office": ("docx", "pptx", "odt", "rtf", "epub"),
    "web and text": ("html", "markdown", "text"),
    "sheets": ("csv", "xlsx"),
    "mail and archives": ("eml", "msg", "zip"),
}
_PAGES = 500
_GOALS = {
    "words": Goal(at_least=0.98),
    "rows": Goal(at_least=0.95),
    "headings": Goal(at_least=0.95),
}


async def measure() -> Outcome:
    """Every candidate over every sample."""
    every = samples()
    readable = [sample for sample in every if not sample.pictured or tesseract()]
    answers = {name: await _answer(name, readable) for name in extraction_candidates.names()}
    figures: list[Figure] = []
    for name, answer in answers.items():
        pairs = list(zip(readable, answer.extracted, strict=True))
        for group, kinds in _GROUPS.items():
            of = [pair for pair in pairs if pair[0].name.startswith(kinds) and not pair[0].pictured]
            figures += _figures(f"{name}, {group}", of, ours=name == "cogep")
        pictured = [pair for pair in pairs if pair[0].pictured]
        if pictured:
            goal = Goal(at_least=0.95) if name == "cogep" else None
            figures.append(figure(f"{name}, pictures: words", _words(pictured), "", goal))
            figures.append(figure(f"{name}, pictures", _milliseconds(pictured), "ms"))
        figures.append(figure(f"{name}: memory", [answer.megabytes], "MB"))
    figures += await _five_hundred_pages()
    remarks = [f"{len(readable)} files."]
    if len(readable) < len(every):
        remarks.append("Tesseract is not installed: pictures and scans were left out.")
    return Outcome(METHOD, figures, remarks)


async def _five_hundred_pages() -> list[Figure]:
    raw = write_pdf(made_up(9, sections=_PAGES, paragraphs=2, page_breaks=True))
    sandbox = Sandbox(SandboxLimits(Limits()))
    await sandbox.warm_up()
    (parser,) = psutil.Process().children()
    began = time.perf_counter()
    text = await sandbox.parse(File(len(raw), _whole(raw)), Format.PDF)
    seconds = time.perf_counter() - began
    assert len(text.page_starts) == _PAGES
    peak = await asyncio.to_thread(_largest_resident_set, parser.pid)
    await sandbox.close()
    return [
        figure("cogep, PDF of 500 pages", [seconds], "s", Goal(below=30)),
        figure("cogep, PDF of 500 pages: parser", [peak], "MB", Goal(below=256)),
    ]


def _largest_resident_set(process: int) -> float:
    """In megabytes; Linux tells it."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


async def _whole(raw: bytes) -> AsyncIterator[bytes]:
    yield raw


async def _answer(name: str, wanted: Sequence[Sample]) -> Answer:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.extraction_candidates", name),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate(pickle.dumps(list(wanted)))
    answer = pickle.loads(out)  # noqa: S301 - from a process of our own
    assert isinstance(answer, Answer)
    return answer


Pairs = list[tuple[Sample, Extracted]]


def _figures(name: str, pairs: Pairs, *, ours: bool) -> Iterable[Figure]:
    """One line per quality; only this system has goals."""
    qualities = {
        "words": _words(pairs),
        "order": [_order(sample, got) for sample, got in pairs],
        "rows": [_rows(sample, got) for sample, got in pairs if sample.known.rows],
        "headings": [_headings(sample, got) for sample, got in pairs if sample.known.headings],
        "pages": [float(got.pages > 0) for sample, got in pairs if sample.paged],
    }
    for quality, values in qualities.items():
        if values:
            goal = _GOALS.get(quality) if ours else None
            yield figure(f"{name}: {quality}", [fmean(values)], "", goal)
    yield figure(name, _milliseconds(pairs), "ms")


def _milliseconds(pairs: Pairs) -> list[float]:
    return [got.seconds * 1000 for _, got in pairs if got.text]


def _words(pairs: Pairs) -> list[float]:
    return [_word_score(sample, got) for sample, got in pairs]


def _word_score(sample: Sample, got: Extracted) -> float:
    known, found = Counter(sample.known.words), Counter(words_of(got.text))
    if not found:
        return 0.0
    recall = sum((known & found).values()) / known.total()
    precision = sum(count for word, count in found.items() if word in known) / found.total()
    return 2 * recall * precision / (recall + precision) if recall + precision else 0.0


def _order(sample: Sample, got: Extracted) -> float:
    known, found = Counter(pairwise(sample.known.words)), Counter(pairwise(words_of(got.text)))
    return sum((known & found).values()) / known.total()


def _rows(sample: Sample, got: Extracted) -> float:
    lines = Counter(got.text.splitlines())
    kept = [any(_holds(line, row) for line in lines) for row in sample.known.rows]
    return fmean(kept)


def _holds(line: str, row: tuple[str, ...]) -> bool:
    """The cells in order, something that can be seen (or a tab) between each and the next."""
    at = 0
    for number, cell in enumerate(row):
        place = line.find(cell, at)
        if place < 0 or (number and not line[at:place].strip(" ")):
            return False
        at = place + len(cell)
    return True


def _headings(sample: Sample, got: Extracted) -> float:
    titles = {" ".join(words_of(title)) for title in got.headings}
    return fmean(" ".join(words_of(title)) in titles for title in sample.known.headings)
