"""What deadlines look like on the wire."""

from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from core_api.modules.deadlines.models import Deadline, DeadlineKind, DeadlineSubject


class DeadlineState(StrEnum):
    """How it stands."""

    OPEN = "open"
    OVERDUE = "overdue"
    MET = "met"
    MET_LATE = "met_late"
    WAIVED = "waived"


class DeadlineRead(BaseModel):
    """One thing that is due."""

    id: UUID
    subject_type: DeadlineSubject
    subject_id: UUID
    kind: DeadlineKind
    started_at: datetime
    due_at: datetime
    state: DeadlineState
    met_at: datetime | None
    warnings_told: int = Field(description="How many of its warnings were told", examples=[1])
    next_warning_at: datetime | None

    @classmethod
    def of(cls, deadline: Deadline, now: datetime) -> Self:
        """As it stands."""
        return cls(
            id=deadline.id,
            subject_type=deadline.subject_type,
            subject_id=deadline.subject_id,
            kind=deadline.kind,
            started_at=deadline.started_at,
            due_at=deadline.due_at,
            state=_state(deadline, now),
            met_at=deadline.met_at,
            warnings_told=deadline.warned,
            next_warning_at=deadline.next_at,
        )


def _state(deadline: Deadline, now: datetime) -> DeadlineState:
    if deadline.waived_at is not None:
        return DeadlineState.WAIVED
    if deadline.met_at is not None:
        late = deadline.met_at > deadline.due_at
        return DeadlineState.MET_LATE if late else DeadlineState.MET
    return DeadlineState.OVERDUE if now > deadline.due_at else DeadlineState.OPEN
