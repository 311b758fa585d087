"""The runs of one process: begun, kept alive, stopped, ended, each in tasks of its own.

A connection only listens: whoever comes back, here or at another replica, goes on listening. Nobody
listening for a while ends the run, and with it what it spends.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ai_svc.modules.agents.events import StartEvent
from ai_svc.modules.chat import ending
from ai_svc.modules.chat.asked import Begun
from ai_svc.modules.chat.ending import Running
from ai_svc.modules.chat.event_store import STOPS, EventStore
from ai_svc.modules.chat.exceptions import TooManyRuns
from ai_svc.modules.chat.live_run import BrokenOff, LiveRun
from ai_svc.modules.chat.metrics import RUNNING, RUNS
from ai_svc.modules.chat.models import MessageStatus
from ai_svc.modules.chat.writing import LOST, Admit, Prepare, Runner, see_through, store, write
from chassis.data.database import Database
from chassis.messaging.endurance import describe, heed_cancellation, is_outage
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId

_log = structlog.get_logger(__name__)

MOST_RUNS: Final = 200
GRACE: Final = timedelta(seconds=8)
"""How long a run goes on while nobody listens: who was cut off comes back meanwhile."""
Remember = Callable[[LiveRun], Awaitable[None]]
"""Told of every run that has ended. Raises nothing."""
_LOOKS: Final = 1.0
_RENEWALS: Final = 5.0
_LAST_WORDS: Final = 3.0

STOPPED: Final = BrokenOff(
    MessageStatus.STOPPED, "CHAT_STOPPED", "A resposta foi interrompida a pedido."
)
ABANDONED: Final = BrokenOff(
    MessageStatus.STOPPED,
    "CHAT_ABANDONED",
    "A resposta foi interrompida porque ninguém a acompanhava mais.",
)


class Runs:
    """`runner` and `grace` may be replaced by tests, which call what `run` calls by themselves."""

    def __init__(
        self,
        database: Database,
        redis: Redis,
        *,
        prepare: Prepare,
        admit: Admit,
        runner: Runner,
        remember: Remember,
    ) -> None:
        self.database = database
        self.events = EventStore(redis)
        self.runner = runner
        self.grace = GRACE
        self._prepare = prepare
        self._admit = admit
        self._remember = remember
        self._live: dict[UUID, LiveRun] = {}
        self._keepers: set[asyncio.Task[None]] = set()

    def make_room(self) -> None:
        """Before a run is written down. Raises TooManyRuns."""
        if len(self._live) >= MOST_RUNS:
            raise TooManyRuns

    def start(self, actor: Actor, token: SecretStr, begun: Begun) -> LiveRun:
        """A run whose rows are committed; its first event is there at once."""
        live = LiveRun(actor, token, begun)
        self._live[begun.run_id] = live
        live.tell(
            StartEvent(
                run_id=begun.run_id,
                conversation_id=begun.conversation_id,
                message_id=begun.message_id,
            )
        )
        writing = write(live, self._prepare, self._admit, self.runner, self.database)
        live.task = asyncio.create_task(writing)
        keeper = asyncio.create_task(self._keep(live))
        self._keepers.add(keeper)
        keeper.add_done_callback(self._keepers.discard)
        return live

    def find(self, run_id: UUID) -> LiveRun | None:
        """If this process writes it."""
        return self._live.get(run_id)

    async def stop(self, run_id: UUID, cause: BrokenOff = STOPPED) -> None:
        """Here at once; at another replica as soon as it hears of it. That it is wanted has to
        stand in PostgreSQL already: Redis may be away."""
        live = self.find(run_id)
        if live is not None:
            live.break_off(cause)
            return
        try:
            await self.events.ask_to_stop(run_id)
        except (RedisError, OSError) as error:
            _log.warning("chat_stop_not_passed_on", error=describe(error))

    async def forget(
        self, organization_id: OrganizationId, run_ids: Sequence[UUID], cause: BrokenOff
    ) -> None:
        """Of a conversation that was deleted: nothing of its runs stays, and none goes on."""
        for run_id in run_ids:
            live = self.find(run_id)
            if live is not None:
                live.break_off(cause)
        try:
            await self.events.forget(organization_id, run_ids)
            for run_id in run_ids[-1:]:  # only the last can be running
                await self.events.ask_to_stop(run_id)
        except (RedisError, OSError) as error:
            _log.warning("chat_events_not_forgotten", error=describe(error))

    async def renew(self) -> None:
        """Keeps the leases, heeds stops nobody could tell of, and ends runs somebody else ended."""
        by_tenant: dict[OrganizationId, list[LiveRun]] = defaultdict(list)
        for live in self._live.values():
            by_tenant[live.actor.organization_id].append(live)
        for tenant, lives in by_tenant.items():
            rows: list[Running] = [live.row for live in lives]
            wanted = await ending.renew(self.database, tenant, rows)
            for live in lives:
                if live.begun.run_id not in wanted:
                    live.break_off(LOST)
                elif wanted[live.begun.run_id] is not None:
                    live.break_off(STOPPED)

    async def let_go(self) -> None:
        """Ends the runs nobody listens to, here or elsewhere."""
        patience = self.grace.total_seconds()
        for live in [each for each in self._live.values() if each.is_unread_for(patience)]:
            if not await self._is_read_elsewhere(live):
                live.break_off(ABANDONED)

    async def sweep(self) -> None:
        """Fails the runs whose process is gone, whichever it was."""
        dead = await ending.end_dead(self.database)
        if dead:
            _log.warning("chat_runs_lost", runs=dead)

    async def run(self) -> None:
        """Looks after the runs until cancelled."""
        renewed = 0.0
        while True:
            heed_cancellation()
            await asyncio.sleep(_LOOKS)
            await self.let_go()
            if time.monotonic() - renewed >= _RENEWALS:
                renewed = time.monotonic()
                await self.renew()
                await self.sweep()

    async def listen(self) -> None:
        """Heeds what other replicas say; runs until cancelled or Redis goes away."""
        async with self.events.redis.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(STOPS)
            while True:
                heed_cancellation()
                said = await channel.get_message(timeout=2.0)
                if said is not None:
                    self.hear(said["data"])

    def hear(self, said: bytes) -> None:
        """One message of another replica."""
        with suppress(ValueError):
            live = self.find(UUID(said.decode()))
            if live is not None:
                live.break_off(STOPPED)

    async def close(self) -> None:
        """Ends all of them, and waits until they are written down."""
        for live in list(self._live.values()):
            live.break_off(LOST)
        if self._keepers:
            await asyncio.wait(set(self._keepers), timeout=2 * _LAST_WORDS)

    async def _keep(self, live: LiveRun) -> None:
        RUNNING.inc()
        storing = asyncio.create_task(store(live, self.events, self.database))
        try:
            ended = await see_through(live, self.database)
            RUNS.labels(ended).inc()
            _tell(live, ended)
            await self._remember(live)
            await asyncio.wait({storing}, timeout=_LAST_WORDS)
            if live.is_void:
                # Who listens elsewhere hears of the end from PostgreSQL.
                await self.forget(live.actor.organization_id, [live.begun.run_id], LOST)
        finally:
            storing.cancel()
            del self._live[live.begun.run_id]
            RUNNING.dec()

    async def _is_read_elsewhere(self, live: LiveRun) -> bool:
        try:
            return await self.events.is_read_elsewhere(
                live.actor.organization_id, live.begun.run_id
            )
        except (RedisError, OSError) as error:
            if not is_outage(error):
                raise
            return False


def _tell(live: LiveRun, ended: str) -> None:
    """Without a word of it."""
    usage = live.usage
    _log.info(
        "chat_run_ended",
        ended=ended,
        run_id=str(live.begun.run_id),
        cause=live.broken_off.code if live.broken_off else None,
        events=len(live.told),
        question_length=len(live.begun.content),
        answer_length=len(live.text),
        milliseconds=round((time.monotonic() - live.started) * 1000),
        input_tokens=usage.input_tokens if usage else 0,
        output_tokens=usage.output_tokens if usage else 0,
    )
