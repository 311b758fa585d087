"""Tables of proposals, one for each ticket, and of how far an organization lets them go."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import text_enum
from core_api.modules.tickets.service import TicketPriority
from core_api.tables import SCHEMA, Base, VersionedRow
from shared_schemas.ids import UserId


class TriageMode(StrEnum):
    """How far triage goes by itself."""

    OFF = "off"  # no ticket is read for it
    PROPOSE = "propose"  # people decide
    APPLY = "apply"  # what is certain enough takes effect, and people look at it afterwards


class TriageStatus(StrEnum):
    """What became of a proposal."""

    PROPOSED = "proposed"
    APPLIED = "applied"  # some of it, by itself
    ACCEPTED = "accepted"  # some of it, by a person
    DECLINED = "declined"


class TriageField(StrEnum):
    """What of a ticket a proposal is about."""

    CATEGORY = "category"
    PRIORITY = "priority"
    TEAM = "team"
    DRAFT = "draft"


def _refers(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column], [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"]
    )


def _share(name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{name} BETWEEN 0 AND 1", name=name)


_NO_TEXTS: Final = sa.text("'{}'::text[]")
_NOTHING: Final = sa.text("'[]'::jsonb")


class TicketTriage(VersionedRow, Base):
    """A proposal. Its id is that of the decision, given by whoever decided."""

    __tablename__ = "ticket_triages"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "ticket_id"),
        _refers("ticket_id", "tickets"),
        _refers("category_id", "ticket_categories"),
        _refers("team_id", "teams"),
        _refers("decided_by", "members"),
        _share("category_confidence"),
        _share("priority_confidence"),
        _share("team_confidence"),
        sa.Index(
            "ix_ticket_triages_drafts",
            "organization_id",
            "id",
            postgresql_where=sa.text("draft IS NOT NULL"),
        ),
    )

    ticket_id: Mapped[UUID]
    status: Mapped[TriageStatus] = mapped_column(text_enum(TriageStatus, "status"))
    category_id: Mapped[UUID | None]
    category_confidence: Mapped[float | None]
    priority: Mapped[TicketPriority | None] = mapped_column(text_enum(TicketPriority, "priority"))
    priority_confidence: Mapped[float | None]
    team_id: Mapped[UUID | None]
    team_confidence: Mapped[float | None]
    inputs: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()), server_default=_NO_TEXTS)
    criteria: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()), server_default=_NO_TEXTS)
    model: Mapped[str]
    prompt_version: Mapped[str | None]
    draft: Mapped[str | None]
    citations: Mapped[list[dict[str, Any]]] = mapped_column(JSONB(), server_default=_NOTHING)
    document_ids: Mapped[list[UUID]] = mapped_column(
        ARRAY(sa.Uuid()), server_default=sa.text("'{}'::uuid[]")
    )
    duplicates: Mapped[list[dict[str, Any]]] = mapped_column(JSONB(), server_default=_NOTHING)
    reasons: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()), server_default=_NO_TEXTS)
    # Names of fields: what took effect by itself, what did not because a person had decided it,
    # and what a person took over.
    applied: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()), server_default=_NO_TEXTS)
    kept: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()), server_default=_NO_TEXTS)
    accepted: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()), server_default=_NO_TEXTS)
    decided_by: Mapped[UserId | None]
    decided_at: Mapped[datetime | None]
    decline_reason: Mapped[str | None]

    @property
    def confidence(self) -> float | None:
        """Of the whole: that of its weakest part."""
        parts = (self.category_confidence, self.priority_confidence, self.team_confidence)
        return min((part for part in parts if part is not None), default=None)

    @property
    def proposed(self) -> list[TriageField]:
        """What it says anything about."""
        said = {
            TriageField.CATEGORY: self.category_id,
            TriageField.PRIORITY: self.priority,
            TriageField.TEAM: self.team_id,
            TriageField.DRAFT: self.draft,
        }
        return [field for field, value in said.items() if value is not None]


class TriageSettings(VersionedRow, Base):
    """One row per organization that has changed anything."""

    __tablename__ = "triage_settings"
    __table_args__ = (sa.UniqueConstraint("organization_id"), _share("least_confidence"))

    mode: Mapped[TriageMode] = mapped_column(text_enum(TriageMode, "mode"))
    least_confidence: Mapped[float]  # from which on a field takes effect by itself
