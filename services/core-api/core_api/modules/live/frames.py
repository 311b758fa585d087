"""What attendants are told: ids, kinds and names of fields, as every event carries them."""

from typing import Any

from chassis.web.live.frames import Frame, encoded
from chassis.web.live.positions import Position
from core_api.modules.live.audience import PRESENCE, permission_for
from shared_schemas.events import BaseEvent


def of_event(event: BaseEvent, position: Position) -> Frame | None:
    """None: nobody hears of it."""
    permission = permission_for(event.event_type)
    if permission is None:
        return None
    said = {
        "type": event.event_type,
        "occurred_at": event.timestamp.isoformat(),
        "actor_id": None if event.actor_id is None else str(event.actor_id),
        "payload": event.payload.model_dump(mode="json"),
    }
    return Frame(position, permission, encoded(event.event_type, said, position))


def of_presence(said: dict[str, Any]) -> Frame:
    """Who is at a ticket: worth nothing later, so it has no position."""
    return Frame(None, PRESENCE, encoded("presence", said, None))
