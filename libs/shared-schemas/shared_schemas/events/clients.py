"""Facts about clients. Owner: core-api."""

from typing import ClassVar
from uuid import UUID

from shared_schemas.events.base import BaseEvent, Payload


class ClientPayload(Payload):
    """Which client."""

    client_id: UUID


class ClientUpdatedPayload(ClientPayload):
    """Which fields changed: names only, never values."""

    changed: tuple[str, ...] = ()


class ClientCreated(BaseEvent):
    """A client was registered."""

    TYPE: ClassVar[str] = "client.created"
    SOURCE: ClassVar[str] = "core-api"

    payload: ClientPayload


class ClientUpdated(BaseEvent):
    """A client's fields changed, or the client was deleted (`changed` holds `deleted_at`)."""

    TYPE: ClassVar[str] = "client.updated"
    SOURCE: ClassVar[str] = "core-api"

    payload: ClientUpdatedPayload
