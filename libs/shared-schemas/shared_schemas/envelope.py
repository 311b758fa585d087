"""The success envelope around every answer with a body."""

from datetime import UTC, datetime
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, Field

from shared_schemas.pagination import CursorMeta, PageMeta

T = TypeVar("T")


def _now() -> datetime:
    return datetime.now(UTC)


class Success(BaseModel, Generic[T]):
    """`data` is what was asked for; `meta` is present on lists."""

    status: Literal["success"] = "success"
    data: T
    meta: CursorMeta | PageMeta | None = None
    errors: None = None
    timestamp: datetime = Field(default_factory=_now)
    request_id: str | None = None
