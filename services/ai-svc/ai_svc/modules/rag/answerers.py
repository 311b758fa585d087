"""Who answers a question: whom the organization asks by now, and the built-in model."""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from ai_svc.modules.prompts.service import prompt_for
from ai_svc.modules.providers.service import Brain
from ai_svc.modules.rag.answering import AnswerModel
from ai_svc.modules.rag.extractive import ExtractiveModel
from ai_svc.modules.rag.outside import OutsideModels
from shared_schemas.actor import Actor

PROMPT: Final = "answer_question"


@dataclass(frozen=True, kw_only=True)
class Answerers:
    """The model that is asked first, and the one that is always there."""

    first: AnswerModel
    last: ExtractiveModel = field(default_factory=ExtractiveModel)


async def answerers_for(brain: Brain, actor: Actor, client_id: UUID | None) -> Answerers:
    """For a question about the client, or about none."""
    candidates = await brain.candidates(actor.organization_id)
    if not candidates:
        return Answerers(first=ExtractiveModel())
    prompt = await prompt_for(brain.database, actor.organization_id, PROMPT)
    return Answerers(first=OutsideModels(brain, actor, client_id, candidates, prompt))
