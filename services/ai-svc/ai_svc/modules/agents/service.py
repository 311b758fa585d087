"""A run: one message of a person, answered by an agent within the person's rights."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog
from prometheus_client import Counter
from pydantic import SecretStr

from ai_svc.desk import Desk
from ai_svc.modules.agents.composing import Composed
from ai_svc.modules.agents.events import (
    AgentAnswer,
    AgentEvent,
    AgentName,
    DoneEvent,
    ErrorEvent,
    RunEvent,
    StartEvent,
    TicketOffer,
    UsageEvent,
)
from ai_svc.modules.agents.guard import Guard
from ai_svc.modules.agents.intents import Intent
from ai_svc.modules.agents.prompting import said_before
from ai_svc.modules.agents.roster import ROSTER, RUN_SECONDS
from ai_svc.modules.agents.routing import route
from ai_svc.modules.agents.running import AgentRun, Assignment, Interrupted
from ai_svc.modules.agents.tooling import Ledger
from ai_svc.modules.memory.service import Recalled
from ai_svc.modules.prompts.service import Alias
from ai_svc.modules.providers.service import Answered
from ai_svc.modules.rag.extractive import NAME
from ai_svc.modules.skills.skill import Carried, SkillContext
from ai_svc.turns import Turn
from chassis.web.errors import DomainError
from shared_schemas.actor import Actor
from shared_schemas.errors import ErrorCode
from shared_schemas.permissions import Permission

RUNS: Final = Counter("assistant_runs_total", "Runs of agents", ["agent", "result"])
_BROKEN: Final = "Não foi possível concluir a resposta. Tente de novo em instantes."
_INTERRUPTED: Final = "A resposta foi interrompida no meio. Tente de novo em instantes."
_TOO_SLOW: Final = "A resposta demorou demais e foi encerrada. Tente de novo em instantes."
_SUBJECT: Final = 120
_CURRENCY: Final = "USD"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """Who asks what. `token` is the asker's own: tools read core-api with nothing else."""

    actor: Actor
    token: SecretStr
    run_id: UUID
    content: str
    conversation_id: UUID | None = None
    message_id: UUID | None = None
    history: Sequence[Turn] = ()
    recalled: Recalled | None = None
    """What the memory keeps beside the turns: a summary of earlier ones, and facts."""
    agent: AgentName | None = None
    """Chosen by the asker; None: whom the question is for is found out."""
    client_id: UUID | None = None
    ticket_id: UUID | None = None
    prompt_alias: Alias = Alias.PRODUCTION


async def run(desk: Desk, request: RunRequest) -> AsyncGenerator[RunEvent, None]:
    """Answers; always begins with `start` and ends with `done` or `error`.

    Never raises for what can be expected. Closing it cancels everything under it.
    """
    yield StartEvent(
        run_id=request.run_id,
        conversation_id=request.conversation_id,
        message_id=request.message_id,
    )
    error: ErrorEvent | None = None
    try:
        async with aclosing(_Run.of(desk, request).events()) as events:
            async for event in events:
                yield event
    except DomainError as refusal:
        error = ErrorEvent(code=str(refusal.code), message=str(refusal))
    except TimeoutError:
        error = ErrorEvent(code=str(ErrorCode.UNAVAILABLE), message=_TOO_SLOW)
    except Interrupted:
        error = ErrorEvent(code=str(ErrorCode.UNAVAILABLE), message=_INTERRUPTED)
    except Exception as failure:  # noqa: BLE001 - what it says may hold what was asked
        _log.error("run_failed", error=type(failure).__name__, at=_where(failure))
        error = ErrorEvent(code=str(ErrorCode.INTERNAL_ERROR), message=_BROKEN)
    if error is not None:
        RUNS.labels(request.agent or "any", "error").inc()
        yield error


