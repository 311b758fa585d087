"""How much two clients look like one, and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, Self
from uuid import UUID

from core_api.folding import fold
from core_api.modules.clients.search.terms import PARTICLES, name_words
from core_api.typos import distance, edits_allowed


class Reason(StrEnum):
    """What two clients have in common."""

    SAME_DOCUMENT = "same_document"
    SAME_EMAIL = "same_email"
    SAME_PHONE = "same_phone"
    SIMILAR_NAME = "similar_name"
    SAME_CITY = "same_city"
    SAME_BIRTH_DATE = "same_birth_date"


_WEIGHTS: Final = MappingProxyType(
    {
        Reason.SAME_DOCUMENT: 0.97,
        Reason.SAME_EMAIL: 0.6,
        Reason.SAME_PHONE: 0.5,  # families and offices share one
        Reason.SIMILAR_NAME: 0.4,  # there are many a Maria Silva
        Reason.SAME_BIRTH_DATE: 0.5,
        Reason.SAME_CITY: 0.25,
    }
)
LEAST: Final = 0.5
"""Below, it is not worth anybody's time."""

_BIRTH_DATES: Final = ("data_nascimento", "data_de_nascimento", "nascimento", "birth_date")


@dataclass(frozen=True)
class Traits:
    """What is compared of a client."""

    id: UUID
    kind: str
    document: bytes | None
    emails: frozenset[str]
    phones: frozenset[str]
    cities: frozenset[str]
    births: frozenset[str]
    name: str

    @classmethod
    def of(cls, client: Any) -> Self:
        """From a Client or a row with its columns."""
        values = client.custom_fields
        return cls(
            id=client.id,
            kind=client.kind,
            document=client.document_index,
            emails=frozenset(entry["address"].lower() for entry in client.emails),
            phones=frozenset(entry["number"] for entry in client.phones),
            cities=frozenset(fold(entry.get("city") or "") for entry in client.addresses) - {""},
            births=frozenset(str(values[name]) for name in _BIRTH_DATES if values.get(name)),
            name=client.name,
        )

    @cached_property
    def words(self) -> list[str]:
        """Of the name, without particles, in any order."""
        return sorted(word for word in name_words(fold(self.name)) if word not in PARTICLES)


@dataclass(frozen=True, slots=True)
class Likeness:
    """From 0 to 1, and what speaks for it, the strongest first."""

    score: float
    reasons: tuple[Reason, ...]

    @classmethod
    def of(cls, one: Traits, other: Traits) -> Self:
        """Reasons add up as independent evidence does."""
        reasons = sorted(_common(one, other), key=lambda reason: -_WEIGHTS[reason])
        doubt = 1.0
        for reason in reasons:
            doubt *= 1 - _WEIGHTS[reason]
        return cls(round(1 - doubt, 2), tuple(reasons))


def _common(one: Traits, other: Traits) -> Iterable[Reason]:
    if one.kind != other.kind:  # they could not be merged
        return
    if one.document is not None and one.document == other.document:
        yield Reason.SAME_DOCUMENT
    if one.emails & other.emails:
        yield Reason.SAME_EMAIL
    if one.phones & other.phones:
        yield Reason.SAME_PHONE
    if similar_names(one.words, other.words):
        yield Reason.SIMILAR_NAME
        if one.cities & other.cities:
            yield Reason.SAME_CITY
        if one.births & other.births:
            yield Reason.SAME_BIRTH_DATE


def similar_names(one: list[str], other: list[str]) -> bool:
    """The same words but for typing errors, at least two of them."""
    if len(one) != len(other) or len(one) < 2:
        return False
    left = list(other)
    for word in one:
        match = next((there for there in left if _is_nearly(word, there)), None)
        if match is None:
            return False
        left.remove(match)
    return True


def _is_nearly(one: str, other: str) -> bool:
    most = min(edits_allowed(one), edits_allowed(other))
    return one == other or (abs(len(one) - len(other)) <= most and distance(one, other) <= most)
