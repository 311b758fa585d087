"""Where pages begin and headings reign in a normalised text: from an offset to its place."""

import bisect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from knowledge.parsing.normalising import Heading, NormalisedText

PATH_SEPARATOR: Final = " > "


@dataclass(frozen=True, slots=True)
class Outline:
    """`heading_starts[i]` is where the heading path `heading_paths[i]` begins to hold."""

    page_starts: tuple[int, ...] = ()
    heading_starts: tuple[int, ...] = ()
    heading_paths: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: NormalisedText) -> Self:
        """The outline of a text."""
        starts, paths = _paths(text.headings)
        return cls(text.page_starts, starts, paths)

    @classmethod
    def read(cls, stored: Mapping[str, Any] | None) -> Self:
        """From what `as_json` gave; documents without one have neither pages nor headings."""
        if stored is None:
            return cls()
        return cls(**{name: tuple(values) for name, values in stored.items()})

    def as_json(self) -> dict[str, list[Any]]:
        """For a JSON column."""
        return {
            "page_starts": list(self.page_starts),
            "heading_starts": list(self.heading_starts),
            "heading_paths": list(self.heading_paths),
        }

    def page_at(self, offset: int) -> int | None:
        """The 1-based page of a character; None where there are no pages."""
        return bisect.bisect_right(self.page_starts, offset) or None

    def heading_at(self, offset: int) -> str | None:
        """The path of headings above a character, "Benefícios > Férias"."""
        index = bisect.bisect_right(self.heading_starts, offset)
        return self.heading_paths[index - 1] or None if index else None


def _paths(headings: Iterable[Heading]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    starts: list[int] = []
    paths: list[str] = []
    above: list[Heading] = []
    for heading in headings:
        while above and above[-1].level >= heading.level:
            above.pop()
        above.append(heading)
        starts.append(heading.char_start)
        paths.append(PATH_SEPARATOR.join(item.title for item in above if item.title))
    return tuple(starts), tuple(paths)
