"""Lists of e-mails, phones and addresses: exactly one of each is the primary one."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from core_api.changes import Changes

Entry = dict[str, Any]

_LISTS: Final = MappingProxyType({"email": ("emails", "address"), "phone": ("phones", "number")})
"""The column of the primary one → its list, and what an entry calls it."""


def in_step(values: Mapping[str, Any], current: Mapping[str, list[Entry]]) -> dict[str, Any]:
    """New values of a client's columns, completed so that lists and primary ones agree.

    A list decides over its primary column. A primary one alone takes the place of the one before,
    or is chosen among the others; None takes the primary one away and the next moves up.
    """
    completed = dict(values)
    for column, (name, key) in _LISTS.items():
        if name not in completed and column in completed:
            completed[name] = _with_primary(current.get(name, []), key, completed[column])
        if name in completed:
            completed[column] = primary(completed[name], key)
    return completed


def primary(entries: list[Entry], key: str) -> str | None:
    """The primary address or number; None when there is none at all."""
    return next((entry[key] for entry in entries if entry["primary"]), None)


def without_echo(changes: Changes) -> Changes:
    """Leaves a list out when all that changed in it is its primary one, which is named already."""
    for column, (name, _) in _LISTS.items():
        if column in changes and name in changes:
            change = changes[name]
            if _beside_primary(change.old) == _beside_primary(change.new):
                del changes[name]
    return changes


def _with_primary(entries: list[Entry], key: str, value: str | None) -> list[Entry]:
    if value is None:
        rest = [entry for entry in entries if not entry["primary"]]
        return [entry | {"primary": position == 0} for position, entry in enumerate(rest)]
    if any(entry[key] == value for entry in entries):
        return [entry | {"primary": entry[key] == value} for entry in entries]
    if not entries:
        return [{key: value, "label": None, "primary": True}]
    return [entry | {key: value} if entry["primary"] else entry for entry in entries]


def _beside_primary(entries: list[Entry] | None) -> Any:
    """The others, and what the primary one is called."""
    others = [entry for entry in entries or [] if not entry["primary"]]
    labels = [entry["label"] for entry in entries or [] if entry["primary"]]
    return others, [label for label in labels if label]
