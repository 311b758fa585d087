"""How large a request may be: refused by its announced length, or counted while it arrives."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

MAXIMUM_HEADER_BYTES: Final = 32_768
_METHODS_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Allowance:
    """A route whose bodies may exceed the default."""

    path: re.Pattern[str]
    methods: frozenset[str]
    maximum_bytes: int


class BodyLimit:
    """The default limit and the routes with one of their own (`max_body_size=` on the route)."""

    def __init__(self, default: int, allowances: Sequence[Allowance]) -> None:
        self._default = default
        self._allowances = allowances

    def receive(self, scope: Scope, receive: Receive) -> Receive:
        """The receive channel, counting when the length is not announced; HTTPException 413 or
        400."""
        if scope["method"] not in _METHODS_WITH_BODY:
            return receive
        announced = _announced_length(scope)
        if announced is not None and announced <= self._default:
            return receive  # the server reads no more than was announced
        maximum = self._maximum(scope)
        if announced is None:
            return _counting(receive, maximum)
        if announced > maximum:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return receive

    def _maximum(self, scope: Scope) -> int:
        for allowance in self._allowances:
            if scope["method"] in allowance.methods and allowance.path.match(scope["path"]):
                return allowance.maximum_bytes
        return self._default


def _announced_length(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length":
            if not value.isdigit():
                raise HTTPException(HTTPStatus.BAD_REQUEST)
            return int(value)
    return None


def _counting(receive: Receive, maximum: int) -> Receive:
    seen = 0

    async def receive_counted() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > maximum:
                # An HTTPException on purpose: FastAPI turns any other error while reading into a
                # 400.
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return message

    return receive_counted
