"""The table of retention runs: when, over how many clients, with what outcome. Counts only."""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Id, Tenant, utc_now
from core_api.tables import Base
from shared_schemas.ids import UserId

_NOTHING: Final = sa.text("'{}'::jsonb")
_NO_ERRORS: Final = sa.text("'{}'::text[]")
_MOST_ERRORS: Final = 20


class RetentionRun(Base):
    """One way through all clients of an organization, by schedule or because somebody asked."""

    __tablename__ = "retention_runs"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "day"),  # one a day, however many workers
        sa.Index(
            "uq_retention_runs_unfinished",
            "organization_id",
            unique=True,
            postgresql_where=sa.text("finished_at IS NULL"),
        ),
        sa.Index("ix_retention_runs_started_at", "organization_id", "started_at", "id"),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    day: Mapped[date | None]  # of the schedule; null when somebody asked for it
    requested_by: Mapped[UserId | None]
    correlation_id: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(default=utc_now)
    finished_at: Mapped[datetime | None]
    after_client_id: Mapped[UUID | None]  # those up to it are done
    clients: Mapped[int] = mapped_column(default=0, server_default="0")  # looked at
    due: Mapped[int] = mapped_column(default=0, server_default="0")
    deleted: Mapped[int] = mapped_column(default=0, server_default="0")  # begun, as requests
    anonymized: Mapped[int] = mapped_column(default=0, server_default="0")
    held: Mapped[int] = mapped_column(default=0, server_default="0")
    under_way: Mapped[int] = mapped_column(default=0, server_default="0")  # asked for already
    failed: Mapped[int] = mapped_column(default=0, server_default="0")
    purposes: Mapped[dict[str, Any]] = mapped_column(JSONB(), default=dict, server_default=_NOTHING)
    errors: Mapped[list[str]] = mapped_column(
        ARRAY(sa.Text()), default=list, server_default=_NO_ERRORS
    )  # codes

    def went_wrong(self, code: str) -> None:
        """One client could not be dealt with; the next run tries again."""
        self.failed += 1
        if code not in self.errors and len(self.errors) < _MOST_ERRORS:
            self.errors = [*self.errors, code]
