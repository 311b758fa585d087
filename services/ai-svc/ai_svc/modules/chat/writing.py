"""One run from its first event to its last: written down before it is told, whatever happens."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from datetime import timedelta
from typing import Final

import structlog
from redis.exceptions import RedisError

from ai_svc.modules.agents.events import (
    CarriedEvent,
    DoneEvent,
    ErrorEvent,
    RunEvent,
    StartEvent,
)
from ai_svc.modules.agents.service import RunRequest
from ai_svc.modules.chat import ending
from ai_svc.modules.chat.ending import MessageGone, SourceGone
from ai_svc.modules.chat.event_store import EventStore
from ai_svc.modules.chat.live_run import BrokenOff, LiveRun
from ai_svc.modules.chat.models import MessageStatus
from ai_svc.modules.privacy.exceptions import ClientErased
from chassis.data.database import Database
from chassis.data.failures import is_unavailable
from chassis.messaging.endurance import describe
from shared_schemas.errors import ErrorCode

_log = structlog.get_logger(__name__)

Runner = Callable[[RunRequest], AsyncGenerator[RunEvent, None]]
"""Answers; ends with `done` or `error`. Closed, it stops everything under it."""
Prepare = Callable[[LiveRun], Awaitable[RunRequest]]
"""Looks up what a run is to know beforehand."""
Admit = Callable[[LiveRun], AbstractAsyncContextManager[None]]
"""Around all of it: waits until the run may begin."""

LONGEST: Final = timedelta(seconds=90)
"""Agents end sooner by themselves; this is for one that does not."""
_UNWINDING: Final = 5.0
_STORE_PATIENCE: Final = 2.0
_GATHERING: Final = 0.02
"""Seconds. What is told within goes to Redis together: readers elsewhere look every 0.1 s. Neither
the first event waits, which makes the stream, nor what is left when the run has said everything."""
_PAUSES: Final = (0.2, 0.5, 1.0, 2.0)

LOST: Final = BrokenOff(MessageStatus.FAILED, ending.LOST, ending.LOST_MESSAGE)
GONE: Final = BrokenOff(
    MessageStatus.FAILED,
    "CHAT_MESSAGE_GONE",
    "A conversa foi excluída enquanto a resposta era escrita.",
)
_TOO_SLOW: Final = BrokenOff(
    MessageStatus.FAILED,
    "CHAT_TIMED_OUT",
    "A resposta demorou demais e foi interrompida. Tente de novo com uma pergunta mais simples.",
)
_BROKEN: Final = BrokenOff(
    MessageStatus.FAILED,
    str(ErrorCode.INTERNAL_ERROR),
    "Não foi possível concluir a resposta. Tente de novo em instantes.",
)


async def write(
    live: LiveRun, prepare: Prepare, admit: Admit, runner: Runner, database: Database
) -> DoneEvent | ErrorEvent:
    """Tells what the agents tell, as it comes; returns the last event untold."""
    async with admit(live):
        return await _told(live, await prepare(live), runner, database)


async def _told(
    live: LiveRun, request: RunRequest, runner: Runner, database: Database
) -> DoneEvent | ErrorEvent:
    async with aclosing(runner(request)) as events:
        async for event in events:
            if live.take_in(event):
                # Committed before anything made of it is told: an erasure finds the message.
                await ending.hold(database, live.row, live.held)
            if isinstance(event, DoneEvent | ErrorEvent):
                return event
            if not isinstance(event, StartEvent | CarriedEvent):
                live.tell(event)
    raise RuntimeError("a run without an end")


async def see_through(live: LiveRun, database: Database) -> str:
    """Waits for it and ends it: in PostgreSQL first, then for who listens. Says how it ended."""
    if live.task is None:
        raise RuntimeError("a run that was not started")
    await asyncio.wait({live.task}, timeout=LONGEST.total_seconds())
    if not live.task.done():
        live.break_off(_TOO_SLOW)
        await asyncio.wait({live.task}, timeout=_UNWINDING)
    outcome = _outcome(live)
    try:
        if isinstance(outcome, DoneEvent):
            outcome = await _finish(live, outcome, database)
        if isinstance(outcome, BrokenOff):
            await _break_off(live, outcome, database)
    except Exception as error:  # noqa: BLE001 - whatever it is, readers hear of an end
        _log.error("chat_run_not_settled", exc_info=error)
        outcome = _BROKEN
    if isinstance(outcome, DoneEvent):
        live.text = outcome.answer.text
        live.tell(outcome)
        return MessageStatus.DONE.value
    live.fail(outcome.code, outcome.message)
    return outcome.status.value


async def store(live: LiveRun, events: EventStore, database: Database) -> None:
    """Puts its events on Redis while they come. Without Redis it is told here only."""
    where = live.row.organization_id, live.row.run_id
    written = 0
    is_away = False
    async for event in live.follow():
        if event is None or event.number <= written:
            continue
        if written and live.task is not None:
            await asyncio.wait({live.task}, timeout=_GATHERING)
        new = live.told[written:]
        try:
            async with asyncio.timeout(_STORE_PATIENCE):
                there = await events.add(*where, new)
            count = written + len(new)
            if not there and not await _written_anew(live, events, database, count):
                live.break_off(GONE)
                return
            written = count
        except (RedisError, OSError, TimeoutError) as error:
            if not is_away:
                _log.warning("chat_events_not_stored", error=describe(error))
            is_away = True


async def _written_anew(live: LiveRun, events: EventStore, database: Database, count: int) -> bool:
    """The stream that Redis forgot is there again; False when it was erased with its message.

    Who erases deletes the row first and the stream after: either it meets the new stream, or we
    miss the row.
    """
    if not await ending.is_there(database, live.row):
        return False
    where = live.row.organization_id, live.row.run_id
    async with asyncio.timeout(_STORE_PATIENCE):
        await events.write_anew(*where, live.told[:count])
    if await ending.is_there(database, live.row):
        return True
    async with asyncio.timeout(_STORE_PATIENCE):
        await events.forget(where[0], [where[1]])
    return False


def _outcome(live: LiveRun) -> DoneEvent | BrokenOff:
    task = live.task
    if task is None or not task.done() or task.cancelled():
        return live.broken_off or LOST
    error = task.exception()
    if error is None:
        last = task.result()
        if isinstance(last, DoneEvent):
            return last
        return BrokenOff(MessageStatus.FAILED, last.code, last.message)
    if isinstance(error, MessageGone):
        return GONE
    if isinstance(error, ClientErased | SourceGone):
        return BrokenOff(MessageStatus.FAILED, str(error.code), error.message)
    _log.error("chat_run_failed", exc_info=error)
    return _BROKEN


async def _finish(live: LiveRun, done: DoneEvent, database: Database) -> DoneEvent | BrokenOff:
    count = len(live.told) + 1

    async def settle() -> bool:
        return await ending.finish(
            database, live.row, done.answer, live.usage, held=live.held, event_count=count
        )

    try:
        return done if await _patiently(settle) else LOST
    except (ClientErased, SourceGone) as error:
        live.make_void()
        return BrokenOff(MessageStatus.FAILED, str(error.code), error.message)
    except MessageGone:
        return GONE


async def _break_off(live: LiveRun, cause: BrokenOff, database: Database) -> None:
    async def settle() -> bool:
        return await ending.break_off(
            database,
            live.row,
            cause.status,
            (cause.code, cause.message),
            text=live.text,
            held=live.held,
            event_count=len(live.told) + 1,
        )

    try:
        await _patiently(settle)
    except (ClientErased, SourceGone):
        live.make_void()
        await _patiently(settle)
    except MessageGone:
        return


async def _patiently(settle: Callable[[], Awaitable[bool]]) -> bool:
    """Tries again while the database is away; then the lease runs out."""
    for pause in _PAUSES:
        try:
            return await settle()
        except Exception as error:
            if not is_unavailable(error):
                raise
            _log.warning("chat_run_waits_for_database", error=describe(error))
            await asyncio.sleep(pause)
    return await settle()
