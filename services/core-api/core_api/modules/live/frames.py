"""What goes over the wire: server-sent events, encoded once for everybody."""

import json
from dataclasses import dataclass
from typing import Any, Final

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from core_api.modules.live.positions import Position
from shared_schemas.events import BaseEvent
from shared_schemas.permissions import Permission

HEARTBEAT: Final = KEEPALIVE_COMMENT
_RETRY_MILLISECONDS: Final = 3_000


@dataclass(frozen=True, slots=True)
class Frame:
    """One event, and who may see it. Without a position it cannot be resumed after."""

    position: Position | None
    permission: Permission
    encoded: bytes


def of_event(event: BaseEvent, position: Position, permission: Permission) -> Frame:
    """Ids, kinds and names of fields, as every event carries them; nothing else."""
    said = {
        "type": event.event_type,
        "occurred_at": event.timestamp.isoformat(),
        "actor_id": None if event.actor_id is None else str(event.actor_id),
        "payload": event.payload.model_dump(mode="json"),
    }
    return Frame(position, permission, _encoded(event.event_type, said, position))


def of_presence(said: dict[str, Any], permission: Permission) -> Frame:
    """Who is at a ticket: worth nothing later, so it has no position."""
    return Frame(None, permission, _encoded("presence", said, None))


def ready(position: Position) -> bytes:
    """The first of a connection: what comes after is live, and may be resumed from here."""
    said = format_sse_event(
        event="ready", data_str="{}", id=str(position), retry=_RETRY_MILLISECONDS
    )
    return bytes(said)


def reset(position: Position) -> bytes:
    """Something was missed: load anew. What comes after may be resumed from here."""
    return _encoded("reset", {}, position)


def expired() -> bytes:
    """The access token has ended: come back with another."""
    return _encoded("expired", {}, None)


def _encoded(name: str, said: dict[str, Any], position: Position | None) -> bytes:
    data = json.dumps(said, separators=(",", ":"))
    identifier = None if position is None else str(position)
    return bytes(format_sse_event(event=name, data_str=data, id=identifier))
