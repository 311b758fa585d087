"""A run: one message of a person, answered by an agent within the person's rights."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from uuid import UUID

from pydantic import SecretStr

from ai_svc.desk import Desk
from ai_svc.modules.agents.events import AgentName, ErrorEvent, RunEvent, StartEvent
from ai_svc.modules.memory.service import Recalled
from ai_svc.turns import Turn
from shared_schemas.actor import Actor
from shared_schemas.errors import ErrorCode

_BROKEN = "Não foi possível concluir a resposta. Tente de novo em instantes."


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


async def run(desk: Desk, request: RunRequest) -> AsyncGenerator[RunEvent, None]:
    """Answers; always begins with `start` and ends with `done` or `error`.

    Never raises for what can be expected. Closing it cancels everything under it.
    """
    yield StartEvent(
        run_id=request.run_id,
        conversation_id=request.conversation_id,
        message_id=request.message_id,
    )
    yield ErrorEvent(code=str(ErrorCode.INTERNAL_ERROR), message=_BROKEN)
