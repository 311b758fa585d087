"""One attempt to have core-api do what was proposed, with the confirmer's own token."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Protocol
from uuid import UUID

import httpx
from pydantic import SecretStr

from ai_svc.modules.proposals.orders import Order, order_of
from chassis.http.service_client import ServiceClient
from chassis.web.errors import DomainError, TooManyRequests, Unauthenticated, Unavailable
from shared_schemas.actor import Actor

REASON: Final = "Proposta da assistente, confirmada por quem altera"
_CHANGED: Final = (
    "PROPOSAL_OUTDATED",
    "O chamado foi alterado depois da proposta. Peça de novo à assistente.",
)
_UNREADABLE: Final = ("PROPOSAL_REFUSED", "O cadastro recusou a alteração.")
_ROUNDS: Final = 3
_LONGEST: Final = 500

Pin = Callable[[int], Awaitable[None]]
"""Writes down the version a change is based on, before it is sent."""


class Claimed(Protocol):
    """What is to be done."""

    @property
    def skill(self) -> str:
        """Which skill has proposed it."""

    @property
    def arguments(self) -> Mapping[str, Any]:
        """As they were shown."""

    @property
    def basis(self) -> Mapping[str, Any]:
        """How what is to be changed was when it was shown."""

    @property
    def pinned_version(self) -> int | None:
        """Which version an attempt before was based on."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What core-api has said for good: ids of what it made, or why it does not do it."""

    result: dict[str, Any] = field(default_factory=dict)
    error_code: str | None = None
    error_message: str | None = None


class Retry(Exception):
    """No answer for good. `nothing_done`: core-api has certainly not done it in this attempt."""

    def __init__(self, cause: DomainError, *, nothing_done: bool) -> None:
        super().__init__()
        self.cause = cause
        self.nothing_done = nothing_done


@dataclass(frozen=True, slots=True)
class CoreApi:
    """core-api, as the person who confirms."""

    client: ServiceClient
    actor: Actor
    token: SecretStr
    key: str

    async def send(
        self, method: str, path: str, body: Any = None, *, if_match: int | None = None
    ) -> httpx.Response:
        """Any answer that is one. Raises Retry."""
        writes = method != "GET"
        try:
            answer = await self.client.request(
                method,
                path,
                request_id=self.actor.request_id,
                token=self.token.get_secret_value(),
                json=body,
                idempotency_key=self.key if method == "POST" else None,
                if_match=if_match,
                reason=REASON if writes else None,
            )
        except Unavailable as error:
            raise Retry(error, nothing_done=not writes) from None
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise Retry(Unauthenticated(), nothing_done=True)
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            seconds = answer.headers.get("retry-after", "")
            wait = timedelta(seconds=int(seconds) if seconds.isdigit() else 5)
            raise Retry(TooManyRequests(retry_after=wait), nothing_done=True)
        return answer


async def ask(core_api: CoreApi, claim: Claimed, pin: Pin) -> Outcome:
    """Raises Retry."""
    order = order_of(claim.skill, claim.arguments)
    if order.method == "POST":
        return _outcome(order, await core_api.send("POST", order.path, order.body))
    return await _change(core_api, order, claim, pin)


async def _change(core_api: CoreApi, order: Order, claim: Claimed, pin: Pin) -> Outcome:
    """By If-Match: of two attempts one finds the version changed, and what was wanted in place."""
    pinned = claim.pinned_version
    for _ in range(_ROUNDS):
        read = await core_api.send("GET", order.path)
        if read.status_code != httpx.codes.OK:
            return _outcome(order, read)
        now = read.json()["data"]
        if all(now.get(name) == value for name, value in order.body.items()):
            return Outcome(_made(order, now))
        moved_on = any(now.get(name) != value for name, value in claim.basis.items())
        if moved_on or pinned not in (None, now["version"]):
            return Outcome(error_code=_CHANGED[0], error_message=_CHANGED[1])
        await pin(now["version"])
        answer = await core_api.send("PATCH", order.path, order.body, if_match=now["version"])
        if answer.status_code != httpx.codes.PRECONDITION_FAILED:
            return _outcome(order, answer)
        pinned = None  # it was certainly not done
    return Outcome(error_code=_CHANGED[0], error_message=_CHANGED[1])


def _outcome(order: Order, answer: httpx.Response) -> Outcome:
    if answer.is_success:
        return Outcome(_made(order, answer.json()["data"]))
    try:
        said = answer.json()
        code, message = str(said["code"]), str(said["message"])
    except (ValueError, KeyError, TypeError):
        code, message = _UNREADABLE
    return Outcome(error_code=code[:100], error_message=message[:_LONGEST])


def _made(order: Order, data: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {order.made: str(UUID(data["id"]))}
    for name in ("ticket_id", "number"):
        if name in data and name not in made:
            made[name] = data[name]
    return made
