"""Facts about requests of data subjects (LGPD Art. 18). Owner: core-api; every service answers."""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self
from uuid import UUID

from pydantic import Field

from shared_schemas.events.base import BaseEvent, Payload

ErasureMode = Literal["erasure", "replay"]
"""`replay`: a backup was restored that still holds who was erased since. Erase again, always."""


class ErasureRequestedPayload(Payload):
    """Whose data is to be erased, on which request."""

    privacy_request_id: UUID
    client_id: UUID
    client_ids: tuple[UUID, ...] = Field(
        default=(), description="The client and all merged into it; empty: the client alone"
    )
    mode: ErasureMode = "erasure"

    @property
    def subjects(self) -> tuple[UUID, ...]:
        """Every client id whose data goes."""
        return self.client_ids or (self.client_id,)


class ErasureCompletedPayload(Payload):
    """What one service erased and what it had to keep, counted per store."""

    privacy_request_id: UUID
    client_id: UUID
    service: str
    erased: dict[str, int] = Field(default_factory=dict)
    kept: dict[str, int] = Field(default_factory=dict)


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

    @classmethod
    def answering(
        cls,
        asked: PrivacyErasureRequested,
        service: str,
        *,
        erased: Mapping[str, int],
        kept: Mapping[str, int],
    ) -> Self:
        """What `service` says once it has queried again and found nothing."""
        event = cls.caused(
            organization_id=asked.organization_id,
            correlation_id=asked.correlation_id,
            privacy_request_id=asked.payload.privacy_request_id,
            client_id=asked.payload.client_id,
            service=service,
            erased=dict(erased),
            kept=dict(kept),
        )
        return event.model_copy(update={"source_service": service})
