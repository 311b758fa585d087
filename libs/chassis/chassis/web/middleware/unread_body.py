"""A small body that no route asked for is read all the same, before the head of the answer goes
out.

A gateway in Go drains what is left of a small body as soon as it passes an answer on, in a race
with itself passing that body to the service; whichever loses cuts the answer short.
"""

from typing import Final

from starlette.types import Message, Receive, Scope

_SMALL: Final = 256 * 1024  # from here on Go closes the connection after the answer instead


def announces_small_body(scope: Scope) -> bool:
    """Whether the request's head says that bytes follow, and not that they are many."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return value.isdigit() and 0 < int(value) <= _SMALL
        if name == b"transfer-encoding":
            return True
    return False


class UnreadBody:
    """The receive channel of one request, remembering whether the body was read to its end."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._is_read = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._is_read = True
        return message

    async def read_rest(self) -> None:
        """Reads what is left, up to 256 KiB, and forgets it."""
        seen = 0
        while not self._is_read and seen <= _SMALL:
            seen += len((await self.receive()).get("body", b""))
