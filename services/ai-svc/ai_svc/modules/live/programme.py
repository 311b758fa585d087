"""What ai-svc tells: that something happened to a document. What it was each connection looks up
for itself, as far as it may know."""

from typing import Any, Final
from uuid import UUID

from chassis.web.live.frames import Frame
from chassis.web.live.positions import Position
from chassis.web.live.reader import Programme
from shared_schemas.events import EVENT_TYPES, BaseEvent
from shared_schemas.permissions import Permission

CHANNEL: Final = "documents"
"""Where workers say how far a document is: JSON with document_id."""
_TYPES: Final = tuple(sorted({kind for kind, _ in EVENT_TYPES if kind.startswith("document.")}))


def of_event(event: BaseEvent, position: Position) -> Frame | None:
    """Resumable: it stands in a stream."""
    return _about(getattr(event.payload, "document_id", None), position)


def of_saying(said: dict[str, Any]) -> Frame | None:
    """Progress: worth nothing later."""
    try:
        return _about(UUID(str(said.get("document_id"))), None)
    except ValueError:
        return None


def _about(document_id: UUID | None, position: Position | None) -> Frame | None:
    if document_id is None:
        return None
    return Frame(position, Permission.DOCUMENTS_READ, b"", subject=document_id)


PROGRAMME: Final = Programme(_TYPES, of_event, CHANNEL, of_saying)
