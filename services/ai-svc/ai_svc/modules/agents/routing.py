"""Whose question it is: by nearness to examples; where that is not sure, by a model, if there is
one."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final
from uuid import UUID

import structlog
from pydantic import BaseModel, Field, ValidationError
from pydantic_ai import Agent, RunContext
from pydantic_ai.exceptions import AgentRunError, FallbackExceptionGroup
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models import (
    CompletedStreamedResponse,
    Model,
    ModelRequestParameters,
    StreamedResponse,
)
from pydantic_ai.settings import ModelSettings

from ai_svc.desk import Desk
from ai_svc.modules.agents.events import AgentName
from ai_svc.modules.agents.intents import DEFAULT, LEAST, Intent, classify
from ai_svc.modules.prompts.service import prompt_for
from ai_svc.modules.providers.service import Call, Carries, Use
from ai_svc.modules.rag.extractive import NAME
from chassis.web.errors import DomainError
from shared_schemas.actor import Actor

SURE: Final = 0.75
"""Confidence from which no model is asked."""
SECONDS: Final = 5.0
PROMPT: Final = "route_intent"
_LONGEST: Final = 2_000

_log = structlog.get_logger(__name__)


class _Reply(BaseModel):
    """What the prompt asks for."""

    agent: AgentName
    confidence: Annotated[float, Field(ge=0, le=1)]


async def route(
    desk: Desk,
    actor: Actor,
    message: str,
    before: str,
    carried: Carries,
    run_id: UUID | None = None,
) -> Intent:
    """Never raises for a model that does not know, is down, or is too dear. `run_id`: with which
    run ends what is set aside for it, should the process die."""
    near = classify(message)
    if near.confidence >= SURE or near.parts:
        return near
    if not await desk.brain.has_provider(actor.organization_id):
        return near
    try:
        async with asyncio.timeout(SECONDS):
            said = await _asked(desk, _call(actor, carried, run_id), message, before, near)
    except (TimeoutError, AgentRunError, FallbackExceptionGroup, DomainError, ValidationError) as e:
        _log.warning("routing_fell_back", why=type(e).__name__)
        return near
    if said.confidence < LEAST:
        return Intent(DEFAULT, said.confidence)
    return Intent(said.agent, said.confidence)


def _call(actor: Actor, carried: Carries, run_id: UUID | None) -> Call:
    return Call(
        organization_id=actor.organization_id,
        user_id=actor.user_id,
        request_id=actor.request_id,
        use=Use.ROUTING,
        carried=carried,
        run_id=run_id,
    )


async def _asked(desk: Desk, call: Call, message: str, before: str, near: Intent) -> _Reply:
    prompt = await prompt_for(desk.database, call.organization_id, PROMPT)
    rules, question = prompt.render(message=message[:_LONGEST], before=before[:_LONGEST])
    chain = await desk.brain.model(call, last=_Nearest(near))
    agent = Agent(chain, instructions=rules, name=PROMPT)
    result = await agent.run(question)
    text = result.output
    return _Reply.model_validate_json(text[text.find("{") : text.rfind("}") + 1])


class _Nearest(Model[None]):
    """Says what was found without a model."""

    def __init__(self, near: Intent) -> None:
        super().__init__()
        self._near = near

    @property
    def model_name(self) -> str:
        """The built-in one's."""
        return NAME

    @property
    def system(self) -> str:
        """Nobody's."""
        return "builtin"

    async def request(
        self,
        messages: list[ModelMessage],  # noqa: ARG002 - the base's signature
        model_settings: ModelSettings | None,  # noqa: ARG002
        model_request_parameters: ModelRequestParameters,  # noqa: ARG002
    ) -> ModelResponse:
        """In the form a model would."""
        said = {"agent": self._near.agent.value, "confidence": self._near.confidence}
        return ModelResponse(parts=[TextPart(json.dumps(said))], model_name=NAME)

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,  # noqa: ARG002 - the base's signature
    ) -> AsyncGenerator[StreamedResponse]:
        """The same, at once."""
        response = await self.request(messages, model_settings, model_request_parameters)
        yield CompletedStreamedResponse(
            response, model_request_parameters=model_request_parameters, replay_events=True
        )
