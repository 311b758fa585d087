"""The strategies: `semantic` (paragraphs), `heading` (sections), `fixed` (windows), `law`
(articles and their provisions), `qa` (questions with their answers).
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from knowledge.chunking.law_chunks import cut_law, law_headings, looks_like_law
from knowledge.chunking.passage import Cut, Passage, Sizes, Span
from knowledge.chunking.questions import Section, question_headings, sections
from knowledge.chunking.splitting import paragraphs, trimmed, words
from knowledge.models import Chunking
from knowledge.outline import PATH_SEPARATOR, Outline
from knowledge.parsing.normalising import NormalisedText

_DEFAULT_SIZES: Final = Sizes()


def suited(text: NormalisedText, strategy: Chunking) -> Chunking:
    """What `auto` is for this text; any other strategy is itself.

    Never `qa`: on our own pages it was no better than `semantic` (ADR 025).
    """
    if strategy is not Chunking.AUTO:
        return strategy
    return Chunking.LAW if looks_like_law(text.text) else Chunking.SEMANTIC


def structured(
    text: NormalisedText, strategy: Chunking, title: str | None = None
) -> NormalisedText:
    """The same text, with the headings this strategy sees: a law's provisions under their labels,
    or questions. An outline of it places a quote in "CF, Art. 5º, XI"."""
    headings = text.headings
    match suited(text, strategy):
        case Chunking.LAW:
            headings = law_headings(text, title) or headings
        case Chunking.QA:
            headings = question_headings(text)
    return replace(text, headings=headings)


def cut(
    text: NormalisedText,
    strategy: Chunking,
    sizes: Sizes = _DEFAULT_SIZES,
    title: str | None = None,
) -> list[Passage]:
    """The passages of a text in reading order; every word is in one, in `fixed` some are in two.

    `title` is the document's: it may say what a law is called.
    """
    return _passages(text, _cuts(text, suited(text, strategy), sizes, title))


def _cuts(
    text: NormalisedText, strategy: Chunking, sizes: Sizes, title: str | None
) -> Iterator[Cut]:
    outline = Outline.of(text)
    match strategy:
        case Chunking.FIXED:
            spans = words(text.text, 0, len(text.text), sizes.fixed, sizes.overlap)
            yield from (Cut(span, outline.heading_at(span.start)) for span in spans)
        case Chunking.HEADING if text.headings:
            for span, named_at in _sections(text, sizes):
                yield Cut(span, outline.heading_at(named_at))
        case Chunking.LAW:
            first, rest = _peeked(cut_law(text, title, sizes.unit))
            yield from rest if first else _cuts(text, Chunking.SEMANTIC, sizes, title)
        case Chunking.QA:
            yield from _answers(text, sizes)
        case _:
            starts = frozenset(heading.char_start for heading in text.headings)
            for span in _packed(text.text, 0, len(text.text), starts, sizes):
                yield Cut(span, outline.heading_at(span.start))


def _peeked(cuts: Iterator[Cut]) -> tuple[bool, Iterator[Cut]]:
    first = next(cuts, None)
    return first is not None, itertools.chain(() if first is None else (first,), cuts)


def _answers(text: NormalisedText, sizes: Sizes) -> Iterator[Cut]:
    """Questions with their answers, short ones together: a pair is cut only where it is too long
    for a chunk, and then every part is named by the question."""
    outline = Outline.of(replace(text, headings=question_headings(text)))
    small = Sizes(sizes.unit // 2, sizes.unit, smallest_section=sizes.unit // 8)
    gathered: list[Section] = []
    for section in sections(text):
        if gathered and _tokens(_spans(gathered)) + section.span.tokens > sizes.unit // 2:
            yield _together(gathered, outline)
            gathered = []
        if section.span.tokens <= sizes.unit // 2:
            gathered.append(section)
            continue
        starts = frozenset({section.span.start})
        for part in _packed(text.text, section.span.start, section.span.end, starts, small):
            yield Cut(part, outline.heading_at(section.span.start))
    if gathered:
        yield _together(gathered, outline)


def _together(gathered: list[Section], outline: Outline) -> Cut:
    """Named by its question where there is one, else by what they have in common."""
    asked = [each.span.start for each in gathered if each.question]
    if len(asked) == 1:
        return Cut(_whole(_spans(gathered)), outline.heading_at(asked[0]))
    paths = [(outline.heading_at(each.span.start) or "").split(PATH_SEPARATOR) for each in gathered]
    levels = itertools.takewhile(lambda names: len(set(names)) == 1, zip(*paths, strict=False))
    shared = PATH_SEPARATOR.join(names[0] for names in levels)
    return Cut(_whole(_spans(gathered)), shared or None)


def _spans(gathered: list[Section]) -> list[Span]:
    return [each.span for each in gathered]


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
    return _whole(sections), max(sections, key=lambda section: section.tokens).start


def _whole(spans: list[Span]) -> Span:
    return Span(spans[0].start, spans[-1].end, _tokens(spans))


def _section_spans(text: NormalisedText) -> Iterator[Span]:
    """From each heading to the next, and what stands before the first."""
    bounds = [0, *(heading.char_start for heading in text.headings), len(text.text)]
    for start, end in itertools.pairwise(bounds):
        span = trimmed(text.text, start, end)
        if span is not None:
            yield span


def _passages(text: NormalisedText, cuts: Iterable[Cut]) -> list[Passage]:
    outline = Outline.of(text)
    return [
        Passage(
            position=position,
            content=text.text[each.span.start : each.span.end],
            char_start=each.span.start,
            char_end=each.span.end,
            page=outline.page_at(each.span.start),
            heading=each.heading,
            token_count=each.span.tokens,
        )
        for position, each in enumerate(cuts)
    ]
