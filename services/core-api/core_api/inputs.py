"""What request bodies of several contexts share: what text may be, what an absent field means."""

import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

_EARLIEST_YEAR: Final = 1900
_LINE_BREAKS: Final = frozenset("\n\t")
_DIRECTIONS: Final = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Bidirectional embeddings, overrides and isolates (UAX 9)."""
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Mn", "Zl", "Zp", "Zs"})
_FILLERS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols to Unicode, blank to the eye."""


class Input(BaseModel):
    """A request body. Unknown fields are refused: a typing error never passes as success."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def absent() -> Any:
    """The default of a PATCH field: left out it stays unchanged, null is refused by its type."""
    return Field(default=None, json_schema_extra=_without_default)


def changes(body: Input) -> dict[str, Any]:
    """What a PATCH body really says: the fields that were sent, by name."""
    return {name: getattr(body, name) for name in body.model_fields_set}


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def one_line(text: str) -> str:
    """As a `Line` is stored; ValueError when there are control characters in it."""
    # They come along when a name is copied, nobody sees them, and lists show it turned round.
    return " ".join(_clean(text.translate(_DIRECTIONS), allowed=frozenset()).split())


def _lines(text: str) -> str:
    return _clean(text.replace("\r\n", "\n").replace("\r", "\n"), allowed=_LINE_BREAKS)


def _clean(text: str, allowed: frozenset[str]) -> str:
    # NUL cannot be stored, other control characters deceive readers of lists and exports.
    if any(unicodedata.category(char) == "Cc" and char not in allowed for char in text):
        raise ValueError("O texto contém caracteres de controle. Remova-os.")
    return unicodedata.normalize("NFC", text).strip()


def _is_visible(char: str) -> bool:
    """Whether there is anything to see of it."""
    return unicodedata.category(char) not in _INVISIBLE and char not in _FILLERS


def _not_blank(text: str) -> str:
    if not any(_is_visible(char) for char in text):
        raise ValueError("O texto não pode ficar em branco.")
    return text


def _none_if_blank(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _tag(text: str) -> str:
    return text.casefold()


def _unique(tags: list[str]) -> list[str]:
    return list(dict.fromkeys(tags))


def _in_living_memory(moment: datetime) -> datetime:
    # A year of two digits is read as one of the first century, which no time zone reaches back to.
    if moment.year < _EARLIEST_YEAR:
        raise ValueError("A data é antiga demais. Confira o ano.")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_in_living_memory)]
"""When something happened, with time zone."""

Line = Annotated[
    str, StringConstraints(max_length=200), AfterValidator(one_line), AfterValidator(_not_blank)
]
"""One line a person wrote: a name, a subject."""

Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:[-_.][a-z0-9]+)*$", max_length=64)]
"""A name for programs, kebab-case."""

Body = Annotated[
    str, StringConstraints(max_length=50_000), AfterValidator(_lines), AfterValidator(_not_blank)
]
"""Text of several lines."""

Tag = Annotated[
    str,
    StringConstraints(max_length=50),
    AfterValidator(one_line),
    AfterValidator(_not_blank),
    AfterValidator(_tag),
]
Tags = Annotated[list[Tag], Field(max_length=30), AfterValidator(_unique)]
"""Labels, lower case, each once, in the order given."""

Wanted = Annotated[str, AfterValidator(one_line), AfterValidator(_not_blank)]
"""A value that a list is filtered by, as a `Line` of it is stored."""

CustomWanted = Annotated[str, StringConstraints(pattern=r"^[^:\x00]{1,64}:[^\x00]{1,2000}$")]
"""A custom field that a list is filtered by, as `key:value`."""


def custom_pairs(wanted: Iterable[CustomWanted] | None) -> tuple[tuple[str, str], ...]:
    """Key and value of each."""
    pairs = (given.partition(":") for given in wanted or ())
    return tuple((key, value) for key, _, value in pairs)


SearchText = Annotated[
    str,
    Query(
        min_length=1,
        max_length=200,
        description="What to look for; accents and case do not matter",
        examples=["julia prado"],
    ),
    AfterValidator(one_line),
    AfterValidator(_not_blank),
]
"""What a person types into a search box."""

NoneIfBlank = BeforeValidator(_none_if_blank)
"""Forms send an empty text for "nothing"."""
