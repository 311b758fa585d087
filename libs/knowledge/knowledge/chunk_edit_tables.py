"""What people corrected in passages, and which passages they switched off."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import CreatedAt, Id, Instant, Tenant, text_enum
from knowledge.models import Base
from shared_schemas.ids import UserId


class EditKind(StrEnum):
    """What was done to a stretch of text."""

    CORRECTION = "correction"
    SWITCH_OFF = "switch_off"


class ChunkEdit(Base):
    """An edit stands until somebody undoes it; every version to come is made with it.

    `original` is the stretch as it read when it was edited: in the normalised text, with the
    corrections before this one applied. `found_in` is the last version that held it.
    """

    __tablename__ = "chunk_edits"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.ForeignKeyConstraint(
            ["organization_id", "document_id"],
            ["ai.documents.organization_id", "ai.documents.id"],
            ondelete="CASCADE",
        ),
        sa.Index(None, "organization_id", "document_id", "id"),
        sa.Index(
            "uq_chunk_edits_switched_off",
            "organization_id",
            "document_id",
            "original_sha256",
            unique=True,
            postgresql_where=sa.text("kind = 'switch_off' AND undone_at IS NULL"),
        ),
        sa.CheckConstraint("(kind = 'correction') = (replacement IS NOT NULL)", name="replacement"),
        sa.CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="undone"),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    document_id: Mapped[UUID]
    kind: Mapped[EditKind] = mapped_column(text_enum(EditKind, "kind"))
    original: Mapped[str]
    original_sha256: Mapped[str]
    replacement: Mapped[str | None]
    char_start: Mapped[int]  # where it began in the version that was read
    version_number: Mapped[int]  # that version
    found_in: Mapped[int | None]
    created_by: Mapped[UserId]
    created_at: Mapped[CreatedAt]
    undone_by: Mapped[UserId | None]
    undone_at: Mapped[datetime | None] = mapped_column(Instant)
