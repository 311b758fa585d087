"""The table of attachments. Their bytes lie in the object storage."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import CreatedAt, Id, Tenant, text_enum
from core_api.tables import SCHEMA, Base
from shared_schemas.ids import OrganizationId, UserId


class ScanState(StrEnum):
    """What is known about viruses. What is infected is never kept."""

    UNSCANNED = "unscanned"  # no scanner is configured
    CLEAN = "clean"


def _to(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column], [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"]
    )


class Attachment(Base):
    """A file of a ticket. Only its message is ever set later."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"name"})

    __tablename__ = "attachments"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        _to("tickets", "ticket_id"),
        _to("ticket_messages", "message_id"),
        _to("members", "uploaded_by"),
        sa.Index("ix_attachments_ticket_id", "organization_id", "ticket_id", "created_at", "id"),
        sa.Index("ix_attachments_message_id", "organization_id", "message_id"),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    ticket_id: Mapped[UUID]  # where it was uploaded; once it has a message, it goes with that
    message_id: Mapped[UUID | None]  # null while pending
    name: Mapped[str]  # as shown; the object's key holds no name
    media_type: Mapped[str]  # by content
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger())
    sha256: Mapped[str]
    scan: Mapped[ScanState] = mapped_column(text_enum(ScanState, "scan"))
    uploaded_by: Mapped[UserId]
    created_at: Mapped[CreatedAt]


def object_key(organization_id: OrganizationId, attachment_id: UUID) -> str:
    """Where the bytes lie."""
    return f"{organization_id}/attachments/{attachment_id}"
