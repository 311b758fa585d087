"""What goes over the wire: server-sent events, encoded once for everybody."""

import json
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from chassis.web.live.positions import Position
from shared_schemas.permissions import Permission

HEARTBEAT: Final = KEEPALIVE_COMMENT
_RETRY_MILLISECONDS: Final = 3_000


@dataclass(frozen=True, slots=True)
class Frame:
    """One event, and who may see it; None: whoever it is given to. Without a position it cannot be
    resumed after. `subject`: what it is about, for connections that look for themselves whether,
    and what, they may know of it."""

    position: Position | None
    permission: Permission | None
    encoded: bytes
    subject: UUID | None = None


def ready(position: Position) -> Frame:
    """The first of a connection: what comes after is live, and may be resumed from here."""
    said = format_sse_event(
        event="ready", data_str="{}", id=str(position), retry=_RETRY_MILLISECONDS
    )
    return Frame(position, None, bytes(said))


def reset(position: Position) -> Frame:
    """Something was missed: load anew. What comes after may be resumed from here."""
    return Frame(position, None, encoded("reset", {}, position))


def expired() -> bytes:
    """The access token has ended: come back with another."""
    return encoded("expired", {}, None)


def encoded(name: str, said: dict[str, Any], position: Position | None) -> bytes:
    """An event by name, resumable when it has a position."""
    data = json.dumps(said, separators=(",", ":"), ensure_ascii=False)
    identifier = None if position is None else str(position)
    return bytes(format_sse_event(event=name, data_str=data, id=identifier))
