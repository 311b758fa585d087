"""Facts that recipients of data are told (LGPD Art. 18 § 6). Owner: core-api."""

from typing import ClassVar
from uuid import UUID

from shared_schemas.events.base import BaseEvent, Payload


class DataCorrectedPayload(Payload):
    """Whose data, on which request, and which fields: names only, never values."""

    client_id: UUID
    privacy_request_id: UUID | None = None
    changed: tuple[str, ...] = ()


class DataAnonymizedPayload(Payload):
    """Of whom nobody can tell any more who it was: the client and all merged into it."""

    client_id: UUID
    client_ids: tuple[UUID, ...] = ()
    privacy_request_id: UUID | None = None


class PrivacyDataCorrected(BaseEvent):
    """A client's data was corrected at the client's request."""

    TYPE: ClassVar[str] = "privacy.data_corrected"
    SOURCE: ClassVar[str] = "core-api"

    payload: DataCorrectedPayload


class PrivacyDataAnonymized(BaseEvent):
    """Every identifier of a client was destroyed; statistics stay."""

    TYPE: ClassVar[str] = "privacy.data_anonymized"
    SOURCE: ClassVar[str] = "core-api"

    payload: DataAnonymizedPayload
