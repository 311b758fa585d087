"""Splitting text into pieces that fit: paragraphs, then lines, sentences, words, characters."""

import re
from collections.abc import Iterator
from typing import Final

from knowledge.chunking.passage import Span
from knowledge.chunking.tokens import CHARACTERS_PER_TOKEN, PIECE, count_tokens, piece_tokens

_PARAGRAPH: Final = re.compile(r"\n{2,}")
_LINE: Final = re.compile(r"\n")
# After a full stop and before a capital; abbreviations cost at most a cut in an overlong paragraph.
_SENTENCE: Final = re.compile(r"(?<=[.!?…;:])[ \t\n]+(?=[^\sa-zà-ÿ])")
_COARSE_TO_FINE: Final = (_PARAGRAPH, _LINE, _SENTENCE)


def paragraphs(text: str, start: int, end: int, most: int) -> list[Span]:
    """The paragraphs of text[start:end]; one of more than `most` tokens comes in parts."""
    return list(_split(text, start, end, most, 0))


def runs(text: str, start: int, end: int, most: int) -> Iterator[Span]:
    """Paragraphs of text[start:end] put together, as many as fit into `most` tokens."""
    run: Span | None = None
    for part in _split(text, start, end, most, 0):
        if run is not None and run.tokens + part.tokens > most:
            yield run
            run = None
        run = part if run is None else Span(run.start, part.end, run.tokens + part.tokens)
    if run is not None:
        yield run


def _split(text: str, start: int, end: int, most: int, level: int) -> Iterator[Span]:
    if level == len(_COARSE_TO_FINE):
        yield from words(text, start, end, most)
        return
    at = start
    while at < end:
        separator = _COARSE_TO_FINE[level].search(text, at, end)
        stop = separator.start() if separator else end
        span = trimmed(text, at, stop)
        if span is not None:
            if span.tokens > most:
                yield from _split(text, span.start, span.end, most, level + 1)
            else:
                yield span
        at = separator.end() if separator else end


def words(text: str, start: int, end: int, most: int, overlap: int = 0) -> Iterator[Span]:
    """Runs of whole words of up to `most` tokens, each repeating `overlap` of the one before."""
    window: list[Span] = []
    tokens = fresh = 0
    for piece in _pieces(text, start, end, most):
        if tokens + piece.tokens > most:
            yield Span(window[0].start, window[-1].end, tokens)
            while window and (tokens > overlap or tokens + piece.tokens > most):
                tokens -= window.pop(0).tokens
            fresh = 0
        window.append(piece)
        tokens += piece.tokens
        fresh += 1
    if fresh:
        yield Span(window[0].start, window[-1].end, tokens)


def _pieces(text: str, start: int, end: int, most: int) -> Iterator[Span]:
    """Words and signs; a word longer than a chunk (encoded data) is cut by characters."""
    longest = most * CHARACTERS_PER_TOKEN
    for match in PIECE.finditer(text, start, end):
        for at in range(match.start(), match.end(), longest):
            stop = min(at + longest, match.end())
            yield Span(at, stop, piece_tokens(text[at:stop]))


def trimmed(text: str, start: int, end: int) -> Span | None:
    """The span without the blanks at its ends; None when nothing is left."""
    content = text[start:end]
    stripped = content.strip()
    if not stripped:
        return None
    begin = start + len(content) - len(content.lstrip())
    return Span(begin, begin + len(stripped), count_tokens(stripped))
