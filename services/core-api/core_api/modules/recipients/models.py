"""The table of notices to those whom data was shared with (LGPD Art. 18 § 6)."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import text_enum
from core_api.tables import SCHEMA, Base, VersionedRow
from shared_schemas.ids import UserId


class Act(StrEnum):
    """What happened to the data, and is to be done by the recipient as well."""

    CORRECTION = "correction"
    DELETION = "deletion"
    ANONYMISATION = "anonymisation"
    BLOCKING = "blocking"
    UNBLOCKING = "unblocking"


class NoticeState(StrEnum):
    """How far a notice has come."""

    PENDING = "pending"
    SENT = "sent"
    DELIVERED = "delivered"
    IMPOSSIBLE = "impossible"  # proven to be, or out of all proportion


class RecipientChannel(StrEnum):
    """How the recipient was told."""

    EMAIL = "email"
    LETTER = "letter"
    PHONE = "phone"
    API = "api"
    PORTAL = "portal"
    IN_PERSON = "in_person"


class RecipientNotice(VersionedRow, Base):
    """One recipient to be told of one act on one client's data."""

    __tablename__ = "recipient_notices"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint(
            "organization_id",
            "cause_id",
            "client_id",
            "act",
            "recipient",
            name="uq_recipient_notices_once",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "client_id"],
            [f"{SCHEMA}.clients.organization_id", f"{SCHEMA}.clients.id"],
        ),
        sa.Index("ix_recipient_notices_created_at", "organization_id", "created_at", "id"),
        sa.Index("ix_recipient_notices_client_id", "organization_id", "client_id", "created_at"),
        sa.Index(
            "ix_recipient_notices_open",
            "organization_id",
            "created_at",
            "id",
            postgresql_where=sa.text("state IN ('pending', 'sent')"),
        ),
    )

    client_id: Mapped[UUID]
    act: Mapped[Act] = mapped_column(text_enum(Act, "act"))
    cause_id: Mapped[UUID]  # the request, block or event it goes back to
    fields: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))  # names of what was corrected
    recipient: Mapped[str]
    recipient_role: Mapped[str]
    country: Mapped[str | None]  # of one abroad
    purpose_codes: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    state: Mapped[NoticeState] = mapped_column(text_enum(NoticeState, "state"))
    due_at: Mapped[datetime]
    channel: Mapped[RecipientChannel | None] = mapped_column(text_enum(RecipientChannel, "channel"))
    sent_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    proof: Mapped[str | None]  # where the proof is; nothing about the client
    impossible_because: Mapped[str | None]
    settled_by: Mapped[UserId | None]
