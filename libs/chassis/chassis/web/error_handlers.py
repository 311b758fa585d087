"""Turning whatever went wrong into the one error body, with the right status and nothing that
should not leave."""

import math
import socket
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

import asyncpg
import redis.exceptions
import structlog
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from chassis.data.failures import is_unavailable
from chassis.observability.sentry import report
from chassis.web.errors import (
    Conflict,
    DomainError,
    InvalidInput,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    status_of,
)
from chassis.web.middleware.request_id import request_id_of
from chassis.web.validation_messages import details_of
from shared_schemas.errors import ErrorCode, ErrorDetail, Failure

log = structlog.get_logger(__name__)

# What Starlette and FastAPI refuse by themselves: their English detail is replaced.
_FRAMEWORK: Final[Mapping[int, tuple[str, str]]] = {
    400: (ErrorCode.BAD_REQUEST, "Não foi possível ler a requisição. Confira o formato do corpo."),
    404: (ErrorCode.NOT_FOUND, "Endereço não encontrado."),
    405: (ErrorCode.METHOD_NOT_ALLOWED, "Método não permitido neste endereço."),
    413: (ErrorCode.PAYLOAD_TOO_LARGE, "O conteúdo enviado é grande demais."),
    431: (ErrorCode.BAD_REQUEST, "Os cabeçalhos da requisição são grandes demais."),
}
_INTERNAL: Final = (
    "Ocorreu um erro interno. Tente de novo; se persistir, informe o código da requisição."
)

_RETRYABLE: Final = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
)
_REFERENCES: Final = (
    asyncpg.UniqueViolationError,
    asyncpg.ForeignKeyViolationError,
    asyncpg.ExclusionViolationError,
)
# What Python raises when a server cannot be reached. Not OSError as a whole: a missing file is a
# bug.
_UNREACHABLE: Final = (
    ConnectionError,
    TimeoutError,
    socket.gaierror,
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
)


class UnstorableValue(InvalidInput):
    """PostgreSQL could not take a value that validation let through."""

    message = "Um dos valores enviados não pode ser armazenado. Confira os campos."


class ErrorAnswers:
    """From an exception to the answer. `conflicts` maps a constraint's name to the domain error
    it stands for."""

    def __init__(self, conflicts: Mapping[str, type[DomainError]]) -> None:
        self._conflicts = conflicts

    def answer(self, scope: Scope, error: Exception) -> Response:
        """The answer to any exception. Logs those that are not the caller's doing."""
        if isinstance(error, HTTPException):
            return _framework_answer(scope, error)
        if isinstance(error, RequestValidationError):
            return failure(
                scope,
                HTTPStatus.UNPROCESSABLE_ENTITY,
                ErrorCode.VALIDATION_ERROR,
                InvalidInput.message,
                details_of(error.errors()),
            )
        known = error if isinstance(error, DomainError) else self._domain_error(error)
        if known is None:
            log.error("unhandled_error", exc_info=error)
            report(error)
            return failure(
                scope, HTTPStatus.INTERNAL_SERVER_ERROR, ErrorCode.INTERNAL_ERROR, _INTERNAL
            )
        return _domain_answer(scope, known)

    def _domain_error(self, error: Exception) -> DomainError | None:
        """What an infrastructure error means to the caller; None when it is a bug of ours."""
        if isinstance(error, SQLAlchemyError):
            return self._of_database(error)
        if _is_unreachable(error):
            log.warning("dependency_unavailable", error=type(error).__name__)
            return Unavailable()
        return None

    def _of_database(self, error: SQLAlchemyError) -> DomainError | None:
        if isinstance(error, StaleDataError):
            return Conflict()
        cause = driver_error(error)
        constraint = getattr(cause, "constraint_name", None)
        mapped = self._conflicts.get(constraint) if constraint else None
        if mapped is not None:
            return mapped()
        if isinstance(cause, _REFERENCES):
            log.warning("constraint_without_domain_error", constraint=constraint)
            return Conflict()
        if isinstance(cause, _RETRYABLE) or is_unavailable(error):
            log.warning("database_unavailable", error=type(cause or error).__name__)
            return Unavailable()
        if isinstance(cause, asyncpg.DataError):
            log.warning("unstorable_value", error=type(cause).__name__)
            return UnstorableValue()
        return None


def _is_unreachable(error: Exception) -> bool:
    if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError):
        return is_unavailable(error)
    # asyncio raises a bare OSError when a name has several addresses and none answers.
    return isinstance(error, _UNREACHABLE) or type(error) is OSError


def driver_error(error: SQLAlchemyError) -> BaseException | None:
    """asyncpg's own exception inside SQLAlchemy's."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return None


def failure(
    scope: Scope,
    status: int,
    code: str,
    message: str,
    details: Sequence[ErrorDetail] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The error body as an answer."""
    body = Failure(
        code=code, message=message, details=list(details), request_id=request_id_of(scope)
    )
    return Response(
        body.model_dump_json(),
        status_code=int(status),
        headers=dict(headers) if headers else None,
        media_type="application/json",
    )


def _domain_answer(scope: Scope, error: DomainError) -> Response:
    headers: dict[str, str] = {}
    if isinstance(error, Unavailable | TooManyRequests):
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after.total_seconds())))
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = "Bearer"
    return failure(scope, status_of(error), error.code, str(error), error.details, headers)


def _framework_answer(scope: Scope, error: HTTPException) -> Response:
    code, message = _FRAMEWORK.get(
        error.status_code, (ErrorCode.BAD_REQUEST, "Não foi possível atender à requisição.")
    )
    return failure(scope, error.status_code, code, message, headers=error.headers)
