"""Field by field: what one client made of two looks like, and the two that are made of one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from chassis.security.sealing import Vault
from core_api.modules.clients import documents
from core_api.modules.clients.contacts.lists import in_step
from core_api.modules.clients.models import Client

Entry = Any


class Choice(StrEnum):
    """Whose value the surviving client has."""

    THIS = "this"
    OTHER = "other"
    BOTH = "both"


class MergeField(StrEnum):
    """What two clients may differ in."""

    NAME = "name"
    DOCUMENT = "document"
    EXTERNAL_ID = "external_id"
    EMAILS = "emails"
    PHONES = "phones"
    ADDRESSES = "addresses"
    TAGS = "tags"
    CUSTOM_FIELDS = "custom_fields"


SINGLE: Final = frozenset({MergeField.NAME, MergeField.DOCUMENT, MergeField.EXTERNAL_ID})
Values = dict[MergeField, Any]
_KEYS: Final = MappingProxyType({MergeField.EMAILS: "address", MergeField.PHONES: "number"})
_LISTED: Final = frozenset({MergeField.EMAILS, MergeField.PHONES, MergeField.ADDRESSES})


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """One field of both clients, and of the one they become."""

    field: MergeField
    this: Any
    other: Any
    choice: Choice
    result: Any

    @property
    def options(self) -> tuple[Choice, ...]:
        """What may be chosen."""
        return (Choice.THIS, Choice.OTHER) if self.field in SINGLE else tuple(Choice)


class FieldConflict(Exception):
    """The field was changed after the merge: neither value is clearly the right one."""


def values_of(client: Client, vault: Vault) -> Values:
    """The fields of a client, its document in the clear."""
    number = documents.opened(vault, client)
    return {
        field: number if field is MergeField.DOCUMENT else getattr(client, field)
        for field in MergeField
    }


def planned(this: Values, other: Values, choices: Mapping[MergeField, Choice]) -> list[FieldPlan]:
    """Nothing is lost unless somebody chose so: lists are joined, empty fields are filled."""
    return [_planned(field, this[field], other[field], choices.get(field)) for field in MergeField]


def columns(values: Values) -> dict[str, Any]:
    """The plain columns that such values are kept in; without the document."""
    kept = {str(name): value for name, value in values.items() if name != MergeField.DOCUMENT}
    return in_step(kept, {})


def restored(field: MergeField, before: Any, merged: Any, now: Any) -> Any:
    """The value without what the merge did to it, with what was done since; FieldConflict."""
    if now == merged:
        return before
    if now == before:
        return now
    if field in SINGLE:
        raise FieldConflict
    if field is MergeField.CUSTOM_FIELDS:
        return _restored_values(before, merged, now)
    return _restored_list(field, before, merged, now)


def _planned(field: MergeField, this: Any, other: Any, choice: Choice | None) -> FieldPlan:
    if choice is None:
        empty = this is None and other is not None
        single = Choice.OTHER if empty else Choice.THIS
        choice = single if field in SINGLE else Choice.BOTH
    if choice is Choice.BOTH:
        result = _both(field, this, other)
    else:
        result = this if choice is Choice.THIS else other
    return FieldPlan(field, this, other, choice, result)


def _both(field: MergeField, this: Any, other: Any) -> Any:
    if field is MergeField.CUSTOM_FIELDS:
        return {**other, **{name: value for name, value in this.items() if value is not None}}
    known = {_identity(field, entry) for entry in this}
    added = [entry for entry in other if _identity(field, entry) not in known]
    if field in _LISTED and this:
        added = [entry | {"primary": False} for entry in added]
    return [*this, *added]


def _restored_values(
    before: dict[str, Any], merged: dict[str, Any], now: dict[str, Any]
) -> dict[str, Any]:
    kept = dict(now)
    for name in before.keys() | merged.keys():
        old, then, current = before.get(name), merged.get(name), now.get(name)
        if current != then and current != old and old != then:
            raise FieldConflict
        if current == then and old != then:
            kept[name] = old
    return {name: value for name, value in kept.items() if value is not None or name in before}


def _restored_list(
    field: MergeField, before: list[Entry], merged: list[Entry], now: list[Entry]
) -> list[Entry]:
    """What the merge brought goes, what it took away comes back, what was added since stays."""
    old, then, current = (
        {_identity(field, entry): entry for entry in entries} for entries in (before, merged, now)
    )
    brought = then.keys() - old.keys()
    kept = {
        key: old[key] if key in old and entry == then.get(key) else entry
        for key, entry in current.items()
        if key not in brought
    }
    back = {key: entry for key, entry in old.items() if key not in then}
    entries = list({**kept, **back}.values())
    return _with_one_primary(entries) if field in _LISTED else entries


def _with_one_primary(entries: list[Entry]) -> list[Entry]:
    marked = [place for place, entry in enumerate(entries) if entry["primary"]]
    first = marked[0] if marked else 0
    return [entry | {"primary": place == first} for place, entry in enumerate(entries)]


def _identity(field: MergeField, entry: Entry) -> Any:
    if field in _KEYS:
        return entry[_KEYS[field]]
    if field is MergeField.ADDRESSES:
        place = {name: value for name, value in entry.items() if name not in {"label", "primary"}}
        return json.dumps(place, sort_keys=True)
    return entry
