"""An agent that says what a test wants when the test wants it, people who converse with it, and
replicas that die."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import asyncpg
from ai_svc_factories import Person
from core_api_stream import Listening
from fastapi import FastAPI

from ai_svc.modules.agents.events import (
    AgentAnswer,
    AgentEvent,
    AgentName,
    CarriedEvent,
    CitationEvent,
    DeltaEvent,
    DoneEvent,
    ErrorEvent,
    RunEvent,
    Source,
    StartEvent,
    ToolCallEvent,
    ToolResultEvent,
    UsageEvent,
)
from ai_svc.modules.agents.service import RunRequest
from ai_svc.modules.chat.runs import Runs

CONVERSATIONS: Final = "/api/v1/chat/conversations"
EVENTS: Final = {"accept": "text/event-stream"}
SENTENCES: Final = ("As férias são de 30 dias.", " O pedido é feito no portal.", " Boa viagem.")
WHOLE: Final = "".join(SENTENCES)
QUESTION: Final = "Quantos dias de férias eu tenho?"


@dataclass
class Scripted:
    """Says its sentences; `waits_before` one of them until told to `go_on`."""

    sentences: Sequence[str] = SENTENCES
    waits_before: int | None = None
    sources: Sequence[Source] = ()
    client_ids: Sequence[UUID] = ()
    document_ids: Sequence[UUID] = ()
    fails: Exception | ErrorEvent | None = None
    asked: list[RunRequest] = field(default_factory=list)
    closed: int = 0
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    going_on: asyncio.Event = field(default_factory=asyncio.Event)

    def go_on(self) -> None:
        """Past the place it waits at."""
        self.going_on.set()

    async def __call__(self, request: RunRequest) -> AsyncGenerator[RunEvent, None]:
        """As agents' `run`."""
        self.asked.append(request)
        try:
            async for event in self._events(request):
                yield event
        finally:
            self.closed += 1

    async def _events(self, request: RunRequest) -> AsyncGenerator[RunEvent, None]:
        yield StartEvent(
            run_id=request.run_id,
            conversation_id=request.conversation_id,
            message_id=request.message_id,
        )
        yield CarriedEvent(client_ids=list(self.client_ids), document_ids=list(self.document_ids))
        yield AgentEvent(agent=AgentName.KNOWLEDGE, confidence=0.9)
        yield ToolCallEvent(call_id="1", skill="search_knowledge", label="Pesquisar")
        yield ToolResultEvent(call_id="1", skill="search_knowledge", ok=True, label="Pesquisar")
        for source in self.sources:
            yield CitationEvent(**source.model_dump())
        for number, sentence in enumerate(self.sentences):
            if number == self.waits_before:
                self.waiting.set()
                await self.going_on.wait()
            yield DeltaEvent(text=sentence)
        if isinstance(self.fails, ErrorEvent):
            yield self.fails
            return
        if self.fails is not None:
            raise self.fails
        yield UsageEvent(
            input_tokens=100, output_tokens=20, model="scripted", cost_micros=7, currency="USD"
        )
        yield DoneEvent(answer=self._answer())

    def _answer(self) -> AgentAnswer:
        return AgentAnswer(
            text="".join(self.sentences),
            agent=AgentName.KNOWLEDGE,
            sources=list(self.sources),
            model="scripted",
            prompt_version="agent_knowledge.v1",
            tokens_used=120,
            client_ids=list(self.client_ids),
            document_ids=list(self.document_ids),
        )


@dataclass(frozen=True)
class Chat:
    """One conversation of a person, at one replica."""

    app: FastAPI
    person: Person
    id: str

    @property
    def path(self) -> str:
        """Of its messages."""
        return f"{CONVERSATIONS}/{self.id}/messages"

    async def send(self, content: str = QUESTION, **more: Any) -> dict[str, Any]:
        """The answer, when it is finished."""
        answer = await self.person.post(self.path, json={"content": content}, **more)
        assert answer.status_code == 201, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    async def messages(self) -> list[dict[str, Any]]:
        """All of them."""
        answer = await self.person.get(self.path, params={"limit": 100})
        assert answer.status_code == 200, answer.text
        data: list[dict[str, Any]] = answer.json()["data"]
        return data

    async def stream(self, content: str = QUESTION, **headers: str) -> Listening:
        """A connection that sends a message and listens to the answer."""
        return await self.connection(content, **headers).begin()

    def connection(self, content: str = QUESTION, **headers: str) -> Listening:
        """The same, before anything is sent."""
        body = json.dumps({"content": content}).encode()
        sent = {
            **self.person.headers,
            **EVENTS,
            "content-type": "application/json",
            "content-length": str(len(body)),
            **headers,
        }
        return Listening(self.app, sent, path=self.path, method="POST", body=body)

    async def resume(self, app: FastAPI, message_id: str, last: str | None = None) -> Listening:
        """A connection at that replica which goes on listening."""
        headers = dict(self.person.headers) | ({"last-event-id": last} if last else {})
        return await Listening(app, headers, path=f"{self.path}/{message_id}/events").begin()


async def begin(app: FastAPI, person: Person, **fields: Any) -> Chat:
    """A conversation."""
    answer = await person.post(CONVERSATIONS, json=fields)
    assert answer.status_code == 201, answer.text
    return Chat(app, person, answer.json()["data"]["id"])


async def heard(listening: Listening) -> list[tuple[str, Any, str | None]]:
    """(event, data, id) to the end of the connection."""
    await listening.ended()
    return [(told.event, told.data, told.id) for told in listening.unread()]


def text_of(events: Sequence[tuple[str, Any, str | None]]) -> str:
    """What a client shows of the deltas."""
    return "".join(data["text"] for name, data, _ in events if name == "delta")


async def settled(runs: Runs) -> None:
    """Until no run of the process is left."""
    while runs._keepers:
        await asyncio.wait(set(runs._keepers), timeout=10)


async def kill(runs: Runs) -> None:
    """As the process is killed: nothing more is told or written down."""
    tasks = [*runs._keepers, *(live.task for live in runs._live.values() if live.task)]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def expire_leases(superuser: asyncpg.Connection) -> None:
    """As time does."""
    await superuser.execute(
        "UPDATE ai.conversation_messages SET run_expires_at = clock_timestamp() - interval '1 s'"
        " WHERE status = 'running'"
    )
