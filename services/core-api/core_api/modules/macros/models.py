"""Tables of canned replies and macros."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Tenant
from core_api.sharing import once_per_owner
from core_api.tables import SCHEMA, Base, VersionedRow
from shared_schemas.ids import UserId


def _refers(
    column: str, table: str, *, name: str | None = None, ondelete: str | None = None
) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column],
        [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"],
        name=name,
        ondelete=ondelete,
    )


class CannedReply(VersionedRow, Base):
    """A text to reply with, its variables in double braces."""

    __tablename__ = "canned_replies"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        _refers("owner_id", "members"),
        once_per_owner("uq_canned_replies_name"),
    )

    owner_id: Mapped[UserId | None]  # null: shared by everybody of the organization
    name: Mapped[str]
    body: Mapped[str]


class Macro(VersionedRow, Base):
    """Actions on a ticket, in order, all or none."""

    __tablename__ = "macros"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        _refers("owner_id", "members"),
        once_per_owner("uq_macros_name"),
    )

    owner_id: Mapped[UserId | None]  # null: shared by everybody of the organization
    name: Mapped[str]
    actions: Mapped[list[dict[str, Any]]] = mapped_column(JSONB())
    position: Mapped[int]


class MacroCannedReply(Base):
    """Which canned replies a macro uses: none of them can be deleted meanwhile."""

    __tablename__ = "macro_canned_replies"
    __table_args__ = (
        _refers("macro_id", "macros", ondelete="CASCADE"),
        _refers("canned_reply_id", "canned_replies", name="fk_macro_canned_replies_canned_reply"),
        sa.Index("ix_macro_canned_replies_canned_reply_id", "organization_id", "canned_reply_id"),
    )

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    macro_id: Mapped[UUID] = mapped_column(primary_key=True)
    canned_reply_id: Mapped[UUID] = mapped_column(primary_key=True)
