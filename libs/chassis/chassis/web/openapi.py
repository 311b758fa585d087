"""Completing the OpenAPI document: every error of every route, how to authenticate, the headers
routes read."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from fastapi import FastAPI, params
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from chassis.security.authentication import Requirement
from chassis.web.errors import (
    STATUS,
    Conflict,
    DomainError,
    Forbidden,
    InvalidInput,
    NotFound,
    PayloadTooLarge,
    PreconditionFailed,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)
from chassis.web.etag import if_match
from chassis.web.idempotency import IdempotentRoute
from chassis.web.routing import calls_of, guards_of
from shared_schemas.errors import ErrorCode, ErrorDetail, Failure

_REFERENCE: Final = "#/components/schemas/{model}"
_CHANGING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_TOO_MANY: Final = TooManyRequests(retry_after=timedelta(seconds=30))
_WHEN: Final[Mapping[type[DomainError], str]] = {
    Unauthenticated: "No valid access token",
    Forbidden: "A permission is missing",
    NotFound: "No such thing in the caller's organization",
    Conflict: "The current state does not allow it",
    PreconditionFailed: "`If-Match` names a version that is no longer current",
    PayloadTooLarge: "The body is larger than allowed",
    UnsupportedMediaType: "The body is of a type this operation does not read",
    InvalidInput: "Malformed or unacceptable input; `details` names the fields",
    TooManyRequests: "Too many requests; `Retry-After` says when to come back",
    Unavailable: "A dependency is down; `Retry-After` says when to try again",
}
_REQUEST_ID: Final = "0192a000-0000-7000-8000-0000000000ff"

IDEMPOTENCY_KEY_PARAMETER: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Repeat a request with the same key and body, and get the first answer again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
IF_MATCH_PARAMETER: Final = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag the change is based on; 412 when it is no longer current.",
    "schema": {"type": "string", "examples": ['"3"']},
}
CHANGE_REASON_PARAMETER: Final = {
    "name": "X-Change-Reason",
    "in": "header",
    "required": False,
    "description": "Why, kept in the audit log: up to 300 characters, percent-encoded UTF-8.",
    "schema": {"type": "string", "examples": ["A%20pedido%20do%20cliente"]},
}


def describe(app: FastAPI, schema: dict[str, Any]) -> dict[str, Any]:
    """Adds to FastAPI's document what it cannot know. Changes `schema` in place and returns it."""
    components = schema.setdefault("components", {})
    _, definitions = models_json_schema(
        [(Failure, "serialization"), (ErrorDetail, "serialization")], ref_template=_REFERENCE
    )
    schemas = components.setdefault("schemas", {})
    schemas.update(definitions["$defs"])
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    components["securitySchemes"] = {
        "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                _complete(schema["paths"][route.path_format][method.lower()], route, method)
    return schema


def _complete(operation: dict[str, Any], route: APIRoute, method: str) -> None:
    responses = operation["responses"]
    given = responses.get("422", {})
    if "HTTPValidationError" in str(given):
        del responses["422"]
    for error in errors_of(route, method):
        responses.setdefault(str(STATUS[error].value), _response(error))
    responses.setdefault("500", _internal_error())
    if guards_of(route.dependant):
        operation["security"] = [{"accessToken": []}] if _by_token(route) else []
        operation["x-permissions"] = permissions_of(route)
    parameters = operation.setdefault("parameters", [])
    if isinstance(route, IdempotentRoute) and method == "POST":
        parameters.append(IDEMPOTENCY_KEY_PARAMETER)
    if if_match in calls_of(route.dependant):
        parameters.append(IF_MATCH_PARAMETER)
    if guards_of(route.dependant) and method in _CHANGING:
        parameters.append(CHANGE_REASON_PARAMETER)


def _by_token(route: APIRoute) -> bool:
    guards = guards_of(route.dependant)
    return all(guard.by_token for guard in guards if isinstance(guard, Requirement))


def permissions_of(route: APIRoute) -> list[str]:
    """What the caller must hold, by the route's guards; nothing: to be authenticated is enough."""
    requirements = [g for g in guards_of(route.dependant) if isinstance(g, Requirement)]
    return sorted({permission.value for r in requirements for permission in r.permissions})


def errors_of(route: APIRoute, method: str) -> Iterator[type[DomainError]]:
    """What can go wrong with a route, derived from what it takes."""
    guards = guards_of(route.dependant)
    if guards:
        yield Unauthenticated
    if any(isinstance(guard, Requirement) for guard in guards):
        yield Forbidden
    if route.param_convertors:
        yield NotFound
    if method in _CHANGING:
        yield Conflict
    if if_match in calls_of(route.dependant):
        yield PreconditionFailed
    if route.body_field is not None:
        yield PayloadTooLarge
        if not isinstance(route.body_field.field_info, params.Form):
            yield UnsupportedMediaType
    yield InvalidInput
    yield TooManyRequests
    yield Unavailable


def _response(error: type[DomainError]) -> dict[str, Any]:
    message = str(_TOO_MANY) if error is TooManyRequests else error.message
    response = _failure(_WHEN[error], error.code, message)
    if error in {TooManyRequests, Unavailable}:
        response["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return response


def _internal_error() -> dict[str, Any]:
    return _failure(
        "A fault of ours; `request_id` finds it in the logs",
        ErrorCode.INTERNAL_ERROR,
        "Ocorreu um erro interno.",
    )


def _failure(description: str, code: str, message: str) -> dict[str, Any]:
    example = Failure(code=str(code), message=message, request_id=_REQUEST_ID)
    return {
        "description": description,
        "content": {
            "application/json": {
                "schema": {"$ref": _REFERENCE.format(model="Failure")},
                "example": example.model_dump(mode="json"),
            }
        },
    }
