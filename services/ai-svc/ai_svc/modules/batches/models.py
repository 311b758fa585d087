"""Tables of batches and of what was said about each of their items."""

from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import CreatedAt, Id, Tenant, text_enum
from knowledge.models import SCHEMA, Base
from shared_schemas.ids import UserId


class Outcome(StrEnum):
    """What was said about one item at the door."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


class Batch(Base):
    """One submission of many documents."""

    __tablename__ = "batches"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.Index("ix_batches_created_at", "created_at"),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    submitted_by: Mapped[UserId]
    total: Mapped[int]
    created_at: Mapped[CreatedAt]


class BatchItem(Base):
    """One item, by its place in the submission. It goes with the document it has become."""

    __tablename__ = "batch_items"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["organization_id", "batch_id"],
            [f"{SCHEMA}.batches.organization_id", f"{SCHEMA}.batches.id"],
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "document_id"],
            [f"{SCHEMA}.documents.organization_id", f"{SCHEMA}.documents.id"],
            ondelete="CASCADE",
        ),
        sa.Index("ix_batch_items_document_id", "organization_id", "document_id"),
        sa.Index(
            "ix_batch_items_client_id",
            "organization_id",
            "client_id",
            postgresql_where=sa.text("client_id IS NOT NULL"),
        ),
    )

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    batch_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)  # 0, 1, 2 … as sent
    outcome: Mapped[Outcome] = mapped_column(text_enum(Outcome, "outcome"))
    name: Mapped[str | None]  # of what was refused, so that its sender recognises it
    document_id: Mapped[UUID | None]
    client_id: Mapped[UUID | None]  # whom it is about, also where it was refused
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
