"""What OpenAI's clients send: the fields we heed, and those we may leave aside."""

from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

MOST_MESSAGES: Final = 200
MOST_TOOLS: Final = 64
MOST_INPUTS: Final = 256
LONGEST_TEXT: Final = 100_000

Text = Annotated[str, StringConstraints(max_length=LONGEST_TEXT)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


class _Sent(BaseModel):
    """Unknown fields are refused, as OpenAI does."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TextPart(_Sent):
    """A part of a message. Only text is read: no images, sounds or files."""

    type: Literal["text"]
    text: Text


class CalledFunction(_Sent):
    """What the model wanted called."""

    name: Name
    arguments: Text


class ToolCallSent(_Sent):
    """A call that an earlier answer asked for."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    type: Literal["function"] = "function"
    function: CalledFunction


class Message(_Sent):
    """One message of the conversation, oldest first."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Text | Annotated[list[TextPart], Field(max_length=100)] | None = None
    name: str | None = Field(default=None, max_length=64)
    tool_calls: Annotated[list[ToolCallSent], Field(max_length=MOST_TOOLS)] | None = None
    tool_call_id: str | None = Field(default=None, max_length=200)
    # What answers of ours and of OpenAI's carry, and comes back with the history.
    refusal: str | None = None
    annotations: list[dict[str, Any]] | None = None
    cogep: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        """The words."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class FunctionOffered(_Sent):
    """A function of the caller's, as the model is told of it."""

    name: Name
    description: str | None = Field(default=None, max_length=10_000)
    parameters: dict[str, Any] = {"type": "object", "properties": {}}
    strict: bool | None = None

    @field_validator("parameters")
    @classmethod
    def _describes_an_object(cls, schema: dict[str, Any]) -> dict[str, Any]:
        required = schema.get("required", [])
        if (
            schema.get("type", "object") != "object"
            or not isinstance(schema.get("properties", {}), dict)
            or not isinstance(required, list)
            or not all(isinstance(name, str) for name in required)
        ):
            raise ValueError("Descreva um objeto em JSON Schema, com properties e required.")
        return schema


class ToolOffered(_Sent):
    """A tool of the caller's. It is never executed here."""

    type: Literal["function"]
    function: FunctionOffered


class NamedFunction(_Sent):
    """Which function must be called."""

    name: Name


class NamedTool(_Sent):
    """Forces one tool."""

    type: Literal["function"]
    function: NamedFunction


class JsonSchema(_Sent):
    """The shape the answer shall have."""

    name: Name
    description: str | None = None
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None


class ResponseFormat(_Sent):
    """`text`, or JSON by a schema."""

    type: Literal["text", "json_schema"]
    json_schema: JsonSchema | None = None

    @model_validator(mode="after")
    def _has_the_schema(self) -> Self:
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError("Informe json_schema quando type for json_schema, e só então.")
        return self


class StreamOptions(_Sent):
    """What a stream tells beside the text."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Metadata(BaseModel):
    """Whom and what the question is about; anything else is the caller's own and left aside."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    client_id: UUID | None = None
    ticket_id: UUID | None = None


class ChatRequest(_Sent):
    """The body of `POST /chat/completions`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "cogep-assistant",
                    "messages": [
                        {"role": "user", "content": "Quantos dias de férias tem um servidor?"}
                    ],
                }
            ]
        }
    )

    model: str = Field(min_length=1, max_length=200)
    messages: Annotated[list[Message], Field(min_length=1, max_length=MOST_MESSAGES)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: Annotated[list[ToolOffered], Field(max_length=MOST_TOOLS)] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = Field(default=None, ge=1, le=200_000)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=200_000)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    seed: int | None = None
    stop: Text | Annotated[list[Text], Field(max_length=4)] | None = None
    response_format: ResponseFormat | None = None
    n: Literal[1] | None = Field(default=None, description="One answer at a time")
    metadata: Metadata | None = Field(
        default=None, description="`client_id` and `ticket_id`: whom and what it is about"
    )
    # Left aside: they change nothing that the caller could rely on.
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    service_tier: str | None = None
    store: bool | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    logit_bias: dict[str, float] | None = None

    @field_validator("messages")
    @classmethod
    def _ends_with_a_question(cls, messages: list[Message]) -> list[Message]:
        if messages[-1].role not in ("user", "tool"):
            raise ValueError("A última mensagem deve ser do usuário ou o resultado de uma função.")
        if not any(message.text.strip() for message in messages if message.role == "user"):
            raise ValueError("Envie ao menos uma mensagem do usuário com texto.")
        return messages

    @field_validator("tool_choice")
    @classmethod
    def _is_of_tools(
        cls, choice: Literal["none", "auto", "required"] | NamedTool | None, info: ValidationInfo
    ) -> Literal["none", "auto", "required"] | NamedTool | None:
        if choice not in (None, "none", "auto") and not info.data.get("tools"):
            raise ValueError("Só se pode exigir uma função que esteja em tools.")
        return choice

    @property
    def brings_tools(self) -> bool:
        """Whether the caller runs tools of their own, and so the conversation."""
        return bool(self.tools) or any(message.role == "tool" for message in self.messages)


class EmbeddingRequest(_Sent):
    """The body of `POST /embeddings`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"model": "cogep-embedding", "input": ["Férias"]}]}
    )

    model: str = Field(min_length=1, max_length=200)
    input: Text | Annotated[list[Text], Field(min_length=1, max_length=MOST_INPUTS)]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(default=None, ge=1)
    user: str | None = None

    @property
    def texts(self) -> list[str]:
        """One or many, as a list."""
        return [self.input] if isinstance(self.input, str) else self.input
