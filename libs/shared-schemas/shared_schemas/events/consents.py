"""Facts about consents (LGPD Art. 8). Owner: core-api."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from shared_schemas.events.base import BaseEvent, Payload


class ConsentPayload(Payload):
    """Which client decided about which purpose."""

    consent_id: UUID
    client_id: UUID
    purpose_id: UUID
    purpose_code: str | None = None  # what others know the purpose by; older events lack it


class ConsentGrantPayload(ConsentPayload):
    """What a consent rests on, and when it ends by itself; older events lack both."""

    notice_version: int | None = None
    expires_at: datetime | None = None  # none: when it is revoked


class ConsentEndPayload(ConsentPayload):
    """Which consent ended, and by what."""

    cause: Literal["revoked", "expired"] = "revoked"


class ConsentGranted(BaseEvent):
    """A client consented to a purpose."""

    TYPE: ClassVar[str] = "consent.granted"
    SOURCE: ClassVar[str] = "core-api"

    payload: ConsentGrantPayload


class ConsentRevoked(BaseEvent):
    """A consent stands no longer: the client revoked it, or its time is over."""

    TYPE: ClassVar[str] = "consent.revoked"
    SOURCE: ClassVar[str] = "core-api"

    payload: ConsentEndPayload
