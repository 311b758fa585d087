"""Errors in OpenAI's shape, so that their clients raise what they are documented to raise."""

import json
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from ai_svc.conflicts import CONFLICTS
from ai_svc.modules.compatible.assistant import RunEnded
from ai_svc.modules.compatible.shapes import ErrorBody, ErrorFacts
from chassis.web.error_handlers import ErrorAnswers
from chassis.web.errors import DomainError, status_of
from chassis.web.middleware.boundary import has_started
from chassis.web.routing import ServiceRoute

_ANSWERS: Final = ErrorAnswers(CONFLICTS)
_KEPT_HEADERS: Final = ("retry-after", "www-authenticate", "allow")
# What OpenAI answers a malformed request; 422 would reach its clients as another exception.
_STATUS: Final = {422: 400}
_TYPES: Final = {
    401: "invalid_request_error",
    403: "permission_error",
    429: "rate_limit_error",
}
_CODES: Final = {"UNAUTHENTICATED": "invalid_api_key", "RATE_LIMITED": "rate_limit_exceeded"}
_QUOTA: Final = "insufficient_quota"
_OUT_OF_BUDGET: Final = "BUDGET_EXCEEDED"
_STATUS_OF_RUNS: Final = {
    _OUT_OF_BUDGET: HTTPStatus.TOO_MANY_REQUESTS,
    "RATE_LIMITED": HTTPStatus.TOO_MANY_REQUESTS,
    "INTERNAL_ERROR": HTTPStatus.INTERNAL_SERVER_ERROR,
    "UNAUTHENTICATED": HTTPStatus.UNAUTHORIZED,
    "FORBIDDEN": HTTPStatus.FORBIDDEN,
    "NOT_FOUND": HTTPStatus.NOT_FOUND,
    "CLIENT_ERASED": HTTPStatus.GONE,
    "VALIDATION_ERROR": HTTPStatus.BAD_REQUEST,
}

OPENAI_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": ErrorBody, "description": said}
    for status, said in (
        (400, "Malformed, or not supported; `param` names the field"),
        (401, "No valid access token"),
        (403, "A permission is missing"),
        (404, "No model of that name"),
        (409, "The current state does not allow it"),
        (410, "The client it is about was erased"),
        (413, "The body is larger than allowed"),
        (415, "The body is not JSON"),
        (422, "Never answered here: 400 instead"),
        (429, "Too many requests, or the budget is used up (`insufficient_quota`)"),
        (500, "A fault of ours"),
        (503, "A dependency is down; `Retry-After` says when to try again"),
    )
}


class CompatibleRoute(ServiceRoute):
    """A route whose every refusal is in OpenAI's shape."""

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super()._handle(scope, receive, send)
        except Exception as error:
            if has_started(scope):
                raise
            await _answer(scope, error)(scope, receive, send)


def facts_of(error: DomainError) -> ErrorFacts:
    """What a stream that has begun says of it."""
    status, code = _status_and_code(error)
    return _facts(status, code, str(error), None)


def _answer(scope: Scope, error: Exception) -> Response:
    if isinstance(error, RunEnded):
        status, code = _status_and_code(error)
        return _response(status, _facts(status, code, str(error), None), {})
    ours = _ANSWERS.answer(scope, error)
    failure = json.loads(bytes(ours.body))
    status = _STATUS.get(ours.status_code, ours.status_code)
    field = next((detail.get("field") for detail in failure["details"]), None)
    param = str(field).removeprefix("body.") if field else None
    message = _with_details(failure)
    headers = {name: ours.headers[name] for name in _KEPT_HEADERS if name in ours.headers}
    return _response(status, _facts(status, failure["code"], message, param), headers)


def _with_details(failure: dict[str, Any]) -> str:
    """OpenAI's clients show the message only: it says which field, too."""
    if failure["code"] != "VALIDATION_ERROR" or not failure["details"]:
        return str(failure["message"])
    first = failure["details"][0]
    return f"{str(first.get('field')).removeprefix('body.')}: {first['message']}"


def _status_and_code(error: DomainError) -> tuple[int, str]:
    if isinstance(error, RunEnded):
        known = _STATUS_OF_RUNS.get(error.run_code, HTTPStatus.SERVICE_UNAVAILABLE)
        return int(known), error.run_code
    status = int(status_of(error))
    return _STATUS.get(status, status), str(error.code)


def _facts(status: int, code: str, message: str, param: str | None) -> ErrorFacts:
    if code == _OUT_OF_BUDGET:
        return ErrorFacts(message=message, type=_QUOTA, param=None, code=_QUOTA)
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    named = _CODES.get(code, code.lower())
    return ErrorFacts(message=message, type=kind, param=param, code=named)


def _response(status: int, facts: ErrorFacts, headers: dict[str, str]) -> Response:
    if facts.code == _QUOTA:
        # Their clients repeat a 429 by themselves; a budget does not come back within seconds.
        headers["x-should-retry"] = "false"
    body = ErrorBody(error=facts).model_dump(mode="json")
    return JSONResponse(body, status_code=status, headers=headers)
