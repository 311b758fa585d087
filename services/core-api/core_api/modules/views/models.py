"""Tables of saved views, and of whose first one is which."""

from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Tenant
from core_api.sharing import once_per_owner
from core_api.tables import SCHEMA, Base, VersionedRow
from shared_schemas.ids import UserId


def _to_member(column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column],
        [f"{SCHEMA}.members.organization_id", f"{SCHEMA}.members.id"],
    )


class SavedView(VersionedRow, Base):
    """Which tickets, in which order, with which columns."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"name", "filter"})

    __tablename__ = "saved_views"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        _to_member("owner_id"),
        once_per_owner("uq_saved_views_name"),
    )

    owner_id: Mapped[UserId | None]  # null: shared by everybody of the organization
    name: Mapped[str]
    filter: Mapped[dict[str, Any]] = mapped_column(JSONB())
    sort: Mapped[str]
    columns: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    position: Mapped[int]


class DefaultView(Base):
    """The view somebody wants to see first."""

    __tablename__ = "default_views"
    __table_args__ = (
        _to_member("member_id"),
        sa.ForeignKeyConstraint(
            ["organization_id", "view_id"],
            [f"{SCHEMA}.saved_views.organization_id", f"{SCHEMA}.saved_views.id"],
            ondelete="CASCADE",
        ),
        sa.Index("ix_default_views_view_id", "organization_id", "view_id"),
    )

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    member_id: Mapped[UserId] = mapped_column(sa.Uuid(), primary_key=True)
    view_id: Mapped[UUID]
