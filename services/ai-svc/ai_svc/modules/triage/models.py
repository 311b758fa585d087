"""One row per ticket that was opened: a job until the assistant is done with it, then a note."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from chassis.data.columns import Instant, text_enum
from chassis.messaging.job_queue import job_columns
from knowledge.models import Base
from shared_schemas.ids import OrganizationId


class TriageStatus(StrEnum):
    """How far the assistant is with a ticket."""

    WAITING = "waiting"
    PROPOSED = "proposed"
    APPLIED = "applied"  # core-api put some of it into effect
    PASSED_OVER = "passed_over"


class Because(StrEnum):
    """Why a ticket was passed over."""

    OFF = "off"  # the organization does not want triage
    BLOCKED = "blocked"  # the client's data is not to be used
    DONE = "done"  # nobody works on the ticket any more
    GONE = "gone"  # erased, merged, or of a client who is no longer there
    NOT_ALLOWED = "not_allowed"  # no purpose lets the assistant use the client's data


class Triage(Base):
    """A ticket as the assistant knows it: ids only, the ticket itself stays with core-api. Its id
    is that of the decision."""

    __table__ = sa.Table(
        "triages",
        Base.metadata,
        *job_columns(),
        sa.Column("ticket_id", sa.Uuid, nullable=False),
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column(
            "status",
            text_enum(TriageStatus, "status"),
            nullable=False,
            default=TriageStatus.WAITING,
            server_default=TriageStatus.WAITING.value,
        ),
        sa.Column("because", text_enum(Because, "because")),
        sa.Column("opened_at", Instant, nullable=False),
        sa.Column("correlation_id", sa.Text),
        sa.Column("traceparent", sa.Text),
        sa.UniqueConstraint("organization_id", "id"),
        # The inbox absorbs a repeated event; this absorbs one repeated after the inbox was pruned.
        sa.UniqueConstraint("organization_id", "ticket_id"),
        sa.Index("ix_triages_client_id", "organization_id", "client_id"),
    )

    if TYPE_CHECKING:  # the table above is all SQLAlchemy reads
        id: Mapped[UUID]
        organization_id: Mapped[OrganizationId]
        ticket_id: Mapped[UUID]
        client_id: Mapped[UUID]
        status: Mapped[TriageStatus]
        because: Mapped[Because | None]
        opened_at: Mapped[datetime]
