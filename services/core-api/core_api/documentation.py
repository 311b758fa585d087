"""What a route can answer besides success, for its OpenAPI description."""

from typing import Any, Final

from chassis.web.errors import STATUS, DomainError
from shared_schemas.errors import Failure

_REQUEST_ID: Final = "0192a000-0000-7000-8000-0000000000ff"


def raises(*errors: type[DomainError]) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route that may raise these errors: per status one example for each."""
    responses: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        response = responses.setdefault(_status(error), _response())
        response["content"]["application/json"]["examples"][error.code] = {
            "summary": (error.__doc__ or error.code).partition("\n")[0],
            "value": _example(error),
        }
    for response in responses.values():
        examples = response["content"]["application/json"]["examples"].values()
        response["description"] = " / ".join(example["summary"] for example in examples)
    return responses


def _status(error: type[DomainError]) -> int:
    return next(STATUS[cls].value for cls in error.__mro__ if cls in STATUS)


def _response() -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Failure"}
    return {"content": {"application/json": {"schema": schema, "examples": {}}}}


def _example(error: type[DomainError]) -> dict[str, Any]:
    failure = Failure(code=error.code, message=error.message, request_id=_REQUEST_ID)
    return failure.model_dump(mode="json")
