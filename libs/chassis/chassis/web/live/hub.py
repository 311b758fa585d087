"""Everybody who listens to this process, by organization, and what they may still want to know."""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from chassis.web.live import frames, metrics
from chassis.web.live.frames import Frame
from chassis.web.live.positions import Position
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId
from shared_schemas.permissions import Permission

QUEUE: Final = 200
"""Events a connection may lag behind before it is dropped."""
MEMORY: Final = timedelta(minutes=5)
"""How long after it broke off a connection is resumed without loss."""
MEMORY_PER_ORGANIZATION: Final = 2_000
MOST_CONNECTIONS: Final = 10_000
MOST_AHEAD_MS: Final = 10_000
"""By which another process of ours can have been ahead of this one."""


@dataclass(slots=True, eq=False)
class Connection:
    """One listener. `queue` holds frames; None ends it."""

    organization_id: OrganizationId
    permissions: frozenset[Permission]
    after: Position
    """Told already, by a process that was ahead of this one."""
    queue: asyncio.Queue[Frame | None] = field(default_factory=lambda: asyncio.Queue(QUEUE + 2))

    def wants(self, frame: Frame) -> bool:
        """Whether it may see the frame and has not."""
        new = frame.position is None or frame.position > self.after
        return new and (frame.permission is None or frame.permission in self.permissions)

    def end_with(self, last: Frame | None) -> None:
        """Forgets what waits, says one last thing if any, and ends."""
        while not self.queue.empty():
            self.queue.get_nowait()
        if last is not None:
            self.queue.put_nowait(last)
        self.queue.put_nowait(None)


class Hub:
    """All in one thread, without waiting anywhere: joining, resuming and passing on are atomic."""

    def __init__(self) -> None:
        self.started = False  # what was said lately is known from here on
        self.closed = False
        self._connections: dict[OrganizationId, set[Connection]] = {}
        self._remembered: dict[OrganizationId, deque[Frame]] = {}
        self._forgotten: dict[OrganizationId, Position] = {}
        self._floor = Position.end_of(0)
        self.position = Position.end_of(0)

    @property
    def size(self) -> int:
        """Open connections."""
        return sum(len(each) for each in self._connections.values())

    def join(self, actor: Actor, last_seen: str | None) -> tuple[Connection, list[Frame]]:
        """A new listener, and what to say first: that it is live, or what it missed, or `reset`."""
        connection = Connection(actor.organization_id, actor.permissions, self.position)
        self._connections.setdefault(actor.organization_id, set()).add(connection)
        metrics.CONNECTIONS.inc()
        if last_seen is None:
            return connection, [frames.ready(self.position)]
        position = Position.parse(last_seen)
        if position is None or not self._remembers(actor.organization_id, position):
            return connection, [frames.reset(self.position)]
        connection.after = position
        remembered = self._remembered.get(actor.organization_id, ())
        missed = [frame for frame in remembered if connection.wants(frame)]
        return connection, [*missed, frames.ready(max(position, self.position))]

    def leave(self, connection: Connection) -> None:
        """It may have been dropped already."""
        present = self._connections.get(connection.organization_id)
        if present is None or connection not in present:
            return
        present.discard(connection)
        metrics.CONNECTIONS.dec()
        if not present:
            del self._connections[connection.organization_id]

    def pass_on(self, organization_id: OrganizationId, frame: Frame) -> None:
        """To everybody in the organization who may see it. Nobody waits for anybody."""
        if frame.position is not None:
            self._remember(organization_id, frame)
        listening = self._connections.get(organization_id)
        if not listening:
            return
        metrics.DELIVERED.inc()
        for connection in [one for one in listening if one.wants(frame)]:
            if connection.queue.qsize() >= QUEUE:
                metrics.DROPPED.inc()
                self.leave(connection)
                connection.end_with(frames.reset(frame.position or self.position))
            else:
                connection.queue.put_nowait(frame)

    def advance(self, position: Position, *, forget_before: int) -> None:
        """Everything up to here was passed on; what is older than a millisecond is forgotten."""
        self.position = position
        self._floor = max(self._floor, Position.end_of(forget_before - 1))
        for organization_id in list(self._remembered):
            kept = self._remembered[organization_id]
            while kept and kept[0].position is not None and kept[0].position <= self._floor:
                kept.popleft()
            if not kept:
                del self._remembered[organization_id]
                self._forgotten.pop(organization_id, None)

    def start_anew(self, position: Position) -> None:
        """Something may have been missed: nothing before can be resumed, everybody loads anew."""
        metrics.RESETS.inc()
        self._remembered.clear()
        self._forgotten.clear()
        self._floor = self.position = position
        for connection in self._all():
            connection.after = position
            while not connection.queue.empty():
                connection.queue.get_nowait()
            connection.queue.put_nowait(frames.reset(position))

    def close(self) -> None:
        """Ends every connection; their callers come back to another process and resume."""
        self.closed = True
        for connection in self._all():
            self.leave(connection)
            connection.end_with(None)

    def _all(self) -> Iterable[Connection]:
        return [one for present in self._connections.values() for one in present]

    def _remember(self, organization_id: OrganizationId, frame: Frame) -> None:
        kept = self._remembered.setdefault(organization_id, deque())
        kept.append(frame)
        if len(kept) > MEMORY_PER_ORGANIZATION:
            forgotten = kept.popleft().position
            if forgotten is not None:
                self._forgotten[organization_id] = forgotten

    def _remembers(self, organization_id: OrganizationId, position: Position) -> bool:
        floor = self._forgotten.get(organization_id, self._floor)
        ahead = position.millisecond - self.position.millisecond
        return max(floor, self._floor) <= position and ahead <= MOST_AHEAD_MS
