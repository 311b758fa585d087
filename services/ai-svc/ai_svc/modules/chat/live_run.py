"""One run in the process that writes it: what it has told so far, and who listens here."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from pydantic import SecretStr

from ai_svc.modules.agents.events import (
    CarriedEvent,
    CitationEvent,
    DeltaEvent,
    DoneEvent,
    ErrorEvent,
    RunEvent,
    UsageEvent,
)
from ai_svc.modules.chat.asked import Begun
from ai_svc.modules.chat.ending import Held, Running
from ai_svc.modules.chat.models import MessageStatus
from shared_schemas.actor import Actor

HEARTBEAT_SECONDS: Final = 10.0
TERMINAL: Final = frozenset({"done", "error"})


@dataclass(frozen=True, slots=True)
class Told:
    """The `number`-th event of a run, from 1; `data` is JSON."""

    number: int
    name: str
    data: str

    @property
    def is_last(self) -> bool:
        """Whether nothing comes after."""
        return self.name in TERMINAL


@dataclass(frozen=True, slots=True)
class BrokenOff:
    """Why a run was ended before its time, and what readers are told."""

    status: MessageStatus
    code: str
    message: str


@dataclass(eq=False)
class LiveRun:
    """Everything in one thread: telling, listening and ending need no lock."""

    actor: Actor
    token: SecretStr = field(repr=False)
    begun: Begun
    told: list[Told] = field(default_factory=list)
    text: str = field(default="", repr=False)
    usage: UsageEvent | None = None
    client_ids: set[UUID] = field(default_factory=set)
    document_ids: set[UUID] = field(default_factory=set)
    broken_off: BrokenOff | None = None
    is_void: bool = False  # what it told was made of what is gone meanwhile
    task: "asyncio.Task[DoneEvent | ErrorEvent] | None" = None
    started: float = field(default_factory=time.monotonic)
    _readers: int = 0
    _unread_since: float = field(default_factory=time.monotonic)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.client_ids |= self.begun.client_ids

    @property
    def row(self) -> Running:
        """Where it is written down."""
        return Running(
            organization_id=self.actor.organization_id,
            message_id=self.begun.message_id,
            run_id=self.begun.run_id,
        )

    @property
    def held(self) -> Held:
        """Whose data it has held so far."""
        return Held(frozenset(self.client_ids), frozenset(self.document_ids))

    @property
    def is_over(self) -> bool:
        """Whether its last event was told."""
        return bool(self.told) and self.told[-1].is_last

    def tell(self, event: RunEvent) -> None:
        """To everybody who listens, and to who comes later."""
        if self.is_over:
            return
        data = event.model_dump_json(exclude={"type"})
        self.told.append(Told(len(self.told) + 1, event.type, data))
        bell, self._bell = self._bell, asyncio.Event()
        bell.set()

    def take_in(self, event: RunEvent) -> bool:
        """Keeps what the end needs of it; whether the run holds somebody's data from here on."""
        if isinstance(event, DeltaEvent):
            self.text += event.text
        elif isinstance(event, UsageEvent):
            self.usage = event
        elif isinstance(event, CitationEvent):
            self.document_ids.add(event.document_id)
        elif isinstance(event, DoneEvent):
            self.client_ids |= set(event.answer.client_ids)
            self.document_ids |= set(event.answer.document_ids)
        elif isinstance(event, CarriedEvent):
            new = not self.client_ids.issuperset(event.client_ids)
            self.client_ids |= set(event.client_ids)
            self.document_ids |= set(event.document_ids)
            return new
        return False

    def fail(self, code: str, message: str) -> None:
        """The last event of a run without an answer."""
        self.tell(ErrorEvent(code=code, message=message))

    def make_void(self) -> None:
        """Nothing of what was told is kept."""
        self.is_void = True
        self.text = ""
        self.client_ids.clear()
        self.document_ids.clear()

    def break_off(self, cause: BrokenOff) -> None:
        """Cancels it. The first cause counts."""
        if self.broken_off is None and not self.is_over and self.task is not None:
            self.broken_off = cause
            self.task.cancel()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Meanwhile somebody listens here."""
        self._readers += 1
        try:
            yield
        finally:
            self._readers -= 1
            self._unread_since = time.monotonic()

    def is_unread_for(self, seconds: float) -> bool:
        """Whether nobody has listened here for that long."""
        return not self._readers and time.monotonic() - self._unread_since >= seconds

    async def follow(self, after: int = 0) -> AsyncGenerator[Told | None, None]:
        """What is told after that event, until the last; None when nothing was for a while."""
        while True:
            bell = self._bell
            while after < len(self.told):
                event = self.told[after]
                after += 1
                yield event
                if event.is_last:
                    return
            if self.is_over:
                return
            if bell is not self._bell:
                continue  # told while the last one was being sent
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await bell.wait()
            except TimeoutError:
                yield None

    async def over(self) -> None:
        """Returns when its last event was told."""
        async for _ in self.follow(len(self.told)):
            pass
