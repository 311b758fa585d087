"""The innermost layer: what is refused before routing, and the answer to every error routes let
out."""

from http import HTTPStatus
from typing import Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis.web.error_handlers import ErrorAnswers
from chassis.web.middleware.body_limit import MAXIMUM_HEADER_BYTES, BodyLimit
from chassis.web.request_body import unstorable

ALIAS: Final = "/api/"
VERSIONED: Final = "/api/v1/"


class BoundaryMiddleware:
    """Stands in for FastAPI's exception middleware, whose answers are not ours.

    `unaliased`: the paths under /api that are what they say (documentation), not short for /api/v1.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        errors: ErrorAnswers,
        body_limit: BodyLimit,
        unaliased: frozenset[str],
    ) -> None:
        self._app = app
        self._errors = errors
        self._body_limit = body_limit
        self._unaliased = unaliased

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            _refuse_unreadable(scope)
            self._resolve_alias(scope)
            await self._app(scope, self._body_limit.receive(scope, receive), send)
        except Exception as error:
            if has_started(scope):
                raise
            await self._errors.answer(scope, error)(scope, receive, send)

    def _resolve_alias(self, scope: Scope) -> None:
        path = scope["path"]
        if path.startswith(ALIAS) and not path.startswith(VERSIONED):
            if path in self._unaliased:
                return
            scope["path"] = f"{VERSIONED}{path[len(ALIAS) :]}"


def note_start(scope: Scope, status: int) -> None:
    """Called by the outermost layer when the answer's head goes out."""
    scope["cogep.status"] = status


def has_started(scope: Scope) -> bool:
    """Whether the head of the answer is out, so that no other answer can be given."""
    return "cogep.status" in scope


def _refuse_unreadable(scope: Scope) -> None:
    size = 0
    for name, value in scope["headers"]:
        size += len(name) + len(value)
    if size > MAXIMUM_HEADER_BYTES:
        raise HTTPException(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
    if "\0" in scope["path"]:
        raise RequestValidationError([unstorable(("path",))])
    if b"%00" in scope["query_string"] or b"\0" in scope["query_string"]:
        raise RequestValidationError([unstorable(("query",))])
