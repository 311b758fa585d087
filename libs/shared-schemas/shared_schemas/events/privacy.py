"""Facts about requests of data subjects (LGPD Art. 18). Owner: core-api; every service answers."""

from typing import ClassVar
from uuid import UUID

from pydantic import Field

from shared_schemas.events.base import BaseEvent, Payload


class ErasureRequestedPayload(Payload):
    """Whose data is to be erased, on which request."""

    privacy_request_id: UUID
    client_id: UUID


class ErasureCompletedPayload(Payload):
    """What one service erased, counted per store."""

    privacy_request_id: UUID
    client_id: UUID
    service: str
    erased: dict[str, int] = Field(default_factory=dict)


class PrivacyErasureRequested(BaseEvent):
    """Every service must erase its own data of the client."""

    TYPE: ClassVar[str] = "privacy.erasure_requested"
    SOURCE: ClassVar[str] = "core-api"

    payload: ErasureRequestedPayload


class PrivacyErasureCompleted(BaseEvent):
    """One service has erased its own and proved the absence."""

    TYPE: ClassVar[str] = "privacy.erasure_completed"
    SOURCE: ClassVar[str] = "core-api"

    payload: ErasureCompletedPayload
