"""What OpenAI's clients expect back, field by field."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from ai_svc.modules.agents.events import Proposed, Source, Stretch, TicketOffer

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


class ErrorFacts(BaseModel):
    """What went wrong."""

    message: str = Field(examples=["O modelo gpt-4 não existe."])
    type: str = Field(examples=["invalid_request_error"])
    param: str | None = Field(default=None, examples=["model"])
    code: str | None = Field(default=None, examples=["model_not_found"])


class ErrorBody(BaseModel):
    """OpenAI's error body."""

    error: ErrorFacts


class FunctionCalled(BaseModel):
    """The function and its arguments, as JSON text."""

    name: str
    arguments: str


class ToolCallMade(BaseModel):
    """A call the caller is asked to make."""

    id: str
    type: Literal["function"] = "function"
    function: FunctionCalled


class UrlCitation(BaseModel):
    """The document a stretch of the text stands on."""

    start_index: int
    end_index: int
    title: str
    url: str


class Annotation(BaseModel):
    """OpenAI's way to cite."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation


class Extra(BaseModel):
    """What OpenAI's shape has no room for. Their clients ignore it."""

    agent: str | None = None
    model: str = Field(description="Who wrote it", examples=["extractive"])
    prompt_version: str | None = None
    abstained: bool = False
    sources: list[Source] = []
    proposals: list[Proposed] = Field(
        default=[], description="Confirmed with `POST /api/v1/chat/proposals/{id}/confirm`"
    )
    unsupported: list[Stretch] = []
    offer: TicketOffer | None = None
    note: str | None = Field(
        default=None, description="Why a model outside the house was not asked"
    )


class MessageMade(BaseModel):
    """The answer."""

    role: Literal["assistant"] = "assistant"
    content: str | None
    refusal: None = None
    annotations: list[Annotation] = []
    tool_calls: list[ToolCallMade] | None = None
    cogep: Extra | None = None


class Choice(BaseModel):
    """The one answer."""

    index: int = 0
    message: MessageMade
    logprobs: None = None
    finish_reason: FinishReason


class Usage(BaseModel):
    """Tokens of the models that were asked."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class Completion(BaseModel):
    """A finished answer."""

    id: str = Field(examples=["chatcmpl-0192a00000007000800000000000c001"])
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage


class ModelCard(BaseModel):
    """A model."""

    id: str = Field(examples=["cogep-assistant"])
    object: Literal["model"] = "model"
    created: int = 1_763_683_200
    owned_by: str = "cogep"


class ModelList(BaseModel):
    """All models."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


class EmbeddingMade(BaseModel):
    """One vector: numbers, or their 32-bit floats, little-endian, in base64."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingUsage(BaseModel):
    """Tokens of the texts, estimated at four characters each."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(BaseModel):
    """The vectors, in the order of the texts."""

    object: Literal["list"] = "list"
    data: list[EmbeddingMade]
    model: str
    usage: EmbeddingUsage


def completion_id(run_id: UUID) -> str:
    """As OpenAI's look."""
    return f"chatcmpl-{run_id.hex}"
