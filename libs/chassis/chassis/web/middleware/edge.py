"""The outermost layer: everything that concerns every request, in one pass.

One layer rather than five: each would wrap `send` once more and cost every request its coroutine
frames. The concerns live in the modules beside this one. Nothing here buffers, so server-sent
events flow through.
"""

from collections.abc import Mapping
from time import perf_counter
from typing import Any, Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.observability.metrics import HTTP_ACTIVE
from chassis.web.error_handlers import ErrorAnswers
from chassis.web.middleware.boundary import has_started, note_start
from chassis.web.middleware.metrics import count_request, route_template
from chassis.web.middleware.request_id import HEADER, assign_request_id
from chassis.web.middleware.request_log import log_request
from chassis.web.middleware.security_headers import Headers

log = structlog.get_logger(__name__)

_HUNG_UP: Final = 499  # the client left before there was an answer, as nginx counts it


class EdgeMiddleware:
    """Request id, security headers, metrics, and the request's log line.

    `headers_of`: paths whose answers carry other headers than `headers`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        errors: ErrorAnswers,
        headers: Headers,
        headers_of: Mapping[str, Headers],
    ) -> None:
        self._app = app
        self._errors = errors
        self._headers = headers
        self._headers_of = headers_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_at = perf_counter()
        request_id = assign_request_id(scope)
        tokens = structlog.contextvars.bind_contextvars(request_id=request_id)
        headers = self._headers_of.get(scope["path"], self._headers)
        id_header = (HEADER, request_id.encode())

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                note_start(scope, message["status"])
                message["headers"] = [id_header, *_merged(message.get("headers", ()), headers)]
            await send(message)

        HTTP_ACTIVE.inc()
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            if has_started(scope):
                log.exception("failed_while_answering")
                raise  # the server cuts the connection: the only honest end of a half-sent answer
            await self._errors.answer(scope, error)(scope, receive, send_with_headers)
        finally:
            HTTP_ACTIVE.dec()
            _finish(scope, perf_counter() - started_at)
            structlog.contextvars.reset_contextvars(**tokens)


def _finish(scope: Scope, seconds: float) -> None:
    route = route_template(scope)
    status = scope.get("cogep.status", _HUNG_UP)
    count_request(scope, route=route, status=status, seconds=seconds)
    log_request(scope, route=route, status=status, seconds=seconds)


def _merged(own: Any, added: Headers) -> Headers:
    """The route's headers win: a download may be cached, a page may have its own policy."""
    present = {name for name, _ in own}
    return [*own, *[header for header in added if header[0] not in present]]
