"""One line per request: what was asked, by whom (ids only), how it ended and how long it took."""

from typing import Any, Final
from uuid import UUID

import structlog
from starlette.types import Scope

from chassis.security.authentication import actor_of

log = structlog.get_logger("chassis.request")

# Asked every few seconds by machines; a line each would drown the rest.
ROUTINE: Final = frozenset({"/health", "/health/ready", "/metrics"})


def log_request(scope: Scope, *, route: str, status: int, seconds: float) -> None:
    """What the caller wrote stays out, in query and path: it may be a name, an address, a CPF.

    `path` is the route's template; of its parameters only UUIDs are told.
    """
    fields: dict[str, Any] = {
        "method": scope["method"],
        "path": route,
        "status": status,
        "duration_ms": round(seconds * 1000, 1),
    }
    if ids := _ids_in(scope):
        fields["path_params"] = ids
    actor = actor_of(scope)
    if actor is not None:
        fields.update(actor.log_fields())
    if status >= 500:
        log.error("request", **fields)
    elif route in ROUTINE:
        log.debug("request", **fields)
    else:
        log.info("request", **fields)


def _ids_in(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in scope.get("path_params", {}).items():
        try:
            found[name] = str(UUID(str(value)))
        except ValueError:
            continue
    return found
