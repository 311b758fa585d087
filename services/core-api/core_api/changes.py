"""What a change did to the fields of a row: from what to what."""

from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Change:
    """One field."""

    old: Any
    new: Any


class Changes(dict[str, Change]):
    """Name of the field → its change. Only what really changed is in it."""

    def __or__(self, later: dict[str, Change]) -> Self:  # type: ignore[override]  # stays Changes
        """Both, one after the other; what ends where it began has not changed."""
        merged = type(self)(self)
        for name, change in later.items():
            old = merged[name].old if name in merged else change.old
            if old == change.new:
                merged.pop(name, None)
            else:
                merged[name] = Change(old, change.new)
        return merged


def made(values: dict[str, Any]) -> Changes:
    """Of a row that is new: from nothing to what it was given."""
    return Changes(
        {name: Change(None, value) for name, value in values.items() if value not in (None, [], {})}
    )


def removed(values: dict[str, Any]) -> Changes:
    """Of a row that is deleted for good: from what it held to nothing."""
    return Changes(
        {name: Change(value, None) for name, value in values.items() if value not in (None, [], {})}
    )
