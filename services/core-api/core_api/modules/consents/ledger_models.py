"""Tables of the ledger, of what is due, of links to preferences, and of blocked processing."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import CreatedAt, Id, Tenant, text_enum
from core_api.tables import SCHEMA, Base
from shared_schemas.ids import UserId


class BlockCause(StrEnum):
    """Why data may not be used while it is kept."""

    BLOCKING = "blocking"  # LGPD Art. 18 IV
    OPPOSITION = "opposition"  # LGPD Art. 18 § 2
    OTHER = "other"


def _to(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column], [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"]
    )


class LedgerLink(Base):
    """One fact about consents, chained to the one before it. Ids, enumerations, times and hashes:
    erasing a person leaves it whole."""

    __tablename__ = "consent_ledger"
    __table_args__ = (sa.UniqueConstraint("organization_id", "receipt_id"),)

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(sa.BigInteger(), primary_key=True, autoincrement=False)
    receipt_id: Mapped[UUID]  # the row it proves: entered once
    entry: Mapped[str]  # canonical JSON
    previous_hash: Mapped[bytes]
    hash: Mapped[bytes]  # SHA-256 of previous_hash and entry


class LedgerHead(Base):
    """Where an organization's ledger ends. Locked by who extends it, as the last thing they do."""

    __tablename__ = "consent_ledger_heads"

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(sa.BigInteger())
    hash: Mapped[bytes]


class ConsentExpiry(Base):
    """A consent that will end by itself. Taken away by who ends it."""

    __tablename__ = "consent_expiries"
    __table_args__ = (
        _to("consents", "consent_id"),
        sa.Index("ix_consent_expiries_expires_at", "expires_at", "organization_id"),
    )

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    consent_id: Mapped[UUID] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]


class PreferencesLink(Base):
    """A link by which a client decides without an account; good for one decision."""

    __tablename__ = "preferences_links"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        _to("clients", "client_id"),
        sa.Index("ix_preferences_links_client_id", "organization_id", "client_id"),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    client_id: Mapped[UUID]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    created_by: Mapped[UserId]
    created_at: Mapped[CreatedAt]


class ProcessingBlock(Base):
    """A client's data may not be used, for a purpose or (null) for any, until it is lifted."""

    __tablename__ = "processing_blocks"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        _to("clients", "client_id"),
        _to("consent_purposes", "purpose_id"),
        sa.Index(
            "uq_processing_blocks_standing",
            "organization_id",
            "client_id",
            "purpose_id",
            unique=True,
            postgresql_where=sa.text("lifted_at IS NULL"),
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    client_id: Mapped[UUID]
    purpose_id: Mapped[UUID | None]
    cause: Mapped[BlockCause] = mapped_column(text_enum(BlockCause, "cause"))
    # Why, in somebody's words: sealed under the client's key.
    reason_sealed: Mapped[bytes | None]
    privacy_request_id: Mapped[UUID | None]  # where the subject asked for it
    blocked_by: Mapped[UserId]
    blocked_at: Mapped[datetime]
    lifted_by: Mapped[UserId | None]
    lifted_at: Mapped[datetime | None]
    lift_reason_sealed: Mapped[bytes | None]
