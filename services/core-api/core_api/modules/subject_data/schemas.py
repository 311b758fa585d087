"""What answers to data subjects look like on the wire."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core_api.modules.subject_data.documents import Answer
from core_api.modules.subject_data.models import AnswerState, FileFormat, Obstacle

__all__ = ["Answer", "AnswerStateRead", "FileLinkRead", "FileRead"]


class FileRead(BaseModel):
    """A copy that can be fetched until it expires."""

    id: UUID
    format: FileFormat
    size_bytes: int = Field(examples=[48213])
    sha256: str = Field(description="Of the plain file, hexadecimal")
    created_at: datetime
    expires_at: datetime = Field(description="Then it is deleted for good")
    deleted_at: datetime | None
    downloads: int = Field(description="How often it was handed over")
    link_downloads: int = Field(description="Of those, by links")

    model_config = ConfigDict(from_attributes=True)


class AnswerStateRead(BaseModel):
    """How far the answer to a request has come."""

    state: AnswerState
    waiting_for: Obstacle | None = Field(
        description="Why a copy is not there yet; it is tried again by itself"
    )
    attempts: int = Field(examples=[1])
    next_attempt_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    files: list[FileRead]


class FileLinkRead(BaseModel):
    """Shown once: whoever holds it fetches the file without an account."""

    url: str
    expires_at: datetime
    downloads_left: int = Field(description="By all links of this file", examples=[5])
