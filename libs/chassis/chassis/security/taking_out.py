"""Taking identifiers out of a text: a word in square brackets stands where one was."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from chassis.security.identifiers import Kind, Span
from chassis.security.plain_text import PlainText, plain

_PLACEHOLDER: Final = re.compile(
    r"\[(?:" + "|".join(re.escape(plain(kind.value)) for kind in Kind) + r")\]"
)


@dataclass(frozen=True, slots=True)
class TakenOut:
    """A text without identifiers. What stands in brackets already is left alone: twice does no
    more than once."""

    text: str
    spans: tuple[Span, ...]
    """Of the plain text before."""
    _cuts: tuple[tuple[int, int, int], ...]
    """Where each stood in the text before, and how long what stands there now is."""

    @classmethod
    def of(cls, seen: PlainText, found: Iterable[Span]) -> Self:
        """`found`, best first, may overlap."""
        spans = _apart(found, seen.plain)
        parts, cuts, after = [], [], 0
        for span in spans:
            start, end = seen.original_span(span.start, span.end)
            mark = f"[{span.kind.value}]"
            parts += [seen.original[after:start], mark]
            cuts.append((start, end, len(mark)))
            after = end
        return cls("".join([*parts, seen.original[after:]]), tuple(spans), tuple(cuts))

    def moved(self, place: int) -> int:
        """Where a place of the text before is now; within a cut, its end."""
        shift = 0
        for start, end, length in self._cuts:
            if place <= start:
                break
            if place < end:
                return start + shift + length
            shift += length - (end - start)
        return place + shift


def _apart(spans: Iterable[Span], text: str) -> list[Span]:
    """Without overlaps: what comes first in the list wins, and grows over what it overlaps."""
    guarded = [found.span() for found in _PLACEHOLDER.finditer(text)]
    kept: list[Span] = []
    for span in spans:
        if any(start < span.end and span.start < end for start, end in guarded):
            continue
        touching = [other for other in kept if other.start < span.end and span.start < other.end]
        if touching:
            first = touching[0]
            grown = Span(
                min(span.start, *(other.start for other in touching)),
                max(span.end, *(other.end for other in touching)),
                first.kind,
            )
            kept = [other for other in kept if other not in touching]
            kept.append(grown)
        else:
            kept.append(span)
    return sorted(kept)
