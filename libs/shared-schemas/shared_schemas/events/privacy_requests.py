"""Facts about requests of data subjects themselves (LGPD Art. 18). Owner: core-api."""

from typing import ClassVar
from uuid import UUID

from shared_schemas.events.base import BaseEvent, Payload


class PrivacyRequestPayload(Payload):
    """Which request, about whom, and what it asks for."""

    privacy_request_id: UUID
    client_id: UUID
    type: str


class PrivacyRequestClosedPayload(PrivacyRequestPayload):
    """A request, and how it ended."""

    outcome: str  # completed, refused, cancelled


class PrivacyDeadlinePayload(PrivacyRequestPayload):
    """A request, and how many days its deadline is away; 0: it is over."""

    days_left: int


class PrivacyRequestOpened(BaseEvent):
    """Somebody asks for one of their rights."""

    TYPE: ClassVar[str] = "privacy.request_opened"
    SOURCE: ClassVar[str] = "core-api"

    payload: PrivacyRequestPayload


class PrivacyRequestClosed(BaseEvent):
    """A request was fulfilled, refused or withdrawn."""

    TYPE: ClassVar[str] = "privacy.request_closed"
    SOURCE: ClassVar[str] = "core-api"

    payload: PrivacyRequestClosedPayload


class PrivacyDeadlineWarned(BaseEvent):
    """A deadline comes near, or has passed with the request still open."""

    TYPE: ClassVar[str] = "privacy.deadline_warned"
    SOURCE: ClassVar[str] = "core-api"

    payload: PrivacyDeadlinePayload
