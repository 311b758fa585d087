"""The error body and the codes clients may branch on."""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ErrorCode(StrEnum):
    """Codes shared by all services. A context adds its own as plain UPPER_SNAKE_CASE strings."""

    BAD_REQUEST = "BAD_REQUEST"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    CONFLICT = "CONFLICT"
    GONE = "GONE"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    PRECONDITION_FAILED = "PRECONDITION_FAILED"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    VALIDATION_ERROR = "VALIDATION_ERROR"
    RATE_LIMITED = "RATE_LIMITED"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    UNAVAILABLE = "UNAVAILABLE"


class ErrorDetail(BaseModel):
    """One thing that is wrong, and where. `message` is in Brazilian Portuguese."""

    model_config = ConfigDict(frozen=True)

    field: str | None = Field(default=None, description="Path of the field, e.g. `body.email`")
    message: str
    type: str | None = Field(default=None, description="Machine-readable kind, e.g. `missing`")


class Failure(BaseModel):
    """The body of every 4xx and 5xx answer."""

    model_config = ConfigDict(frozen=True)

    status: Literal["error"] = "error"
    code: str = Field(examples=["NOT_FOUND"])
    message: str = Field(
        description="One sentence in Brazilian Portuguese: what happened and what to do",
        examples=["Cliente não encontrado. Confira o identificador."],
    )
    details: list[ErrorDetail] = []
    request_id: str
