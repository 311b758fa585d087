"""Tables of answers to data subjects, and of the files that wait to be fetched.

Neither refers to a client: both go by the request, and what they say is sealed under the client's
own key, so that it ends with that key.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import TenantRow, text_enum
from core_api.tables import SCHEMA, Base
from shared_schemas.ids import OrganizationId, UserId

_FOLDER: Final = "subject-data"


class AnswerState(StrEnum):
    """How far an answer has come."""

    ASSEMBLING = "assembling"  # more is to come
    COMPLETE = "complete"
    STOPPED = "stopped"  # the request was closed, or the person erased, before it was complete


class Obstacle(StrEnum):
    """What an answer waits for."""

    AI_SVC = "ai-svc"  # is down, or says what cannot be read
    STORAGE = "storage"
    ERASURE = "erasure"  # of this person, or their anonymisation: what it leaves is seen then
    ERROR = "error"  # ours: the logs say which


class FileFormat(StrEnum):
    """What a file is."""

    PDF = "pdf"
    JSON = "json"
    ZIP = "zip"


def _request() -> list[str]:
    return [f"{SCHEMA}.privacy_requests.organization_id", f"{SCHEMA}.privacy_requests.id"]


class SubjectDataAnswer(TenantRow, Base):
    """The answer to one request: what was said at once, and how far the rest has come."""

    __tablename__ = "subject_data_answers"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["organization_id", "request_id"], _request(), name="fk_subject_data_answers_request"
        ),
        sa.UniqueConstraint("organization_id", "request_id"),
        sa.Index(
            "ix_subject_data_answers_next_attempt_at",
            "next_attempt_at",
            "organization_id",
            postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
        ),
    )

    request_id: Mapped[UUID]
    state: Mapped[AnswerState] = mapped_column(text_enum(AnswerState, "state"))
    answer_sealed: Mapped[bytes | None]  # key id, then the sealed JSON of an `Answer`
    requested_by: Mapped[UserId]
    correlation_id: Mapped[str]  # of the request that started it
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    next_attempt_at: Mapped[datetime | None]
    waiting_for: Mapped[Obstacle | None] = mapped_column(text_enum(Obstacle, "waiting_for"))
    finished_at: Mapped[datetime | None]


class SubjectDataFile(TenantRow, Base):
    """A sealed file in the object storage. Without its key the object is noise."""

    __tablename__ = "subject_data_files"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["organization_id", "request_id"], _request(), name="fk_subject_data_files_request"
        ),
        sa.UniqueConstraint("organization_id", "request_id", "format"),
        sa.Index(
            "ix_subject_data_files_expires_at",
            "expires_at",
            "organization_id",
            postgresql_where=sa.text("deleted_at IS NULL"),
        ),
    )

    request_id: Mapped[UUID]
    format: Mapped[FileFormat] = mapped_column(text_enum(FileFormat, "format"))
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger())  # of the plain file
    sha256: Mapped[str]  # of the plain file
    key_sealed: Mapped[bytes | None]  # id of the client's key, then the file's own, sealed by it
    expires_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    downloads: Mapped[int] = mapped_column(default=0, server_default="0")
    link_downloads: Mapped[int] = mapped_column(default=0, server_default="0")


def object_key(organization_id: OrganizationId, file_id: UUID) -> str:
    """Where the sealed bytes lie."""
    return f"{folder(organization_id)}{file_id}"


def folder(organization_id: OrganizationId) -> str:
    """Where an organization's sealed files lie."""
    return f"{organization_id}/{_FOLDER}/"
