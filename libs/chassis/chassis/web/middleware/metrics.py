"""Counting and timing requests by method, route template and status. Labels stay bounded
whatever is asked."""

from functools import lru_cache
from typing import Any, Final

from starlette.types import Scope

from chassis.observability.metrics import HTTP_DURATION, HTTP_REQUESTS

UNMATCHED: Final = "unmatched"
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


def route_template(scope: Scope) -> str:
    """The template of the route that answered, e.g. `/api/v1/clients/{client_id}`."""
    route = scope.get("route")
    return getattr(route, "path", UNMATCHED) if route is not None else UNMATCHED


def count_request(scope: Scope, *, route: str, status: int, seconds: float) -> None:
    """Adds one finished request."""
    method = scope["method"] if scope["method"] in _METHODS else "OTHER"
    requests, duration = _series(method, route, status)
    requests.inc()
    duration.observe(seconds)


@lru_cache(maxsize=4096)  # finding a label set costs more than adding to it
def _series(method: str, route: str, status: int) -> tuple[Any, Any]:
    return (
        HTTP_REQUESTS.labels(method, route, str(status)),
        HTTP_DURATION.labels(method, route),
    )
