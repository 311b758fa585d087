"""One line per request: what was asked, by whom (ids only), how it ended and how long it took."""

from typing import Any, Final

import structlog
from starlette.types import Scope

from chassis.security.authentication import actor_of

log = structlog.get_logger("chassis.request")

# Asked every few seconds by machines; a line each would drown the rest.
ROUTINE: Final = frozenset({"/health", "/health/ready", "/metrics"})


def log_request(scope: Scope, *, route: str, status: int, seconds: float) -> None:
    """The query string stays out: searches carry names and documents."""
    fields: dict[str, Any] = {
        "method": scope["method"],
        "route": route,
        "path": scope["path"][:200],
        "status": status,
        "duration_ms": round(seconds * 1000, 1),
    }
    actor = actor_of(scope)
    if actor is not None:
        fields.update(actor.log_fields())
    if status >= 500:
        log.error("request", **fields)
    elif route in ROUTINE:
        log.debug("request", **fields)
    else:
        log.info("request", **fields)
