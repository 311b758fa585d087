"""Runs of agents, answered by scripted models or by the built-in one."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, cast

from fastapi import FastAPI
from pydantic import SecretStr
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models import Model
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, DeltaToolCalls, FunctionModel
from pydantic_ai.models.wrapper import WrapperModel

from ai_svc.desk import Desk
from ai_svc.modules.agents.builtin.model import BuiltInModel
from ai_svc.modules.agents.events import (
    AgentAnswer,
    DeltaEvent,
    DoneEvent,
    ErrorEvent,
    RunEvent,
)
from ai_svc.modules.agents.service import RunRequest, run
from ai_svc.modules.providers.service import Answered, Brain, Call
from devstack.token_factory import TokenFactory
from shared_schemas.actor import Actor, TokenClaims
from shared_schemas.ids import OrganizationId, new_id

Said = str | DeltaToolCalls
Script = Callable[[list[ModelMessage], int], Sequence[Said | BaseException]]
"""From the messages and the number of the request (from 0) to what the model streams."""


def calls(skill: str, arguments: str = "{}", at: int = 0) -> DeltaToolCalls:
    """A call of a tool."""
    return {at: DeltaToolCall(name=skill, json_args=arguments, tool_call_id=f"call-{new_id()}")}


class ScriptedChain(WrapperModel):
    """What the Brain would give."""

    def __init__(self, model: Model, *, kept_by_policy: bool = False) -> None:
        super().__init__(model)
        self.kept_by_policy = kept_by_policy

    @property
    def answered(self) -> Sequence[Answered]:
        """One request, whatever there were; none that costs of the built-in model."""
        if isinstance(self.wrapped, BuiltInModel):
            return []
        return [
            Answered(
                provider="scripted",
                model="scripted-1",
                input_tokens=100,
                output_tokens=20,
                cost_micros=7,
                currency="USD",
                kept=None,
            )
        ]


@dataclass
class ScriptedBrain:
    """Says what the script says; None: the built-in model answers."""

    script: Script | None = None
    kept_by_policy: bool = False
    calls: list[Call] = field(default_factory=list)
    seen: list[list[ModelMessage]] = field(default_factory=list)

    async def model(self, call: Call, last: Model) -> Model:
        """As the Brain."""
        self.calls.append(call)
        if self.script is None:
            return ScriptedChain(last, kept_by_policy=self.kept_by_policy)
        return ScriptedChain(
            FunctionModel(self._whole, stream_function=self._stream, model_name="scripted-1"),
            kept_by_policy=self.kept_by_policy,
        )

    async def has_provider(self, _: OrganizationId) -> bool:
        """Without a script there is none but the built-in model."""
        return self.script is not None or self.kept_by_policy

    async def _stream(self, messages: list[ModelMessage], _: AgentInfo) -> AsyncIterator[Said]:
        self.seen.append(messages)
        assert self.script is not None
        for part in self.script(messages, len(self.seen) - 1):
            if isinstance(part, BaseException):
                raise part
            yield part

    async def _whole(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        said = [part async for part in self._stream(messages, info)]
        return ModelResponse(parts=[TextPart("".join(map(str, said)))])


def says(*texts: Said | BaseException) -> Script:
    """The same at every request."""
    return lambda _, __: texts


def in_turn(*replies: Sequence[Said | BaseException]) -> Script:
    """One after the other; the last for ever."""
    return lambda _, number: replies[min(number, len(replies) - 1)]


@dataclass
class Runs:
    """Runs of one application."""

    app: FastAPI
    tokens: TokenFactory
    brain: ScriptedBrain = field(default_factory=ScriptedBrain)

    @property
    def desk(self) -> Desk:
        """The application's, with a brain of ours."""
        desk: Desk = self.app.state.desk
        return replace(desk, brain=cast("Brain", self.brain))

    def request(self, content: str, *, name: str = "ana", **changes: Any) -> RunRequest:
        """A message of somebody's."""
        claims = TokenClaims.model_validate(self.tokens.claims(name))
        given: dict[str, Any] = {
            "actor": Actor.of(claims, "req-1"),
            "token": SecretStr(self.tokens.token(name)),
            "run_id": new_id(),
            "content": content,
        }
        return RunRequest(**(given | changes))

    async def events(self, content: str, **changes: Any) -> list[RunEvent]:
        """Everything that was told."""
        async with aclosing(run(self.desk, self.request(content, **changes))) as told:
            events = [event async for event in told]
        assert events[0].type == "start"
        assert [each.type in ("done", "error") for each in events].index(True) == len(events) - 1
        check(events)
        return events

    async def answer(self, content: str, **changes: Any) -> AgentAnswer:
        """The answer, which there has to be."""
        return answer_of(await self.events(content, **changes))


def answer_of(events: Sequence[RunEvent]) -> AgentAnswer:
    """Of `done`."""
    last = events[-1]
    assert isinstance(last, DoneEvent), last
    return last.answer


def error_of(events: Sequence[RunEvent]) -> ErrorEvent:
    """Of a run that failed."""
    last = events[-1]
    assert isinstance(last, ErrorEvent), last
    return last


def kinds(events: Sequence[RunEvent]) -> list[str]:
    """Types, in order."""
    return [each.type for each in events]


def check(events: Sequence[RunEvent]) -> None:
    """What holds for every run: the deltas are the text; a source comes before its sentence."""
    if not isinstance(events[-1], DoneEvent):
        return
    answer = events[-1].answer
    assert "".join(each.text for each in events if isinstance(each, DeltaEvent)) == answer.text
    cited: set[int] = set()
    for event in events:
        if event.type == "citation":
            cited.add(event.number)
        elif event.type == "delta":
            for number in range(1, len(answer.sources) + 1):
                assert f"[{number}]" not in event.text or number in cited
    assert cited == {source.number for source in answer.sources}
    assert "[[" not in answer.text
    for stretch in answer.unsupported:
        assert answer.text[stretch.start : stretch.end].strip()
