"""Our assistant for callers of OpenAI's protocol: one run, whose events become pieces."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import ClassVar, Final

from pydantic import SecretStr

from ai_svc.desk import Desk
from ai_svc.modules.agents.events import (
    AgentAnswer,
    AgentName,
    DeltaEvent,
    DoneEvent,
    ErrorEvent,
    UsageEvent,
)
from ai_svc.modules.agents.service import RunRequest, run
from ai_svc.modules.compatible.conversion import turns
from ai_svc.modules.compatible.pieces import Ended, Piece, Said
from ai_svc.modules.compatible.requests import ChatRequest
from ai_svc.modules.compatible.shapes import Extra, Usage
from chassis.web.errors import DomainError
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id

LONGEST_QUESTION: Final = 20_000


class RunEnded(DomainError):
    """The run ended without an answer; says what the run said."""

    code: ClassVar[str] = "RUN_FAILED"

    def __init__(self, code: str, message: str) -> None:
        super().__init__()
        self.args = (message,)
        self.run_code = code


async def pieces(
    desk: Desk,
    actor: Actor,
    token: SecretStr,
    request: ChatRequest,
    agent: AgentName | None,
) -> AsyncGenerator[Piece, None]:
    """Sentence by sentence, each with its citations verified. Closing it ends the run."""
    question, history = turns(request.messages)
    about = request.metadata
    asked = RunRequest(
        actor=actor,
        token=token,
        run_id=new_id(),
        content=question[:LONGEST_QUESTION],
        history=history,
        agent=agent,
        client_id=about.client_id if about else None,
        ticket_id=about.ticket_id if about else None,
    )
    said, usage = "", Usage()
    async with aclosing(run(desk, asked)) as events:
        async for event in events:
            if isinstance(event, DeltaEvent):
                said += event.text
                yield Said(event.text)
            elif isinstance(event, UsageEvent):
                usage = _usage(event)
            elif isinstance(event, ErrorEvent):
                raise RunEnded(event.code, event.message)
            elif isinstance(event, DoneEvent):
                if not said:
                    yield Said(event.answer.text)
                yield Ended("stop", usage, _extra(event.answer))


def _usage(event: UsageEvent) -> Usage:
    return Usage(
        prompt_tokens=event.input_tokens,
        completion_tokens=event.output_tokens,
        total_tokens=event.input_tokens + event.output_tokens,
    )


def _extra(answer: AgentAnswer) -> Extra:
    return Extra(
        agent=answer.agent,
        model=answer.model,
        prompt_version=answer.prompt_version,
        abstained=answer.abstained,
        sources=answer.sources,
        proposals=answer.proposals,
        unsupported=answer.unsupported,
        offer=answer.offer,
    )
