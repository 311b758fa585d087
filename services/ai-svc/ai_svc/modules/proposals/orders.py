"""What a confirmed proposal asks of core-api: made of its stored arguments, and of nothing else."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Order:
    """A request to core-api. `made` is what its answer's id is called in the result.

    A POST bears the proposal's id as Idempotency-Key. A PATCH names the version it is based on.
    """

    method: Literal["POST", "PATCH"]
    path: str
    body: Mapping[str, Any]
    made: str


def order_of(skill: str, arguments: Mapping[str, Any]) -> Order:
    """Raises KeyError for a skill that proposes nothing."""
    return _ORDERS[skill](arguments)


def _draft(given: Mapping[str, Any]) -> Order:
    path = f"{_ticket(given)}/messages"
    return Order("POST", path, {"kind": "draft", "body": given["body"]}, "message_id")


def _triage(given: Mapping[str, Any]) -> Order:
    changes = {name: value for name, value in given.items() if name != "ticket_id"}
    return Order("PATCH", _ticket(given), changes, "ticket_id")


def _new_ticket(given: Mapping[str, Any]) -> Order:
    return Order("POST", "/api/v1/tickets", given, "ticket_id")


def _privacy_request(given: Mapping[str, Any]) -> Order:
    return Order("POST", "/api/v1/privacy-requests", given, "privacy_request_id")


def _ticket(given: Mapping[str, Any]) -> str:
    return f"/api/v1/tickets/{UUID(given['ticket_id'])}"


_ORDERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Order]]] = MappingProxyType(
    {
        "draft_reply": _draft,
        "propose_triage": _triage,
        "create_ticket": _new_ticket,
        "open_privacy_request": _privacy_request,
    }
)
