"""Facts about consents (LGPD Art. 8). Owner: core-api."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from shared_schemas.events.base import BaseEvent, Payload


class ConsentPayload(Payload):
    """Which client decided about which purpose, on which notice and when.

    The receipt never changes: each of its events says all of it. Older events lack the optional.
    """

    consent_id: UUID
    client_id: UUID
    purpose_id: UUID
    purpose_code: str | None = None  # what others know the purpose by
    notice_version: int | None = None
    decided_at: datetime | None = None
    expires_at: datetime | None = None  # none: it lasts until it is revoked


class ConsentEndPayload(ConsentPayload):
    """Which consent ended, and by what."""

    cause: Literal["revoked", "expired"] = "revoked"


class ConsentGranted(BaseEvent):
    """A client consented to a purpose."""

    TYPE: ClassVar[str] = "consent.granted"
    SOURCE: ClassVar[str] = "core-api"

    payload: ConsentPayload


class ConsentRefused(BaseEvent):
    """A client said no to a purpose. Consents that stood end with events of their own."""

    TYPE: ClassVar[str] = "consent.refused"
    SOURCE: ClassVar[str] = "core-api"

    payload: ConsentPayload


class ConsentRevoked(BaseEvent):
    """A consent stands no longer: the client revoked it, or its time is over."""

    TYPE: ClassVar[str] = "consent.revoked"
    SOURCE: ClassVar[str] = "core-api"

    payload: ConsentEndPayload
