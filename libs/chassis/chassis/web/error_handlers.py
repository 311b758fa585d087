"""Turning whatever went wrong into the one error body, with the right status and nothing that should not leave."""

from collections.abc import Mapping

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from chassis.web.errors import DomainError, status_of
from chassis.web.middleware.request_id import request_id_of
from shared_schemas.errors import Failure


def add_error_handlers(app: FastAPI, conflicts: Mapping[str, type[DomainError]]) -> None:
    """Installs the handlers of every service."""
    app.state.conflicts = conflicts

    async def domain_error(request: Request, error: Exception) -> Response:
        if not isinstance(error, DomainError):
            raise error
        body = Failure(
            code=error.code,
            message=str(error),
            details=error.details,
            request_id=request_id_of(request.scope),
        )
        return Response(
            body.model_dump_json(), status_code=status_of(error), media_type="application/json"
        )

    app.add_exception_handler(DomainError, domain_error)
