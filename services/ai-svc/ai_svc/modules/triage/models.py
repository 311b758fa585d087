"""One row per ticket that was opened: what the assistant still has to look at."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Instant, TenantRow, text_enum
from knowledge.models import Base


class TriageStatus(StrEnum):
    """How far the assistant is with a ticket."""

    WAITING = "waiting"


class Triage(TenantRow, Base):
    """A ticket as the assistant knows it: ids only, the ticket itself stays with core-api."""

    __tablename__ = "triages"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        # The inbox absorbs a repeated event; this absorbs one repeated after the inbox was pruned.
        sa.UniqueConstraint("organization_id", "ticket_id"),
        sa.Index("ix_triages_client_id", "organization_id", "client_id"),
    )

    ticket_id: Mapped[UUID]
    client_id: Mapped[UUID]
    status: Mapped[TriageStatus] = mapped_column(
        text_enum(TriageStatus, "status"), default=TriageStatus.WAITING
    )
    opened_at: Mapped[datetime] = mapped_column(Instant)
