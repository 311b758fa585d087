"""What holds personal data, of which kind, for what, and what ends it: the form of each service's
registry. LGPD, art. 5 I and II, 6 I, 15 and 16.

A service lists its columns and the fields of its models. What a type can never say about a person
(ids, times, numbers, flags, enumerations) is none by rule and is not listed; whatever else there is
must be, one name at a time, or a test fails.
"""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, StrEnum
from types import NoneType
from typing import Annotated, Any, Final, Literal, NewType, TypeVar, get_args, get_origin
from uuid import UUID

from pydantic import AwareDatetime, BaseModel


class Category(StrEnum):
    """What kind of data."""

    IDENTITY = "identity"  # names, numbers by which somebody is known elsewhere
    OFFICIAL_NUMBER = "official_number"  # CPF, and CNPJ of who is one person
    CONTACT = "contact"  # e-mail, phone
    ADDRESS = "address"
    PROFILE = "profile"  # what is noted about somebody: tags, custom fields, relations
    WORDS = "words"  # free text: may say anything, also what art. 5 II calls sensitive
    FILE = "file"  # names and contents of files
    DERIVED = "derived"  # made of the above: words of an index, embeddings, hashes
    STAFF = "staff"  # members of the organization, not those it serves


class Purpose(StrEnum):
    """What for."""

    SERVICE = "service"  # attending to who asks
    ASSISTANT = "assistant"  # answering from documents
    RIGHTS = "rights"  # consents and requests of data subjects
    ACCOUNTABILITY = "accountability"  # proving what was done (art. 6 X)
    OPERATION = "operation"  # copies that make things run: queues, retries


class Eraser(StrEnum):
    """What ends it."""

    CLIENT = "client"  # the erasure of the person deletes or blanks the row
    KEY = "subject_key"  # sealed under the person's key, which is deleted
    DOCUMENT = "document"  # goes with the document, with all that was made of it
    AGE = "age"  # pruned after a fixed time; of an erased person at once
    OWNER = "owner"  # whoever configures it; it is not about people who are served
    MEMBER = "member"  # kept while somebody must answer for what they did
    KEPT = "kept"  # the law demands it: no words, only what proves
    VALUE = "value"  # in a request or an answer: stored only where a column says so


@dataclass(frozen=True, slots=True)
class Held:
    """One classification."""

    category: Category
    purpose: Purpose
    eraser: Eraser


NONE: Final = None
"""Looked at, and no personal data."""
Classified = Held | None
Names = Iterable[str]


class Unclassified(LookupError):
    """Somebody added a column or a field and did not say whether it holds personal data."""


def fields_of(*groups: tuple[Classified, str]) -> dict[str, Classified]:
    """`(HELD, "names of fields, separated by spaces")` → name → what it holds."""
    return {name: held for held, names in groups for name in names.split()}


@dataclass(frozen=True, kw_only=True)
class PersonalData:
    """The registry of one service."""

    columns: Mapping[str, Mapping[str, Classified]] = field(default_factory=dict)
    """Table → column → what it holds."""
    everywhere: Mapping[str, Classified] = field(default_factory=dict)
    """Field → what it holds, in whichever model."""
    within: Mapping[str, Mapping[str, Classified]] = field(default_factory=dict)
    """Model → field → what it holds: names that mean different things."""

    def of_column(self, table: str, column: str) -> Classified:
        """What is held there, or Unclassified."""
        try:
            return self.columns[table][column]
        except KeyError:
            raise Unclassified(f"{table}.{column}") from None

    def of_field(self, model: str, name: str) -> Classified:
        """What is held there, or Unclassified. What the model says comes first."""
        own = self.within.get(model, {})
        if name in own:
            return own[name]
        if name in self.everywhere:
            return self.everywhere[name]
        raise Unclassified(f"{model}.{name}")


_SAYS_NOTHING: Final = (
    bool,
    int,
    float,
    Decimal,
    UUID,
    AwareDatetime,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    Enum,
    NoneType,
    BaseModel,  # its fields are looked at by themselves
)


def can_say_something(annotation: Any) -> bool:
    """Whether a field of this type may hold personal data."""
    if isinstance(annotation, NewType):
        return can_say_something(annotation.__supertype__)
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return not issubclass(annotation, _SAYS_NOTHING)
    if get_origin(annotation) is Literal or isinstance(annotation, TypeVar):
        return False
    inner = [each for each in get_args(annotation) if each is not Ellipsis]
    if get_origin(annotation) is Annotated:
        inner = inner[:1]
    return any(can_say_something(each) for each in inner) if inner else True
