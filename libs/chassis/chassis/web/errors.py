"""Errors a use case may raise. One table here maps a class to an HTTP status; contexts only name
what went wrong.

class ClientNotFound(NotFound):
    code = "CLIENT_NOT_FOUND"
    message = "Cliente não encontrado. Confira o identificador."

class TransitionRefused(Conflict):
    code = "TICKET_TRANSITION_REFUSED"
    message = "O chamado está {status} e não pode passar para {wanted}."

raise TransitionRefused(status="closed", wanted="pending")
"""

from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from math import ceil
from typing import ClassVar, Final

from shared_schemas.errors import ErrorCode, ErrorDetail


class DomainError(Exception):
    """Something the caller can understand. Keyword arguments fill `message` and go to `details` by
    name.

    `message` is one sentence or two in Brazilian Portuguese: what happened and what to do.
    """

    code: ClassVar[str] = ErrorCode.BAD_REQUEST
    message: ClassVar[str] = "Não foi possível atender ao pedido."

    def __init__(self, *, details: Sequence[ErrorDetail] = (), **fields: object) -> None:
        super().__init__(self.message.format(**fields) if fields else self.message)
        self.fields = fields
        self.details = [
            *details,
            *(ErrorDetail(field=name, message=str(value)) for name, value in fields.items()),
        ]


class NotFound(DomainError):
    """Absent, or another organization's: the caller cannot tell which."""

    code: ClassVar[str] = ErrorCode.NOT_FOUND
    message = "Não encontrado. Confira o identificador."


class Gone(DomainError):
    """The caller's organization had it, and it was deleted for good."""

    code: ClassVar[str] = ErrorCode.GONE
    message = "O registro foi excluído."


class Conflict(DomainError):
    """The state of the thing does not allow it."""

    code: ClassVar[str] = ErrorCode.CONFLICT
    message = "O pedido conflita com o estado atual. Atualize os dados e tente de novo."


class InvalidInput(DomainError):
    """Well-formed, but not acceptable. `on` names the field."""

    code: ClassVar[str] = ErrorCode.VALIDATION_ERROR
    message = "Há dados inválidos. Confira os campos indicados."

    @classmethod
    def on(cls, field: str, message: str, kind: str = "value_error") -> "InvalidInput":
        """The error of one field, e.g. `InvalidInput.on("body.document", "CPF inválido.")`."""
        return cls(details=[ErrorDetail(field=field, message=message, type=kind)])


class Unauthenticated(DomainError):
    """No credentials, or none that hold."""

    code: ClassVar[str] = ErrorCode.UNAUTHENTICATED
    message = "Sessão ausente ou inválida. Entre novamente."


class Forbidden(DomainError):
    """Known, but not allowed."""

    code: ClassVar[str] = ErrorCode.FORBIDDEN
    message = "Você não tem permissão para esta operação."


class PreconditionFailed(DomainError):
    """`If-Match` names a version that is no longer current."""

    code: ClassVar[str] = ErrorCode.PRECONDITION_FAILED
    message = "O registro foi alterado por outra pessoa. Recarregue e tente de novo."


class PayloadTooLarge(DomainError):
    """The body or file exceeds the limit."""

    code: ClassVar[str] = ErrorCode.PAYLOAD_TOO_LARGE
    message = "O conteúdo enviado é grande demais."


class UnsupportedMediaType(DomainError):
    """Not a type this operation reads."""

    code: ClassVar[str] = ErrorCode.UNSUPPORTED_MEDIA_TYPE
    message = "Tipo de conteúdo não aceito."


class TooManyRequests(DomainError):
    """The caller's quota is used up until `retry_after`."""

    code: ClassVar[str] = ErrorCode.RATE_LIMITED
    message = "Muitas requisições. Aguarde {seconds} s e tente de novo."

    def __init__(self, *, retry_after: timedelta) -> None:
        super().__init__(seconds=max(1, ceil(retry_after.total_seconds())))
        self.retry_after = retry_after


class Unavailable(DomainError):
    """Something this needs is down for the moment; the same call may succeed later."""

    code: ClassVar[str] = ErrorCode.UNAVAILABLE
    message = "Serviço temporariamente indisponível. Tente de novo em instantes."

    def __init__(
        self, *, retry_after: timedelta = timedelta(seconds=5), details: Sequence[ErrorDetail] = ()
    ) -> None:
        super().__init__(details=details)
        self.retry_after = retry_after


STATUS: Final[dict[type[DomainError], HTTPStatus]] = {
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    Gone: HTTPStatus.GONE,
    PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    PayloadTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    DomainError: HTTPStatus.BAD_REQUEST,
}


def status_of(error: DomainError) -> HTTPStatus:
    """The status of the nearest class in the table."""
    return next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)
