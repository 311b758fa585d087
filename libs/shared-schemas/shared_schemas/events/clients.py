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


class ClientMergePayload(ClientPayload):
    """`client_id` is the surviving client."""

    merged_id: UUID
    merge_id: UUID


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


class ClientDeleted(BaseEvent):
    """A client was deleted: nobody works with it any more. What is about it is kept, unread."""

    TYPE: ClassVar[str] = "client.deleted"
    SOURCE: ClassVar[str] = "core-api"

    payload: ClientPayload


class ClientMerged(BaseEvent):
    """A client went into another one, which answers for both from now on."""

    TYPE: ClassVar[str] = "client.merged"
    SOURCE: ClassVar[str] = "core-api"

    payload: ClientMergePayload


class ClientMergeUndone(BaseEvent):
    """Two clients that were one are two again."""

    TYPE: ClassVar[str] = "client.merge_undone"
    SOURCE: ClassVar[str] = "core-api"

    payload: ClientMergePayload
