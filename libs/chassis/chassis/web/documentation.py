"""What a route can answer besides success, for its OpenAPI description."""

from typing import Any, Final

from chassis.web.errors import DomainError, InvalidInput, status_of
from shared_schemas.errors import Failure

_REQUEST_ID: Final = "0192a000-0000-7000-8000-0000000000ff"


def raises(*errors: type[DomainError] | DomainError) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route that may raise these errors: per status one example for each.

    An error whose message names values is given as an instance with sample values.
    """
    responses: dict[int | str, dict[str, Any]] = {}
    given = [error() if isinstance(error, type) else error for error in errors]
    if any(isinstance(error, InvalidInput) for error in given):
        given.append(InvalidInput())  # what any malformed request is answered
    for error in given:
        response = responses.setdefault(status_of(error).value, _empty())
        examples = response["content"]["application/json"]["examples"]
        examples[str(error.code)] = {"summary": _summary(error), "value": _value(error)}
        response["description"] = " ".join(example["summary"] for example in examples.values())
    return responses


def _empty() -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Failure"}
    return {"content": {"application/json": {"schema": schema, "examples": {}}}}


def _summary(error: DomainError) -> str:
    return (type(error).__doc__ or error.code).partition("\n")[0]


def _value(error: DomainError) -> dict[str, Any]:
    failure = Failure(
        code=error.code, message=str(error), details=error.details, request_id=_REQUEST_ID
    )
    return failure.model_dump(mode="json")
