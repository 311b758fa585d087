"""Tables of uploads under way, and of the parts that have arrived."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Instant, Tenant, TenantRow
from knowledge.models import SCHEMA, Base
from shared_schemas.ids import UserId


class Upload(TenantRow, Base):
    """A file that arrives in parts. `received_bytes` only grows, and whoever makes it whole submits
    the document in the same transaction: there is no moment with all the bytes and no document."""

    __tablename__ = "uploads"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.CheckConstraint("received_bytes BETWEEN 0 AND size_bytes", name="received_bytes"),
        sa.Index("ix_uploads_user_id", "organization_id", "user_id"),
        sa.Index("ix_uploads_expires_at", "expires_at"),
    )

    user_id: Mapped[UserId]
    file_name: Mapped[str | None]
    fields: Mapped[dict[str, Any]] = mapped_column(JSONB)  # what was said about the document
    sha256: Mapped[str | None]  # of the whole, if the sender said so; hex
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    received_bytes: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    document_id: Mapped[UUID | None]  # once complete
    expires_at: Mapped[datetime] = mapped_column(Instant)


class UploadPart(Base):
    """A stretch of an upload, in an object of its own."""

    __tablename__ = "upload_parts"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["organization_id", "upload_id"],
            [f"{SCHEMA}.uploads.organization_id", f"{SCHEMA}.uploads.id"],
            ondelete="CASCADE",
        ),
    )

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    upload_id: Mapped[UUID] = mapped_column(primary_key=True)
    starts_at: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)  # byte of the whole
    storage_key: Mapped[str]
