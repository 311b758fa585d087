"""What the gateway lets this service say for another one that is away.

The rules are in services/gateway/dynamic/middlewares.yml: when a service cannot be reached, the
gateway asks its neighbour for these words. Not routed from outside.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chassis.web.errors import Unavailable

# In development the gateway asks with GET; production sends the caller's own request here.
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def gateway_error_routes() -> list[Route]:
    """One page: the neighbour is away."""
    return [Route("/gateway-errors/503", _away, methods=_METHODS, include_in_schema=False)]


async def _away(_request: Request) -> Response:
    raise Unavailable
