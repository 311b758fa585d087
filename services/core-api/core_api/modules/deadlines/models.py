"""The table of what is due, and what is told before."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import TenantRow, text_enum
from core_api.tables import Base


class DeadlineSubject(StrEnum):
    """What is to be done something about."""

    INCIDENT = "incident"
    DECISION_REVIEW = "decision_review"
    TRANSFER = "transfer"
    IMPACT_ASSESSMENT = "impact_assessment"
    RECIPIENT_NOTICE = "recipient_notice"


class DeadlineKind(StrEnum):
    """What is to be done."""

    ANPD_NOTICE = "anpd_notice"
    SUBJECTS_NOTICE = "subjects_notice"
    SUBJECTS_DECLARATION = "subjects_declaration"
    ANPD_COMPLETION = "anpd_completion"
    REVIEW_ANSWER = "review_answer"
    VALIDITY = "validity"
    REASSESSMENT = "reassessment"
    DELIVERY = "delivery"


_AT_ONCE: Final = timedelta(0)
LEADS: Final[Mapping[DeadlineKind, tuple[timedelta, ...]]] = MappingProxyType(
    {
        DeadlineKind.ANPD_NOTICE: (timedelta(hours=48), timedelta(hours=24), _AT_ONCE),
        DeadlineKind.SUBJECTS_NOTICE: (timedelta(hours=48), timedelta(hours=24), _AT_ONCE),
        DeadlineKind.SUBJECTS_DECLARATION: (timedelta(hours=24), _AT_ONCE),
        DeadlineKind.ANPD_COMPLETION: (timedelta(days=7), timedelta(days=2), _AT_ONCE),
        DeadlineKind.REVIEW_ANSWER: (timedelta(days=5), timedelta(days=1), _AT_ONCE),
        DeadlineKind.VALIDITY: (timedelta(days=30), timedelta(days=7), _AT_ONCE),
        DeadlineKind.REASSESSMENT: (timedelta(days=30), _AT_ONCE),
        DeadlineKind.DELIVERY: (_AT_ONCE,),
    }
)
"""How long before it is due each warning is told; the last one says that it is overdue."""


class Deadline(TenantRow, Base):
    """One thing that is due. A subject has one of each kind."""

    __tablename__ = "accountability_deadlines"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "subject_id", "kind"),
        sa.Index(
            "ix_accountability_deadlines_next_at",
            "next_at",
            "organization_id",
            postgresql_where=sa.text("next_at IS NOT NULL"),
        ),
        sa.Index("ix_accountability_deadlines_due_at", "organization_id", "due_at", "id"),
    )

    subject_type: Mapped[DeadlineSubject] = mapped_column(
        text_enum(DeadlineSubject, "subject_type")
    )
    subject_id: Mapped[UUID]
    kind: Mapped[DeadlineKind] = mapped_column(text_enum(DeadlineKind, "kind"))
    started_at: Mapped[datetime]
    due_at: Mapped[datetime]
    met_at: Mapped[datetime | None]
    waived_at: Mapped[datetime | None]  # it turned out that nothing is due
    warned: Mapped[int] = mapped_column(default=0)  # how many of its warnings were told
    next_at: Mapped[datetime | None]  # when the next one is to be

    @property
    def is_open(self) -> bool:
        """Whether it is still to be done."""
        return self.met_at is None and self.waived_at is None

    def set(self, started_at: datetime, due_at: datetime) -> None:
        """Due then; its warnings begin anew."""
        self.started_at, self.due_at = started_at, due_at
        self.met_at = self.waived_at = None
        self.warned = 0
        self.next_at = due_at - LEADS[self.kind][0]

    def reach(self, now: datetime) -> bool:
        """Counts the warnings whose time has come; whether it is overdue. Those that were missed
        while nobody looked are told as one."""
        leads = LEADS[self.kind]
        while self.warned < len(leads) and self.due_at - leads[self.warned] <= now:
            self.warned += 1
        more = self.warned < len(leads)
        self.next_at = self.due_at - leads[self.warned] if more else None
        return not more

    def end(self, at: datetime, *, waived: bool = False) -> None:
        """Done, or not to be done after all. No more warnings."""
        if waived:
            self.waived_at = at
        else:
            self.met_at = at
        self.next_at = None
