"""Listening to a run: where it is written, or at another replica, through Redis and PostgreSQL."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
import structlog
from redis.exceptions import RedisError

from ai_svc.modules.agents.events import AgentAnswer, DoneEvent, ErrorEvent
from ai_svc.modules.chat import ending
from ai_svc.modules.chat.ending import SourceGone
from ai_svc.modules.chat.live_run import HEARTBEAT_SECONDS, Told
from ai_svc.modules.chat.models import ConversationMessage, MessageStatus
from ai_svc.modules.chat.runs import Runs
from ai_svc.modules.chat.writing import GONE
from chassis.messaging.endurance import describe
from shared_schemas.ids import OrganizationId

_log = structlog.get_logger(__name__)

POLL_SECONDS: Final = 0.1
_LOOK_SECONDS: Final = 2.0
_PRESENCE_SECONDS: Final = 1.0


async def follow(
    runs: Runs, organization_id: OrganizationId, run_id: UUID, message_id: UUID, after: int = 0
) -> AsyncGenerator[Told | None, None]:
    """The events after that one, until the last; None when nothing was told for a while."""
    live = runs.find(run_id)
    if live is None:
        elsewhere = _Elsewhere(runs, organization_id, run_id, message_id)
        async with aclosing(elsewhere.follow(after)) as told:
            async for event in told:
                yield event
        return
    with live.reading():
        async with aclosing(live.follow(after)) as told:
            async for event in told:
                yield event


class _Elsewhere:
    """A run of another process, or one that is over. Readers of it are few, and poll."""

    def __init__(
        self, runs: Runs, organization_id: OrganizationId, run_id: UUID, message_id: UUID
    ) -> None:
        self._runs = runs
        self._tenant = organization_id
        self._run_id = run_id
        self._message_id = message_id

    async def follow(self, after: int) -> AsyncGenerator[Told | None, None]:
        """As above. What Redis has lost is left out: the last event holds the whole answer."""
        looked = present = 0.0
        said = time.monotonic()
        while True:
            now = time.monotonic()
            if now - present >= _PRESENCE_SECONDS:
                present = now
                await self._be_present()
            new = await self._stored(after)
            if not new and now - looked >= _LOOK_SECONDS:
                looked = now
                new = await self._last(after)
            for event in new:
                after, said = event.number, time.monotonic()
                yield event
                if event.is_last:
                    return
            if not new:
                if time.monotonic() - said >= HEARTBEAT_SECONDS:
                    said = time.monotonic()
                    yield None
                await asyncio.sleep(POLL_SECONDS)

    async def _stored(self, after: int) -> list[Told]:
        try:
            return await self._runs.events.after(self._tenant, self._run_id, after)
        except (RedisError, OSError) as error:
            _log.warning("chat_events_not_read", error=describe(error))
            return []

    async def _be_present(self) -> None:
        try:
            await self._runs.events.listen_elsewhere(self._tenant, self._run_id)
        except (RedisError, OSError) as error:
            _log.warning("chat_reader_not_announced", error=describe(error))

    async def _last(self, after: int) -> list[Told]:
        """How it ended, as PostgreSQL has it; nothing while it runs."""
        row = await self._row()
        if row is not None and row.status is MessageStatus.RUNNING:
            if not row.is_dead:
                return []
            await ending.end_dead(self._runs.database)
            row = await self._row()
        # Its last events may have come between the two looks.
        new = await self._stored(after)
        if new:
            return new
        last = _end_of(row, after)
        if row is not None and not row.event_count:
            await ending.number(self._runs.database, self._tenant, self._message_id, last.number)
        return [last]

    async def _row(self) -> Any:
        message = ConversationMessage
        statement = sa.select(
            message.status,
            message.answer,
            message.error_code,
            message.error_message,
            message.event_count,
            (message.run_expires_at < sa.func.clock_timestamp()).label("is_dead"),
        ).where(message.organization_id == self._tenant, message.id == self._message_id)
        async with self._runs.database.transaction(self._tenant, read_only=True) as session:
            return (await session.execute(statement)).one_or_none()


def _end_of(row: Any, after: int) -> Told:
    number = after + 1 if row is None else max(after + 1, row.event_count)
    last = ErrorEvent(code=GONE.code, message=GONE.message) if row is None else _event_of(row)
    return Told(number, last.type, last.model_dump_json(exclude={"type"}))


def _event_of(row: Any) -> DoneEvent | ErrorEvent:
    if row.status is not MessageStatus.DONE:
        return ErrorEvent(code=row.error_code, message=row.error_message)
    if row.answer is None:
        return ErrorEvent(code=SourceGone.code, message=SourceGone.message)
    return DoneEvent(answer=AgentAnswer.model_validate(row.answer))
