"""Tables of clients that were joined, and of pairs that are known to be two."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import CreatedAt, Tenant, utc_now
from core_api.tables import SCHEMA, Base, VersionedRow
from shared_schemas.ids import UserId

REVERSIBLE: Final = timedelta(days=30)


def _refers(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column], [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"]
    )


class ClientMerge(VersionedRow, Base):
    """One client that went into another. The merged client's row keeps what it was."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"reason"})

    __tablename__ = "client_merges"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        _refers("survivor_id", "clients"),
        _refers("merged_id", "clients"),
        _refers("merged_by", "members"),
        _refers("undone_by", "members"),
        sa.CheckConstraint("survivor_id <> merged_id", name="two_clients"),
        sa.Index("ix_client_merges_created_at", "organization_id", "created_at", "id"),
        sa.Index(
            "ix_client_merges_survivor_id", "organization_id", "survivor_id", "created_at", "id"
        ),
        sa.Index(
            "uq_client_merges_standing",
            "organization_id",
            "merged_id",
            unique=True,
            postgresql_where=sa.text("undone_at IS NULL"),
        ),
    )

    survivor_id: Mapped[UUID]
    merged_id: Mapped[UUID]
    merged_by: Mapped[UserId]
    reason: Mapped[str | None]
    # What it did to the survivor: names of fields, and their values sealed under its key.
    changed: Mapped[dict[str, Any]] = mapped_column(JSONB())
    moved: Mapped[dict[str, list[str]]] = mapped_column(JSONB())  # relation → ids
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[UserId | None]

    @property
    def reversible_until(self) -> datetime:
        """The end of the time in which it can be undone."""
        return self.created_at + REVERSIBLE

    def undo(self, by: UserId) -> None:
        """From now on there are two clients again."""
        self.undone_at = utc_now()
        self.undone_by = by


class ClientDistinction(Base):
    """Two clients that look like one, and that somebody knows to be two. The smaller id first."""

    __tablename__ = "client_distinctions"
    __table_args__ = (
        _refers("client_id", "clients"),
        _refers("other_id", "clients"),
        _refers("created_by", "members"),
        sa.CheckConstraint("client_id < other_id", name="ordered"),
        sa.Index("ix_client_distinctions_other_id", "organization_id", "other_id", "client_id"),
    )

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    other_id: Mapped[UUID] = mapped_column(primary_key=True)
    created_by: Mapped[UserId]
    created_at: Mapped[CreatedAt]
