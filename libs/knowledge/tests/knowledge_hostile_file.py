"""A hostile file, and how it may end."""

from dataclasses import dataclass
from typing import Final

from knowledge.parsing.causes import Cause

Ending = Cause | str
TEXT: Final[frozenset[Ending]] = frozenset({"text"})
"""It is harmless: its text is read."""
REFUSED: Final[frozenset[Ending]] = frozenset(Cause)
EITHER: Final[frozenset[Ending]] = TEXT | REFUSED


@dataclass(frozen=True, slots=True)
class Hostile:
    """`ends` are the endings that are right; `without` must not stand in its text."""

    name: str
    raw: bytes
    ends: frozenset[Ending] | set[Cause] | set[Ending] = EITHER
    without: str = "\x00"
