"""One thing of every kind that a path or a body of core-api can name, in one organization.

`MAKERS` is the registry: who adds a route with a new path parameter, or a body with a new `*_id`,
adds how to make such a thing.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from core_api_factories import (
    Person,
    make_client,
    make_consent,
    make_purpose,
    make_ticket,
)


class Inventory:
    """The things of one organization, made by its administrator."""

    def __init__(self, admin: Person, label: str) -> None:
        self.admin = admin
        self._label = label
        self._made = 0
        self._ids: dict[str, str] = {}

    @property
    def ids(self) -> frozenset[str]:
        """Everything made so far."""
        return frozenset(self._ids.values())

    async def id(self, name: str) -> str:
        """The one thing called `name`: always the same, so that children belong to parents."""
        if name not in self._ids:
            self._ids[name] = await self.another(name)
        return self._ids[name]

    async def another(self, name: str) -> str:
        """One more of its kind."""
        if name not in MAKERS:
            raise LookupError(
                f"nobody knows how to make a {name!r}: add it to MAKERS in {__name__}.py"
            )
        self._made += 1
        return await MAKERS[name](self)

    def unique(self, text: str) -> str:
        """`text` with what no other thing has, in neither organization."""
        return f"{text}-{self._label}-{self._made}"

    async def made(self, path: str, json: Any) -> str:
        """The id of what a POST has made."""
        return str((await self.admin.made(f"/api/v1{path}", json))["id"])


async def _client(things: Inventory) -> str:
    return str((await make_client(things.admin, external_id=things.unique("MATRIX")))["id"])


async def _ticket(things: Inventory) -> str:
    return str((await make_ticket(things.admin, await things.id("client_id")))["id"])


async def _message(things: Inventory) -> str:
    ticket_id = await things.id("ticket_id")
    return await things.made(
        f"/tickets/{ticket_id}/messages", {"kind": "note", "body": "Ligar amanhã."}
    )


async def _purpose_code(things: Inventory) -> str:
    code = things.unique("finalidade")
    return str((await make_purpose(things.admin, code=code))["code"])


async def _consent(things: Inventory) -> str:
    code = await things.id("purpose_code")
    consent = await make_consent(things.admin, await things.id("client_id"), purpose_code=code)
    return str(consent["id"])


async def _notice(things: Inventory) -> str:
    code = await things.id("purpose_code")
    notice = {"text": things.unique("Usamos seu e-mail para enviar avisos"), "locale": "pt-BR"}
    answer = await things.admin.made(f"/api/v1/consent-purposes/{code}/notices", notice)
    return str(answer["version"])


async def _member(things: Inventory) -> str:
    return str((await things.admin.seen("/api/v1/me"))["id"])


MAKERS: Final[dict[str, Callable[[Inventory], Awaitable[str]]]] = {
    "client_id": _client,
    "ticket_id": _ticket,
    "message_id": _message,
    "purpose_code": _purpose_code,
    "consent_id": _consent,
    "notice_version": _notice,
    "assignee_id": _member,
}
"""Name of a path parameter or of a body's field → how one is made."""

ALIASES: Final = {
    "/consent-purposes/{code}": "purpose_code",
}
"""A path up to and including a parameter → its name here, where its own says too little."""
