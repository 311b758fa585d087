"""One agent at work on one question: asks the model, hands it its tools, checks what it says."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog
from pydantic_ai import Agent
from pydantic_ai.exceptions import AgentRunError, FallbackExceptionGroup, UsageLimitExceeded
from pydantic_ai.messages import (
    FunctionToolCallEvent,
    FunctionToolResultEvent,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
)
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import UsageLimits

from ai_svc.desk import Desk
from ai_svc.modules.agents import phrases
from ai_svc.modules.agents.builtin.documents import SEARCH, needs_nobody, searched_for
from ai_svc.modules.agents.builtin.model import BuiltInModel
from ai_svc.modules.agents.builtin.task import Task, Use
from ai_svc.modules.agents.composing import Composed
from ai_svc.modules.agents.events import AgentName, RunEvent
from ai_svc.modules.agents.guard import Guard
from ai_svc.modules.agents.marks import NOTHING
from ai_svc.modules.agents.prompting import conversation, known, said_before
from ai_svc.modules.agents.roster import Spec
from ai_svc.modules.agents.speaking import Speech
from ai_svc.modules.agents.tooling import Ledger, Looped
from ai_svc.modules.agents.weighing import Weighed, weighed
from ai_svc.modules.memory.service import Recalled
from ai_svc.modules.prompts.service import Alias, Prompt, prompt_for
from ai_svc.modules.providers.service import Call, Chain
from ai_svc.modules.providers.service import Use as AskedFor
from ai_svc.modules.rag.extractive import NAME
from ai_svc.modules.skills import service as skills
from ai_svc.modules.skills.dates import BRASILIA
from ai_svc.modules.skills.skill import SkillContext, SkillResult
from ai_svc.turns import Turn
from chassis.data.columns import utc_now
from shared_schemas.ids import new_id

T = TypeVar("T")

_log = structlog.get_logger(__name__)
_ALONE: Final = 8
"""Steps of the built-in model, when it has to finish by itself."""
_LEAST_SECONDS: Final = 0.1


class Interrupted(Exception):
    """It broke off after something was sent: nobody else's words may follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What an agent is to do. `deadline` is of the whole run, in the loop's time."""

    spec: Spec
    question: str
    context: SkillContext
    history: Sequence[Turn]
    recalled: Recalled | None
    ticket_id: UUID | None
    prompt_alias: Alias
    deadline: float


@dataclass(slots=True)
class AgentRun:
    """Its state, and what came of it."""

    desk: Desk
    given: Assignment
    guard: Guard
    composed: Composed
    ledger: Ledger
    abstained: bool = False
    chain: Chain | None = None
    prompt: Prompt | None = None
    by_itself: bool = False
    """The built-in model has answered without being the last of a chain."""
    _speech: Speech = field(init=False)
    _judged: dict[str, Weighed] = field(default_factory=dict)

    def __post_init__(self) -> None:
        must_quote = self.given.spec.name is AgentName.KNOWLEDGE
        self._speech = Speech(self.guard, self.composed, must_quote)

    async def events(self) -> AsyncGenerator[RunEvent, None]:
        """From the first tool to the last sentence. Raises DomainError, TimeoutError, Interrupted;
        closing it cancels the model and its tools."""
        needs_model = not needs_nobody(self._task())
        if needs_model and self.given.spec.name is AgentName.KNOWLEDGE:
            async for event in self._looked_up():
                yield event
            if self.abstained:
                return
        tenant = self.given.context.actor.organization_id
        needs_model = needs_model and await self.desk.brain.has_provider(tenant)
        async with aclosing(self._by_model() if needs_model else self._alone()) as events:
            async for event in events:
                yield event

    async def _looked_up(self) -> AsyncGenerator[RunEvent, None]:
        """What the documents say, before anybody is asked; weak evidence is the end of it."""
        async for event in self._used(Use(SEARCH, {"query": searched_for(self._task())})):
            yield event
        judged = await self._weighed(str(self.ledger.seen[-1].arguments["query"]))
        if judged is None or not judged.answerable:
            for event in self._abstain():
                yield event

    async def _by_model(self) -> AsyncGenerator[RunEvent, None]:
        failure: Exception | None = None
        try:
            async with aclosing(self._asked_model()) as events:
                async for event in events:
                    yield event
        except (AgentRunError, FallbackExceptionGroup, Looped) as error:
            _log.warning("agent_fell_back", agent=self.given.spec.name, why=type(error).__name__)
            failure = error
        async with aclosing(self._ended(failure)) as events:
            async for event in events:
                yield event

    async def _asked_model(self) -> AsyncGenerator[RunEvent, None]:
        """What the model does and says, as long as it may."""
        given = self.given
        tenant = given.context.actor.organization_id
        prompt = await prompt_for(
            self.desk.database, tenant, given.spec.prompt_id, given.prompt_alias
        )
        found = self.ledger.seen[-1].result if self.ledger.seen else None
        rules, question = prompt.render(
            question=given.question,
            known=known(
                client_id=given.context.client_id,
                ticket_id=given.ticket_id,
                recalled=given.recalled,
                found=found,
            ),
            today=utc_now().astimezone(BRASILIA).date(),
        )
        self.prompt = prompt
        self.chain = await self.desk.brain.model(self._call(), last=self._built_in())
        agent = Agent(
            self.chain,
            instructions=rules,
            tools=skills.tools_for(given.spec.skills, given.context),
            name=given.spec.prompt_id,
        )
        async with agent.run_stream_events(
            question,
            message_history=conversation(given.history),
            model_settings=_settings(prompt),
            usage_limits=UsageLimits(
                request_limit=given.spec.steps,
                tool_calls_limit=given.spec.calls,
                total_tokens_limit=given.spec.tokens,
            ),
            timeout=max(_LEAST_SECONDS, min(given.spec.seconds, given.deadline - _now())),
        ) as happening:
            async for event in happening:
                for told in await self._heard(event):
                    yield told

    async def _heard(self, event: Any) -> list[RunEvent]:
        """One event of the library's, in ours. Raises Looped."""
        match event:
            case PartStartEvent(part=TextPart(content=text)):
                return await self._in_time(self._speech.add(text))
            case PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
                return await self._in_time(self._speech.add(text))
            case FunctionToolCallEvent(part=part):
                self._speech.let_go()
                try:
                    arguments = part.args_as_dict(raise_if_invalid=True)
                except (ValueError, AssertionError):
                    arguments = {"": str(part.args)}
                return [self.ledger.called(part.tool_call_id, part.tool_name, arguments)]
            case FunctionToolResultEvent(part=part):
                result = part.metadata
                if not isinstance(result, SkillResult):
                    result = SkillResult(ok=False)  # a tool there is not
                return self.ledger.answered(part.tool_call_id, part.tool_name, result)
        return []

    async def _ended(self, failure: Exception | None) -> AsyncGenerator[RunEvent, None]:
        """The last words; the built-in model's where the other's are not to be used."""
        speech = self._speech
        if failure is None:
            for event in await self._in_time(speech.end()):
                yield event
        elif not speech.is_silent:
            if not isinstance(failure, Looped | UsageLimitExceeded):
                raise Interrupted from failure
            for event in speech.own(phrases.TOO_LONG):
                yield event
            return
        if speech.is_silent:
            async with aclosing(self._instead(failure)) as events:
                async for event in events:
                    yield event
        if self.chain is not None and self.chain.kept_by_policy and not self.abstained:
            for event in speech.own(phrases.KEPT_HERE):
                yield event

    async def _instead(self, failure: Exception | None) -> AsyncGenerator[RunEvent, None]:
        """Where nothing was sent: what was held back, if it claims nothing; else another answer."""
        if failure is None and self._speech.found_nothing:
            for event in self._abstain():
                yield event
        elif failure is None and self._speech.is_harmless:
            for event in self._speech.released():
                yield event
        else:
            async for event in self._alone():
                yield event

    async def _alone(self) -> AsyncGenerator[RunEvent, None]:
        """The built-in model over what was seen, with its tools, without a chain."""
        self.by_itself = True
        self._speech.start_over()
        self._speech.must_quote = False
        built_in = self._built_in()
        permitted = self.given.context.actor.permissions
        tools = frozenset(
            name for name in self.given.spec.skills if skills.SKILLS[name].permissions <= permitted
        )
        step: Use | str = phrases.CANNOT
        for _ in range(_ALONE):
            step = await self._in_time(built_in.step(self.ledger.seen, tools))
            if not isinstance(step, Use):
                break
            async for event in self._used(step):
                yield event
        told = phrases.CANNOT if isinstance(step, Use) else step
        if told == NOTHING:
            for event in self._abstain():
                yield event
            return
        for event in await self._in_time(self._speech.add(told)):
            yield event
        for event in await self._in_time(self._speech.end()):
            yield event
        if self._speech.is_silent:
            for event in self._abstain():
                yield event

    async def _used(self, use: Use) -> AsyncGenerator[RunEvent, None]:
        """A tool that no model has called."""
        call_id = str(new_id())
        yield self.ledger.called(call_id, use.skill, use.arguments)
        result = await self._in_time(skills.call(use.skill, use.arguments, self.given.context))
        for event in self.ledger.answered(call_id, use.skill, result):
            yield event

    def _abstain(self) -> list[RunEvent]:
        self.abstained = True
        self._speech.start_over()
        return self._speech.own(phrases.NOT_FOUND)

    async def _weighed(self, query: str) -> Weighed | None:
        for asked, found in reversed(self.given.context.carried.searches):
            if asked.strip() == query.strip():
                if asked not in self._judged:
                    self._judged[asked] = await weighed(self.desk.workshop, asked, found)
                return self._judged[asked]
        return None

    def _built_in(self) -> BuiltInModel:
        return BuiltInModel(self._task(), self._weighed)

    def _task(self) -> Task:
        given = self.given
        return Task(
            agent=given.spec.name,
            question=given.question,
            before=said_before(given.history),
            client_id=given.context.client_id,
            ticket_id=given.ticket_id,
            is_remembered=given.context.conversation_id is not None,
            seen=tuple(self.ledger.seen),
        )

    def _call(self) -> Call:
        context = self.given.context
        return Call(
            organization_id=context.actor.organization_id,
            user_id=context.actor.user_id,
            request_id=context.actor.request_id,
            use=AskedFor.CHAT,
            carried=context.carried,
            run_id=context.run_id,
        )

    async def _in_time(self, work: Awaitable[T]) -> T:
        async with asyncio.timeout_at(self.given.deadline):
            return await work

    @property
    def model(self) -> str:
        """Who has answered."""
        if self.by_itself or self.chain is None or not self.chain.answered:
            return NAME
        return self.chain.answered[-1].model


def _settings(prompt: Prompt) -> ModelSettings:
    most = prompt.hints.max_output_tokens
    return ModelSettings() if most is None else ModelSettings(max_tokens=most)


def _now() -> float:
    return asyncio.get_running_loop().time()
