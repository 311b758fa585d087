"""The strategies: `semantic` (paragraphs), `heading` (sections) and `fixed` (windows)."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Final

from knowledge.chunking.passage import Passage, Sizes, Span
from knowledge.chunking.splitting import paragraphs, trimmed, words
from knowledge.models import Chunking
from knowledge.outline import Outline
from knowledge.parsing.normalising import NormalisedText

_DEFAULT_SIZES: Final = Sizes()


def cut(text: NormalisedText, strategy: Chunking, sizes: Sizes = _DEFAULT_SIZES) -> list[Passage]:
    """The passages of a text in reading order; every word is in one, in `fixed` some are in two."""
    outline = Outline.of(text)
    match strategy:
        case Chunking.FIXED:
            spans = words(text.text, 0, len(text.text), sizes.fixed, sizes.overlap)
            return _passages(text, ((span, span.start) for span in spans), outline)
        case Chunking.HEADING if text.headings:
            return _passages(text, _sections(text, sizes), outline)
        case _:
            starts = frozenset(heading.char_start for heading in text.headings)
            packed = _packed(text.text, 0, len(text.text), starts, sizes)
            return _passages(text, ((span, span.start) for span in packed), outline)


def _packed(text: str, start: int, end: int, headings: frozenset[int], sizes: Sizes) -> list[Span]:
    """Paragraphs put together. No heading ends a chunk; a chunk of some size ends before one."""
    chunks: list[list[Span]] = []
    size = 0
    # A part leaves room for the headings above it.
    for part in paragraphs(text, start, end, sizes.most - sizes.smallest_section):
        enough = sizes.least // 2 if part.start in headings else sizes.least
        if not chunks:
            chunks.append([])
        elif size >= enough or size + part.tokens > sizes.most:
            chunks.append(_trailing_headings(chunks[-1], headings))
            size = _tokens(chunks[-1])
            if size + part.tokens > sizes.most:
                chunks.append([])
                size = 0
        chunks[-1].append(part)
        size += part.tokens
    if len(chunks) > 1 and size < sizes.least // 2 and size + _tokens(chunks[-2]) <= sizes.most:
        chunks[-2:] = [chunks[-2] + chunks[-1]]
    return [Span(parts[0].start, parts[-1].end, _tokens(parts)) for parts in chunks]


def _trailing_headings(chunk: list[Span], headings: frozenset[int]) -> list[Span]:
    """Takes the headings off the chunk's end: they belong to what follows."""
    taken: list[Span] = []
    while len(chunk) > 1 and chunk[-1].start in headings:
        taken.insert(0, chunk.pop())
    return taken


def _tokens(parts: list[Span]) -> int:
    return sum(part.tokens for part in parts)


def _sections(text: NormalisedText, sizes: Sizes) -> Iterator[tuple[Span, int]]:
    """A chunk per section: long ones in parts, tiny ones joined.

    With the offset whose heading path names the chunk: of joined sections, the largest's.
    """
    joined: list[Span] = []
    for section in _section_spans(text):
        if joined and _tokens(joined) + section.tokens > sizes.most:
            yield _named(joined)
            joined = []
        if section.tokens > sizes.most:
            heading = frozenset({section.start})
            for part in _packed(text.text, section.start, section.end, heading, sizes):
                yield part, section.start
            continue
        joined.append(section)
        if _tokens(joined) >= sizes.smallest_section:
            yield _named(joined)
            joined = []
    if joined:
        yield _named(joined)


def _named(sections: list[Span]) -> tuple[Span, int]:
    whole = Span(sections[0].start, sections[-1].end, _tokens(sections))
    return whole, max(sections, key=lambda section: section.tokens).start


def _section_spans(text: NormalisedText) -> Iterator[Span]:
    """From each heading to the next, and what stands before the first."""
    bounds = [0, *(heading.char_start for heading in text.headings), len(text.text)]
    for start, end in itertools.pairwise(bounds):
        span = trimmed(text.text, start, end)
        if span is not None:
            yield span


def _passages(
    text: NormalisedText, spans: Iterable[tuple[Span, int]], outline: Outline
) -> list[Passage]:
    return [
        Passage(
            position=position,
            content=text.text[span.start : span.end],
            char_start=span.start,
            char_end=span.end,
            page=outline.page_at(span.start),
            heading=outline.heading_at(named_at),
            token_count=span.tokens,
        )
        for position, (span, named_at) in enumerate(spans)
    ]
