"""One connection that follows documents: what it is told it looked up itself, a moment before.

Access lists, teams and consents are read with every look: who may no longer read a document hears
`gone`, once, and nothing after.
"""

from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

import structlog

from ai_svc.modules.live.looking import UNFINISHED, Wanted, look
from chassis.data.database import Database
from chassis.data.failures import is_unavailable
from chassis.web.live import frames
from chassis.web.live.frames import Frame
from chassis.web.live.hub import Hub
from chassis.web.live.positions import Position
from chassis.web.live.streaming import LiveResponse
from knowledge.access import reader_of
from shared_schemas.actor import Actor

_log = structlog.get_logger(__name__)
_MOST_KNOWN: Final = 2_000


class DocumentsFollowed(LiveResponse):
    """Ends when the token does, as every live answer."""

    gather_seconds: ClassVar[float] = 0.1

    def __init__(
        self,
        hub: Hub,
        actor: Actor,
        last_seen: str | None,
        expires_at: float,
        *,
        database: Database,
        wanted: Wanted,
    ) -> None:
        super().__init__(hub, actor, last_seen, expires_at)
        self._database = database
        self._wanted = wanted
        self._known: OrderedDict[UUID, dict[str, Any]] = OrderedDict()
        self._is_first = True

    async def told(self, said: Sequence[Frame]) -> bytes:
        """`document` for each that is not as it was, and what is said to every connection."""
        positions: dict[UUID, Position | None] = {}
        for frame in said:
            if frame.subject is not None:
                # In the order of their last position: who resumes after one has heard all before.
                former = positions.pop(frame.subject, None)
                positions[frame.subject] = frame.position or former
        everything = self._is_first and self._wanted.is_few
        self._is_first = False
        text = await self._changes(None if everything else list(positions), positions)
        return text + b"".join(frame.encoded for frame in said if frame.subject is None)

    async def idle(self) -> bytes:
        """What is under way is looked at again: a word about it may have been lost."""
        unfinished = [
            document_id
            for document_id, state in self._known.items()
            if state["status"] in UNFINISHED
        ]
        return await self._changes(unfinished, {}) or frames.HEARTBEAT

    async def _changes(
        self, among: Collection[UUID] | None, positions: dict[UUID, Position | None]
    ) -> bytes:
        if among is not None and not among:
            return b""
        try:
            found = await self._look(among)
        except Exception as error:
            if not is_unavailable(error):
                raise
            _log.warning("live_look_failed", error=type(error).__name__)
            return frames.reset(self._hub.position).encoded
        text = b""
        order = list(positions) + [each for each in found if each not in positions]
        for document_id in order if among is None else among:
            position = positions.get(document_id)
            state = found.get(document_id)
            if state is None:
                if self._known.pop(document_id, None) is not None:
                    gone = {"document_id": str(document_id)}
                    text += frames.encoded("gone", gone, position)
            elif self._known.get(document_id) != state:
                self._remember(document_id, state)
                text += frames.encoded("document", state, position)
        return text

    async def _look(self, among: Collection[UUID] | None) -> dict[UUID, dict[str, Any]]:
        tenant = self._actor.organization_id
        async with self._database.transaction(tenant, read_only=True) as session:
            reader = await reader_of(session, self._actor)
            return await look(session, reader, self._wanted, among)

    def _remember(self, document_id: UUID, state: dict[str, Any]) -> None:
        self._known[document_id] = state
        self._known.move_to_end(document_id)
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
