"""Taking identifiers out of free text: a word in square brackets stands where one was."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chassis.security.identifiers import Kind
from chassis.security.plain_text import PlainText
from chassis.security.taking_out import TakenOut
from core_api.modules.anonymisation.known import Known, Patterns
from core_api.modules.anonymisation.recognisers import recognised


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
        done = TakenOut.of(seen, [*self._patterns.find(seen.plain), *recognised(seen.plain)])
        self.taken.update(span.kind for span in done.spans)
        return done.text

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
