"""The table of categories, a tree by materialised paths."""

from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core_api.tables import SCHEMA, Base, VersionedRow

MAXIMUM_DEPTH: Final = 5
_STEP: Final = len(f"{UUID(int=0)}/")


class Category(VersionedRow, Base):
    """What a ticket is about."""

    __tablename__ = "ticket_categories"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.ForeignKeyConstraint(
            ["organization_id", "parent_id"],
            [f"{SCHEMA}.ticket_categories.organization_id", f"{SCHEMA}.ticket_categories.id"],
        ),
        sa.Index("ix_ticket_categories_path", "organization_id", "path", "id"),
        sa.Index(
            "uq_ticket_categories_name",
            "organization_id",
            "parent_id",
            "name",
            unique=True,
            postgresql_where=sa.text("archived_at IS NULL"),
            postgresql_nulls_not_distinct=True,
        ),
    )

    name: Mapped[str]
    parent_id: Mapped[UUID | None]
    # The ids from the root to itself, each followed by a slash: everything below it begins with it,
    # and in byte order that is a range of an index. Siblings come in the order they were made.
    path: Mapped[str] = mapped_column(sa.Text(collation="C"))
    archived_at: Mapped[datetime | None]

    @property
    def depth(self) -> int:
        """1 for a root."""
        return len(self.path) // _STEP


def path_below(parent: Category | None, category_id: UUID) -> str:
    """The path of a child of `parent`, or of a root."""
    return f"{parent.path if parent else ''}{category_id}/"
