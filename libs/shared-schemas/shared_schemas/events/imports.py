"""Facts about imports of clients. Owner: core-api."""

from typing import ClassVar, Literal
from uuid import UUID

from shared_schemas.events.base import BaseEvent, Payload


class ClientImportPayload(Payload):
    """Which file, and which way through it."""

    import_id: UUID
    run_id: UUID
    mode: Literal["dry", "real"]


class ClientImportFinishedPayload(ClientImportPayload):
    """What became of its rows."""

    created: int
    updated: int
    unchanged: int
    failed: int


class ClientImportStarted(BaseEvent):
    """A run waits in the queue of imports."""

    TYPE: ClassVar[str] = "client.import_started"
    SOURCE: ClassVar[str] = "core-api"

    payload: ClientImportPayload


class ClientImportFinished(BaseEvent):
    """Every row of the file was looked at."""

    TYPE: ClassVar[str] = "client.import_finished"
    SOURCE: ClassVar[str] = "core-api"

    payload: ClientImportFinishedPayload
