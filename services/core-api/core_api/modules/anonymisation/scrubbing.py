"""Taking identifiers out of free text: a word in square brackets stands where one was."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from core_api.modules.anonymisation.known import Known, Patterns
from core_api.modules.anonymisation.plain_text import PlainText
from core_api.modules.anonymisation.recognisers import Kind, Span, recognised

_PLACEHOLDER: Final = re.compile(
    r"\[(?:" + "|".join(re.escape(kind.value) for kind in Kind) + r")\]".replace("ç", "c")
)


@dataclass(slots=True)
class Scrubber:
    """Takes out what is known of a person, and what is recognised as an identifier of anybody's.

    What stands in brackets already is left alone: twice does no more than once.
    """

    known: Known
    taken: Counter[Kind] = field(default_factory=Counter)
    """How many of each kind, so far."""
    _patterns: Patterns = field(init=False)

    def __post_init__(self) -> None:
        self._patterns = Patterns.of(self.known)

    def text(self, text: str) -> str:
        """The same without identifiers."""
        seen = PlainText.of(text)
        spans = _apart([*self._patterns.find(seen.plain), *recognised(seen.plain)], seen.plain)
        self.taken.update(span.kind for span in spans)
        return _replaced(seen, spans)

    def value(self, value: Any) -> Any:
        """Of JSON: every text in it."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {name: self.value(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            written = str(value)
            return value if self.text(written) == written else None
        return value

    def tags(self, tags: Iterable[str]) -> list[str]:
        """Those that name nobody."""
        return [tag for tag in tags if self.text(tag) == tag]

    def knows(self, text: str) -> bool:
        """Whether something known of the person is in it."""
        return next(self._patterns.find(PlainText.of(text).plain), None) is not None


def _apart(spans: list[Span], text: str) -> list[Span]:
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


def _replaced(seen: PlainText, spans: list[Span]) -> str:
    if not spans:
        return seen.original
    parts, after = [], 0
    for span in spans:
        start, end = seen.original_span(span.start, span.end)
        parts += [seen.original[after:start], f"[{span.kind.value}]"]
        after = end
    return "".join([*parts, seen.original[after:]])
