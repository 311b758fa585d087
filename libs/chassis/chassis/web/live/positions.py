"""Where in time an event stands: one order over all streams, the same in every process.

Entries of different streams are ordered by the server's millisecond, the number within it, then the
type. A millisecond that is over gets no further entries, so whoever delivers only such ones never
delivers out of order, and a position says exactly what comes after it.
"""

import re
from typing import Final, NamedTuple, Self

_LAST: Final = 2**64 - 1
_AFTER_ANY_TYPE: Final = "~"
_FORM: Final = re.compile(r"(\d{13})(?:-(\d{1,20})\.([a-z_]+\.[a-z_]+))?")


class Position(NamedTuple):
    """Compared field by field."""

    millisecond: int
    sequence: int
    event_type: str

    @classmethod
    def end_of(cls, millisecond: int) -> Self:
        """Behind everything of a millisecond."""
        return cls(millisecond, _LAST, _AFTER_ANY_TYPE)

    @classmethod
    def of_entry(cls, entry_id: str, event_type: str) -> Self:
        """Of an entry of the type's stream."""
        millisecond, _, sequence = entry_id.partition("-")
        return cls(int(millisecond), int(sequence or 0), event_type)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """From a `Last-Event-ID`; None when it is none of ours."""
        found = _FORM.fullmatch(text)
        if found is None:
            return None
        if found[2] is None:
            return cls.end_of(int(found[1]))
        return cls(int(found[1]), int(found[2]), found[3])

    def __str__(self) -> str:
        if self.event_type == _AFTER_ANY_TYPE:
            return str(self.millisecond)
        return f"{self.millisecond}-{self.sequence}.{self.event_type}"
