"""From OpenAI's messages and tools to pydantic-ai's, and to the turns our agents read."""

from collections.abc import Sequence
from typing import Final

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ModelResponsePart,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from ai_svc.modules.compatible.requests import ChatRequest, Message, NamedTool
from ai_svc.turns import Turn
from chassis.web.errors import InvalidInput

MOST_OUTPUT_TOKENS: Final = 4_096
"""What an answer may have when the caller names no limit."""
_OWNERLESS: Final = "Este resultado não corresponde a nenhuma chamada de função anterior."


def model_messages(messages: Sequence[Message]) -> list[ModelMessage]:
    """The conversation as a model is given it. A tool's result needs the call it answers."""
    names: dict[str, str] = {}
    converted: list[ModelMessage] = []
    for number, message in enumerate(messages):
        if message.role == "assistant":
            converted.append(ModelResponse(parts=_answered(message, names)))
            continue
        part = _asked(number, message, names)
        last = converted[-1] if converted else None
        if isinstance(last, ModelRequest):
            last.parts = [*last.parts, part]
        else:
            converted.append(ModelRequest(parts=[part]))
    return converted


def parameters(request: ChatRequest) -> ModelRequestParameters:
    """The caller's tools, and the shape the answer shall have."""
    tools = [
        ToolDefinition(
            name=tool.function.name,
            description=tool.function.description,
            parameters_json_schema=tool.function.parameters,
            strict=tool.function.strict,
        )
        for tool in request.tools or ()
    ]
    wanted = request.response_format.json_schema if request.response_format else None
    if wanted is None:
        return ModelRequestParameters(function_tools=tools)
    shape = OutputObjectDefinition(
        json_schema=wanted.schema_,
        name=wanted.name,
        description=wanted.description,
        strict=wanted.strict,
    )
    return ModelRequestParameters(function_tools=tools, output_mode="native", output_object=shape)


def settings(request: ChatRequest) -> ModelSettings:
    """How the model shall write; what the caller left out is left out."""
    found = ModelSettings(
        max_tokens=request.max_completion_tokens or request.max_tokens or MOST_OUTPUT_TOKENS
    )
    if request.temperature is not None:
        found["temperature"] = request.temperature
    if request.top_p is not None:
        found["top_p"] = request.top_p
    if request.presence_penalty is not None:
        found["presence_penalty"] = request.presence_penalty
    if request.frequency_penalty is not None:
        found["frequency_penalty"] = request.frequency_penalty
    if request.seed is not None:
        found["seed"] = request.seed
    if request.stop:
        found["stop_sequences"] = (
            [request.stop] if isinstance(request.stop, str) else list(request.stop)
        )
    if request.tools:
        _choose(request, found)
    return found


def check_free_text(request: ChatRequest) -> None:
    """Who quotes documents writes sentences. Raises InvalidInput for any other shape."""
    if request.response_format is not None and request.response_format.json_schema is not None:
        raise InvalidInput.on(
            "body.response_format", "Só o modelo cogep-model responde em um esquema JSON."
        )


def turns(messages: Sequence[Message]) -> tuple[str, list[Turn]]:
    """The question, and what was said before it.

    Instructions of the caller are words of the person who asks: they weigh no more than a message.
    """
    last = max(number for number, message in enumerate(messages) if message.role == "user")
    before = [
        Turn(role="assistant" if message.role == "assistant" else "user", content=message.text)
        for message in messages[:last]
        if message.text.strip()
    ]
    return messages[last].text, before


def _choose(request: ChatRequest, found: ModelSettings) -> None:
    choice = request.tool_choice
    if isinstance(choice, NamedTool):
        offered = {tool.function.name for tool in request.tools or ()}
        if choice.function.name not in offered:
            raise InvalidInput.on("body.tool_choice", "Esta função não está em tools.")
        found["tool_choice"] = [choice.function.name]
    elif choice is not None:
        found["tool_choice"] = choice
    if request.parallel_tool_calls is not None:
        found["parallel_tool_calls"] = request.parallel_tool_calls


def _asked(number: int, message: Message, names: dict[str, str]) -> ModelRequestPart:
    if message.role == "tool":
        call_id = message.tool_call_id or ""
        if call_id not in names:
            raise InvalidInput.on(f"body.messages.{number}.tool_call_id", _OWNERLESS)
        return ToolReturnPart(names[call_id], message.text, call_id)
    if message.role == "user":
        return UserPromptPart(message.text)
    return SystemPromptPart(message.text)


def _answered(message: Message, names: dict[str, str]) -> list[ModelResponsePart]:
    parts: list[ModelResponsePart] = [TextPart(message.text)] if message.text else []
    for call in message.tool_calls or ():
        names[call.id] = call.function.name
        parts.append(ToolCallPart(call.function.name, call.function.arguments, call.id))
    return parts
