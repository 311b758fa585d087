"""An answer on its way, whoever writes it: the same pieces make a stream and a whole."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from ai_svc.modules.compatible.shapes import Extra, FinishReason, Usage


@dataclass(frozen=True, slots=True)
class Said:
    """The next part of the text."""

    text: str


@dataclass(frozen=True, slots=True)
class Called:
    """The model wants a function of the caller's; its arguments follow as `Argued`."""

    index: int
    call_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Argued:
    """The next part of a call's arguments, JSON text."""

    index: int
    arguments: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The answer is complete."""

    finish_reason: FinishReason
    usage: Usage
    extra: Extra | None = None


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing has come for a while, and the answer is on its way all the same."""


Piece = Said | Called | Argued | Ended
Pieces = AsyncIterator[Piece]
"""Ends with `Ended`. Raises DomainError when there is no answer, or no more of it."""
