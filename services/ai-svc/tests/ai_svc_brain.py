"""A Brain whose providers are servers at the wire, and what it has booked."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

import asyncpg
from fastapi import FastAPI
from pydantic import SecretStr
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ModelResponseStreamEvent,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.function import AgentInfo, FunctionModel
from wire.anthropic_wire import AnthropicWire
from wire.google_wire import GoogleWire
from wire.openai_wire import OpenAIWire
from wire.server import WireServer

from ai_svc.modules.providers.connecting import connected
from ai_svc.modules.providers.service import Brain, Call, Carries, CarriesNothing, Chain, Use
from ai_svc.provider_settings import ProviderSettings
from devstack.people import PEOPLE
from shared_schemas.ids import OrganizationId, UserId, new_id

ANA: Final = PEOPLE["ana"]
AURORA: Final = OrganizationId(ANA.organization.id)
QUESTION: Final = "Quantos dias de férias tem a servidora Ondina?"
HERE: Final = "Resposta montada aqui."
PROTOCOLS: Final[Mapping[str, type[WireServer]]] = {
    "openai": OpenAIWire,
    "anthropic": AnthropicWire,
    "google": GoogleWire,
}
Wires = Mapping[str, WireServer]


@dataclass
class Carried:
    """Whose data a call carries; tests let it grow."""

    client_ids: set[UUID] = field(default_factory=set)
    document_ids: set[UUID] = field(default_factory=set)


def provider_settings(wires: Wires, **changes: Any) -> ProviderSettings:
    """In the order of `wires`; `compatible` speaks as OpenAI does. Impatient, so that tests are."""
    given: dict[str, Any] = {
        "order": tuple(wires),
        "time_limit_seconds": 5.0,
        "first_token_seconds": 5.0,
        "total_seconds": 10.0,
        "compatible_model": "local-model",
    }
    for name, wire in wires.items():
        given[f"{name}_api_key"] = SecretStr(f"key-of-{name}")
        given[f"{name}_base_url"] = wire.url
    return ProviderSettings(**(given | changes))


@asynccontextmanager
async def thinking_through(app: FastAPI, wires: Wires, **changes: Any) -> AsyncIterator[Brain]:
    """The service thinks through these providers meanwhile."""
    settings = provider_settings(wires, **changes)
    before, desk = app.state.brain, getattr(app.state, "desk", None)
    async with connected(settings) as providers:
        brain = app.state.brain = Brain(app.state.workshop.database, settings, providers)
        if desk is not None:
            app.state.desk = replace(desk, brain=brain)
        try:
            yield brain
        finally:
            app.state.brain = before
            app.state.desk = desk
            await brain.close()


def call_of(carried: Carries | None = None, organization_id: OrganizationId = AURORA) -> Call:
    """Somebody asks."""
    return Call(
        organization_id=organization_id,
        user_id=UserId(ANA.sub),
        request_id="req-brain",
        use=Use.CHAT,
        carried=carried or CarriesNothing(),
        run_id=new_id(),
    )


def built_in() -> Model:
    """What is always there."""

    async def answer(_messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
        return ModelResponse(parts=[TextPart(HERE)])

    async def stream(_messages: list[ModelMessage], _info: AgentInfo) -> AsyncGenerator[str]:
        yield HERE

    return FunctionModel(answer, stream_function=stream, model_name="extractive")


async def chain_of(brain: Brain, call: Call | None = None) -> Chain:
    """What answers the call."""
    return await brain.model(call or call_of(), built_in())


def asked(text: str = QUESTION) -> list[ModelMessage]:
    """One question."""
    return [ModelRequest.user_text_prompt(text)]


async def answered(chain: Chain, *, streaming: bool, text: str = QUESTION) -> str:
    """The answer's text, however it comes."""
    if streaming:
        return "".join([piece async for piece in pieces(chain, text)])
    response = await chain.request(asked(text), None, ModelRequestParameters())
    return response.text or ""


async def pieces(chain: Chain, text: str = QUESTION) -> AsyncGenerator[str]:
    """The text as it arrives."""
    async with chain.request_stream(asked(text), None, ModelRequestParameters()) as stream:
        async for event in stream:
            if piece := text_of(event):
                yield piece


def text_of(event: ModelResponseStreamEvent) -> str:
    """What an event adds to the text."""
    match event:
        case PartStartEvent(part=TextPart(content=content)):
            return content
        case PartDeltaEvent(delta=TextPartDelta(content_delta=content)):
            return content
        case _:
            return ""


@dataclass(frozen=True, slots=True)
class Booked:
    """One call in the books."""

    model: str
    state: str
    input_tokens: int
    output_tokens: int


async def books(connection: asyncpg.Connection) -> list[Booked]:
    """Every call there was, in order; and the totals are theirs, nothing else."""
    rows = await connection.fetch(
        "SELECT model, state, input_tokens, output_tokens FROM ai.usage_entries ORDER BY id"
    )
    booked = [Booked(*row.values()) for row in rows]
    total = sum(entry.input_tokens + entry.output_tokens for entry in booked)
    for (counted,) in await connection.fetch("SELECT tokens FROM ai.usage_totals"):
        assert counted == total
    return booked
