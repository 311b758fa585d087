"""Facts about what accountability asks for: deadlines, incidents, reviews. Owner: core-api."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from shared_schemas.events.base import BaseEvent, Payload


class DeadlinePayload(Payload):
    """What is due, and of what."""

    deadline_id: UUID
    subject_type: Literal[
        "incident", "decision_review", "transfer", "impact_assessment", "recipient_notice"
    ]
    subject_id: UUID
    kind: Literal[
        "anpd_notice",
        "subjects_notice",
        "subjects_declaration",
        "anpd_completion",
        "review_answer",
        "validity",
        "reassessment",
        "delivery",
    ]
    due_at: datetime
    overdue: bool


class IncidentPayload(Payload):
    """Which incident, and how grave it is."""

    incident_id: UUID
    severity: Literal["low", "medium", "high", "critical"]


class ReviewPayload(Payload):
    """Which review of which automated decision."""

    review_id: UUID
    decision_id: UUID
    ticket_id: UUID
    client_id: UUID


class ReviewAnsweredPayload(ReviewPayload):
    """What a person found."""

    outcome: Literal["upheld", "changed", "annulled"]


class DeadlineWarned(BaseEvent):
    """Something will be overdue soon, or is. Told once for each of its warnings."""

    TYPE: ClassVar[str] = "deadline.warned"
    SOURCE: ClassVar[str] = "core-api"

    payload: DeadlinePayload


class IncidentRegistered(BaseEvent):
    """A security incident with personal data was registered: its clock runs."""

    TYPE: ClassVar[str] = "incident.registered"
    SOURCE: ClassVar[str] = "core-api"

    payload: IncidentPayload


class DecisionReviewRequested(BaseEvent):
    """A person is to look at an automated decision (LGPD Art. 20)."""

    TYPE: ClassVar[str] = "decision.review_requested"
    SOURCE: ClassVar[str] = "core-api"

    payload: ReviewPayload


class DecisionReviewAnswered(BaseEvent):
    """A person has looked at it."""

    TYPE: ClassVar[str] = "decision.review_answered"
    SOURCE: ClassVar[str] = "core-api"

    payload: ReviewAnsweredPayload
