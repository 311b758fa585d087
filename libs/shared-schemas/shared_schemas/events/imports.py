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
    """How it ended, and what became of the rows until then."""

    status: Literal["succeeded", "failed", "cancelled"] = "succeeded"
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
    """A run has ended: every row was looked at, or it failed or was cancelled before."""

    TYPE: ClassVar[str] = "client.import_finished"
    SOURCE: ClassVar[str] = "core-api"

    payload: ClientImportFinishedPayload