@dataclass(slots=True)
class _Run:
    """The parts of one run."""

    desk: Desk
    request: RunRequest
    context: SkillContext
    guard: Guard
    composed: Composed
    deadline: float
    told: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, desk: Desk, request: RunRequest) -> "_Run":
        """What earlier turns hold, this run holds from its beginning."""
        carried = Carried()
        carried.of_client(request.client_id)
        for turn in request.history:
            carried.client_ids.update(turn.client_ids)
            carried.document_ids.update(turn.document_ids)
        if request.recalled is not None:
            carried.client_ids |= request.recalled.client_ids
            carried.document_ids |= request.recalled.document_ids
        context = SkillContext(
            actor=request.actor,
            token=request.token,
            workshop=desk.workshop,
            run_id=request.run_id,
            carried=carried,
            conversation_id=request.conversation_id,
            message_id=request.message_id,
            client_id=request.client_id,
        )
        given = " ".join(
            [request.content, *(turn.content for turn in request.history if turn.role == "user")]
        )
        guard = Guard(desk.workshop, request.actor, carried, given)
        if request.recalled is not None:
            guard.know([fact.text for fact in request.recalled.facts])
        return cls(desk, request, context, guard, Composed(), _now() + RUN_SECONDS)

    async def events(self) -> AsyncGenerator[RunEvent, None]:
        """From whose data it begins with to `done`."""
        for event in self._ledger().growth():
            yield event
        self.told = len(self.context.carried.client_ids), len(self.context.carried.document_ids)
        intent = await self._intent()
        yield AgentEvent(agent=intent.agent, confidence=intent.confidence, also=intent.also)
        done: list[AgentRun] = []
        for agent, question in intent.parts or ((intent.agent, self.request.content),):
            part = AgentRun(
                self.desk,
                self._assignment(agent, question, done[-1].given.question if done else None),
                self.guard,
                self.composed,
                self._ledger(),
            )
            done.append(part)
            async with aclosing(part.events()) as events:
                async for event in events:
                    yield event
            self.told = part.ledger.told
        yield _usage(done)
        answer = self._answer(intent, done)
        RUNS.labels(intent.agent, "abstained" if answer.abstained else "answered").inc()
        _log.info(
            "run_done",
            agent=intent.agent,
            abstained=answer.abstained,
            sources=len(answer.sources),
            unsupported=len(answer.unsupported),
            proposals=len(answer.proposals),
            model=answer.model,
            tokens_used=answer.tokens_used,
        )
        yield DoneEvent(answer=answer)

    async def _intent(self) -> Intent:
        request = self.request
        if request.agent is not None:
            return Intent(request.agent, 1.0)
        before = said_before(request.history)
        async with asyncio.timeout_at(self.deadline):
            return await route(
                self.desk,
                request.actor,
                request.content,
                before,
                self.context.carried,
                request.run_id,
            )

    def _assignment(self, agent: AgentName, question: str, asked_before: str | None) -> Assignment:
        history = self.request.history
        if asked_before is not None:  # by the other half of the message
            said = Turn("user", asked_before), Turn("assistant", self.composed.text)
            history = [*history, *said]
        return Assignment(
            spec=ROSTER[agent],
            question=question,
            context=self.context,
            history=history,
            recalled=self.request.recalled,
            ticket_id=self.request.ticket_id,
            prompt_alias=self.request.prompt_alias,
            deadline=self.deadline,
        )

    def _ledger(self) -> Ledger:
        return Ledger(self.guard, self.composed, self.context.carried, self.told)

    def _answer(self, intent: Intent, done: Sequence[AgentRun]) -> AgentAnswer:
        carried, actor = self.context.carried, self.request.actor
        abstained = all(part.abstained for part in done)
        offers = abstained and actor.may(Permission.TICKETS_WRITE)
        answered = _answered(done)
        asked = next(
            (part for part in done if part.prompt is not None and part.model != NAME), None
        )
        return AgentAnswer(
            text=self.composed.text,
            agent=intent.agent,
            sources=self.guard.sources,
            proposals=self.composed.proposals,
            unsupported=self.composed.unsupported,
            abstained=abstained,
            offer=TicketOffer(subject=_subject(self.request.content)) if offers else None,
            model=asked.model if asked is not None else NAME,
            prompt_version=asked.prompt.label if asked is not None and asked.prompt else None,
            tokens_used=sum(each.input_tokens + each.output_tokens for each in answered),
            client_ids=sorted(carried.client_ids),
            document_ids=sorted(carried.document_ids),
        )


def _answered(done: Sequence[AgentRun]) -> list[Answered]:
    return [each for part in done if part.chain is not None for each in part.chain.answered]


def _usage(done: Sequence[AgentRun]) -> UsageEvent:
    answered = _answered(done)
    return UsageEvent(
        input_tokens=sum(each.input_tokens for each in answered),
        output_tokens=sum(each.output_tokens for each in answered),
        model=next((part.model for part in done if part.model != NAME), NAME),
        cost_micros=sum(each.cost_micros for each in answered),
        currency=answered[-1].currency if answered else _CURRENCY,
    )


def _subject(question: str) -> str:
    line = " ".join(question.split())
    return line if len(line) <= _SUBJECT else line[: _SUBJECT - 1] + "…"


def _where(failure: BaseException) -> str:
    """File and line, without a word of what it worked on."""
    trace = failure.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "?"
    return f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}"


def _now() -> float:
    return asyncio.get_running_loop().time()
