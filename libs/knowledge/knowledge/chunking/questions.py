"""Question-answer pages: each question with its answer is a chunk.

Questions are headings or lines that end in a question mark, and what is marked "P:", "Pergunta:" or
"Q:"; the accordions and definition lists of web pages arrive as such lines.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from knowledge.chunking.passage import Span
from knowledge.chunking.splitting import trimmed
from knowledge.parsing.normalising import Heading, NormalisedText

QUESTION_LEVEL: Final = 7
"""Below every heading."""
_LONGEST_QUESTION: Final = 300
_MOST_QUESTIONS: Final = 5_000
_LONGEST_PAGE: Final = 2_000_000
"""Characters; what is longer, or asks more, is no page of questions."""
_MARKED: Final = re.compile(
    r"[#*_>\-•\s]*(?:\d{1,3}[ \t]*[.)–-][ \t]*)?[*_]{0,3}"
    r"(?:[PQ](?:[ \t]?\d{1,3})?[ \t]*:|"
    r"(?i:pergunta|question|dúvida)[ \t]*(?:n?[º°.]?[ \t]*\d{1,3})?[*_]{0,3}[ \t]*[:.)–-])"
    r"[*_]{0,3}[ \t]+(?=\S)"
)
_LEADING: Final = re.compile(r"[#*_>\-–•\s]*(?:\d{1,3}(?:\.\d{1,2})*[ \t]*[.)–-]?[ \t]+)?[*_]*")


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch under one heading, and whether that is a question."""

    span: Span
    question: bool


def questions(text: NormalisedText) -> list[Heading]:
    """Every question that something follows, where it begins; as headings."""
    headings = {heading.char_start: heading for heading in text.headings}
    found: list[Heading] = []
    if len(text.text) > _LONGEST_PAGE:
        return found
    for start, line, lone in _lines(text.text):
        title = _question(line, marked_up=start in headings, lone=lone)
        if title and len(found) < _MOST_QUESTIONS:
            level = headings[start].level if start in headings else QUESTION_LEVEL
            found.append(Heading(start, level, title))
    return found


def question_headings(text: NormalisedText) -> tuple[Heading, ...]:
    """The text's own headings and its questions."""
    merged = {heading.char_start: heading for heading in questions(text)}
    merged |= {heading.char_start: heading for heading in text.headings}
    return tuple(merged[start] for start in sorted(merged))


def sections(text: NormalisedText) -> Iterator[Section]:
    """From each question or heading to the next."""
    asked = frozenset(heading.char_start for heading in questions(text))
    starts = sorted(asked | {heading.char_start for heading in text.headings} | {0})
    for start, stop in pairwise([*starts, len(text.text)]):
        span = trimmed(text.text, start, stop)
        if span is not None:
            yield Section(span, start in asked)


def _lines(text: str) -> Iterator[tuple[int, str, bool]]:
    """Each line with its offset, and whether it stands alone: nothing or a full stop before it."""
    start = 0
    ended = True
    for line in text.split("\n"):
        yield start, line, ended
        stripped = line.rstrip(" \t*_")
        ended = not stripped or stripped[-1] in '.!?:;)”"'
        start += len(line) + 1


def _question(line: str, *, marked_up: bool, lone: bool) -> str | None:
    if len(line) > _LONGEST_QUESTION:
        return None
    marked = _MARKED.match(line)
    if marked:
        return line[marked.end() :].strip("*_ \t") or None
    if not (marked_up or lone) or not line.rstrip("*_ \t#").endswith("?"):
        return None
    title = _LEADING.sub("", line, count=1).strip("*_ \t#")
    return title if any(map(str.isalpha, title)) else None
