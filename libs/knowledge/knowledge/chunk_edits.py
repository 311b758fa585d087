"""What people edited, applied to a text: corrections, and stretches that are not to be found.

Pure: the same edits over the same text give the same passages, whenever it is indexed. Offsets,
headings and pages move along, so a quote of the corrected text is as exact as any other.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final
from uuid import UUID

from knowledge.chunk_edit_tables import EditKind
from knowledge.chunking import Passage, count_tokens
from knowledge.chunking.splitting import trimmed
from knowledge.outline import Outline
from knowledge.parsing.normalising import Heading, NormalisedText

_CONTEXT: Final = 40
"""Characters on either side of a change that go into its stretch: they say where it belongs."""

Stretch = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Edit:
    """A standing edit. `char_start` is where its stretch was: nearer occurrences come first."""

    id: UUID
    kind: EditKind
    original: str
    replacement: str | None
    char_start: int


@dataclass(frozen=True, slots=True)
class Patch:
    """A correction to be: `text[char_start:][:len(original)] == original`."""

    original: str
    replacement: str
    char_start: int


@dataclass(frozen=True, slots=True)
class Edited:
    """The text with its corrections; which edits met something; what is switched off."""

    text: NormalisedText
    found: frozenset[UUID]
    off: tuple[Stretch, ...]


def digest(text: str) -> str:
    """By which a switched-off stretch is remembered."""
    return hashlib.sha256(text.encode()).hexdigest()


def patch_between(text: str, start: int, end: int, corrected: str) -> Patch | None:
    """The smallest change that makes text[start:end] read as `corrected`, with enough around it to
    stand nowhere else in the text. None when nothing changes."""
    former = text[start:end]
    if former == corrected:
        return None
    before = _alike(former, corrected)
    after = _alike(former[before:][::-1], corrected[before:][::-1])
    context = _CONTEXT
    while True:
        lead, tail = max(0, before - context), max(0, after - context)
        lead, tail = _whole_words(former, lead, tail)
        context *= 2
        stop = len(former) - tail
        original = former[lead:stop]
        if (lead == 0 and tail == 0) or text.count(original) == 1:
            return Patch(original, corrected[lead : len(corrected) - tail], start + lead)


def apply(text: NormalisedText, edits: Sequence[Edit]) -> Edited:
    """Corrections in the order they were made, then what is switched off."""
    found: set[UUID] = set()
    for edit in edits:
        if edit.kind is EditKind.CORRECTION:
            at = _nearest(text.text, edit.original, edit.char_start)
            if at is not None:
                text = _replaced(text, at, at + len(edit.original), edit.replacement or "")
                found.add(edit.id)
    off: list[Stretch] = []
    for edit in edits:
        if edit.kind is EditKind.SWITCH_OFF:
            stretches = list(occurrences(text.text, edit.original))
            off += stretches
            if stretches:
                found.add(edit.id)
    return Edited(text, frozenset(found), tuple(_merged(off)))


def occurrences(text: str, part: str) -> Iterator[Stretch]:
    """Where a stretch stands; only where it ends within words everywhere, there too."""
    places: list[Stretch] = []
    at = text.find(part) if part else -1
    while at >= 0:
        places.append((at, at + len(part)))
        at = text.find(part, at + len(part))
    whole = [(start, end) for start, end in places if not _within_words(text, start, end)]
    yield from whole or places


def _within_words(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 1) : start + 1], text[end - 1 : end + 1]
    return any(len(pair) == 2 and pair.isalnum() for pair in (before, after))


def is_off(start: int, end: int, off: Sequence[Stretch]) -> bool:
    """Whether all of a passage is switched off."""
    return any(begin <= start and end <= stop for begin, stop in off)


def separate(
    text: NormalisedText, passages: Sequence[Passage], off: Sequence[Stretch]
) -> list[Passage]:
    """The passages, cut where something switched off begins or ends, and that not enabled: however
    a text is cut, what was switched off is not found, and what stands beside it is."""
    if not off:
        return list(passages)
    outline = Outline.of(text)
    separated: list[Passage] = []
    for passage in passages:
        bounds = {passage.char_start, passage.char_end}
        for stretch in off:
            bounds.update(at for at in stretch if passage.char_start < at < passage.char_end)
        ordered = sorted(bounds)
        for begin, stop in pairwise(ordered):
            span = trimmed(text.text, begin, stop)
            if span is not None:
                separated.append(
                    replace(
                        passage,
                        position=len(separated),
                        content=text.text[span.start : span.end],
                        char_start=span.start,
                        char_end=span.end,
                        page=outline.page_at(span.start),
                        token_count=count_tokens(text.text[span.start : span.end]),
                        enabled=not is_off(span.start, span.end, off),
                    )
                )
    return separated


def _alike(one: str, other: str) -> int:
    """How many characters both begin with."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))


def _whole_words(former: str, lead: int, tail: int) -> tuple[int, int]:
    """A stretch that begins or ends within a word would be found in other words."""
    while lead and not former[lead - 1].isspace():
        lead -= 1
    while tail and not former[len(former) - tail].isspace():
        tail -= 1
    return lead, tail


def _nearest(text: str, part: str, hint: int) -> int | None:
    places = [at for at, _ in occurrences(text, part)]
    return min(places, key=lambda at: abs(at - hint)) if places else None


def _replaced(text: NormalisedText, start: int, end: int, replacement: str) -> NormalisedText:
    """Pages keep their number; a heading whose words are gone is one no longer."""
    moved = len(replacement) - (end - start)

    def shifted(at: int) -> int:
        if at >= end:
            return at + moved
        return min(at, start + len(replacement)) if at > start else at

    headings: dict[int, Heading] = {}
    for heading in text.headings:
        at: int | None = shifted(heading.char_start)
        if start <= heading.char_start < end:
            line = text.text[heading.char_start :].partition("\n")[0]
            place = (text.text[:start] + replacement + text.text[end:]).find(line, start)
            at = place if start <= place < start + len(replacement) else None
        if at is not None:
            headings[at] = replace(heading, char_start=at)
    return replace(
        text,
        text=text.text[:start] + replacement + text.text[end:],
        headings=tuple(headings[at] for at in sorted(headings)),
        page_starts=tuple(shifted(at) for at in text.page_starts),
    )


def _merged(stretches: list[Stretch]) -> Iterator[Stretch]:
    """Those that touch or overlap as one."""
    begun: Stretch | None = None
    for start, end in sorted(stretches):
        if begun is not None and start <= begun[1]:
            begun = (begun[0], max(begun[1], end))
            continue
        if begun is not None:
            yield begun
        begun = (start, end)
    if begun is not None:
        yield begun
