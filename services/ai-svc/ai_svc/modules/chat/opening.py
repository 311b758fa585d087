"""The runs of this process: opened with the service, looked after, asked for by routers."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, cast

import structlog
from fastapi import Depends, FastAPI
from starlette.requests import Request

from ai_svc.desk import Desk
from ai_svc.modules.agents import service as agents
from ai_svc.modules.agents.events import RunEvent
from ai_svc.modules.agents.service import RunRequest
from ai_svc.modules.chat.live_run import LiveRun
from ai_svc.modules.chat.runs import Runs
from ai_svc.modules.chat.taking_turns import Turns
from ai_svc.modules.memory import service as memory
from ai_svc.turns import Turn
from chassis.messaging.endurance import describe, keep_running
from chassis.web.resources import Resources

_log = structlog.get_logger(__name__)


class ChatUpkeep:
    """One of the service's background tasks; made with the application, before anything is open."""

    def __init__(self) -> None:
        self.runs: Runs | None = None

    async def run(self, _: Resources) -> None:
        """Looks after the runs, and listens to other replicas."""
        if self.runs is None:
            raise RuntimeError("the runs are opened before the background tasks")
        await asyncio.gather(
            keep_running("chat runs", self.runs.run),
            keep_running("chat stops", self.runs.listen),
        )


@asynccontextmanager
async def open_runs(app: FastAPI, resources: Resources) -> AsyncIterator[None]:
    """Puts them on `app.state`; the desk is open by then. Ends what still runs at the end."""
    desk: Desk = app.state.desk

    def run(request: RunRequest) -> AsyncGenerator[RunEvent, None]:
        return agents.run(desk, request)

    async def prepare(live: LiveRun) -> RunRequest:
        return await _request(desk, live)

    async def remember(live: LiveRun) -> None:
        await _remember(desk, live)

    turns = Turns()

    @asynccontextmanager
    async def admit(live: LiveRun) -> AsyncIterator[None]:
        if await desk.brain.has_provider(live.actor.organization_id):
            yield  # most of the time it waits for the provider
            return
        async with turns.turn():
            yield

    runs = Runs(
        resources.database,
        resources.redis,
        prepare=prepare,
        admit=admit,
        runner=run,
        remember=remember,
    )
    app.state.runs = runs
    upkeep: ChatUpkeep = app.state.chat
    upkeep.runs = runs
    try:
        yield
    finally:
        await runs.close()


async def runs_of(request: Request) -> Runs:
    """What the service opened at start."""
    return cast("Runs", request.app.state.runs)


CurrentRuns = Annotated[Runs, Depends(runs_of)]


async def _request(desk: Desk, live: LiveRun) -> RunRequest:
    begun = live.begun
    recalled = await memory.recall(
        desk,
        actor=live.actor,
        conversation_id=begun.conversation_id,
        client_id=begun.client_id,
        question=begun.content,
        before=begun.question_id,
    )
    return RunRequest(
        actor=live.actor,
        token=live.token,
        run_id=begun.run_id,
        content=begun.content,
        conversation_id=begun.conversation_id,
        message_id=begun.message_id,
        history=recalled.turns,
        recalled=recalled,
        agent=begun.agent,
        prompt_alias=begun.prompt_alias,
        client_id=begun.client_id,
        ticket_id=begun.ticket_id,
    )


async def _remember(desk: Desk, live: LiveRun) -> None:
    """What the person asks to be remembered, now that it is committed; of a long conversation the
    summary. The answer itself the memory reads with the next question."""
    begun = live.begun
    try:
        await memory.remember_turn(
            desk,
            actor=live.actor,
            conversation_id=begun.conversation_id,
            message_id=begun.question_id,
            turn=Turn("user", begun.content, tuple(begun.client_ids)),
        )
        if begun.position > memory.WINDOW and not live.is_void:
            await memory.summarise(desk, live.actor, begun.conversation_id)
    except Exception as error:  # noqa: BLE001 - the run is over, and told
        _log.warning("chat_turn_not_remembered", error=describe(error))
