"""Facts about documents. Owner: ai-svc, and worker-svc working on its queue."""

from typing import ClassVar
from uuid import UUID

from shared_schemas.events.base import BaseEvent, Payload


class DocumentPayload(Payload):
    """Which document."""

    document_id: UUID


class DocumentIndexedPayload(DocumentPayload):
    """How many chunks the document has become."""

    chunk_count: int


class DocumentFailedPayload(DocumentPayload):
    """Why, as a code; the message for people stays with the document."""

    error_code: str


class DocumentChangedPayload(DocumentPayload):
    """Which fields changed: names only, never values."""

    changed: tuple[str, ...] = ()


class DocumentSubmitted(BaseEvent):
    """A document waits in the ingestion queue."""

    TYPE: ClassVar[str] = "document.submitted"
    SOURCE: ClassVar[str] = "ai-svc"

    payload: DocumentPayload


class DocumentIndexed(BaseEvent):
    """A document can be searched."""

    TYPE: ClassVar[str] = "document.indexed"
    SOURCE: ClassVar[str] = "worker-svc"

    payload: DocumentIndexedPayload


class DocumentChanged(BaseEvent):
    """What is said about a document, or whom it is for, changed."""

    TYPE: ClassVar[str] = "document.changed"
    SOURCE: ClassVar[str] = "ai-svc"

    payload: DocumentChangedPayload


class DocumentDeleted(BaseEvent):
    """A document is gone, with all its versions and everything derived from it."""

    TYPE: ClassVar[str] = "document.deleted"
    SOURCE: ClassVar[str] = "ai-svc"

    payload: DocumentPayload


class DocumentFailed(BaseEvent):
    """A document could not be indexed and will not be tried again by itself."""

    TYPE: ClassVar[str] = "document.failed"
    SOURCE: ClassVar[str] = "worker-svc"

    payload: DocumentFailedPayload
