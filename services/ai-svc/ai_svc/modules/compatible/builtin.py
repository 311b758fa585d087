"""The model that is always there for callers who bring their own tools: no network, no invention.

It calls a tool when it is told to, or when the question names it; fills in only what the question
says; and quotes what tools gave back. Otherwise it says that it cannot.
"""

import json
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, DeltaToolCalls, FunctionModel
from pydantic_ai.tools import ToolDefinition

from ai_svc.modules.providers.service import BUILT_IN
from knowledge.lexical.analyzer import analyze, detect_language

CANNOT: Final = (
    "Nenhum provedor de modelo está disponível para esta organização, e o modelo embutido só "
    "responde citando documentos: use o modelo cogep-assistant."
)
_LONGEST_QUOTE: Final = 4_000
_LOOKED_AT: Final = 2_000
"""Characters of the question, and of a tool's description."""
_LEAST_SHARED: Final = 2
"""Words a question and a tool's description share before it is called unasked."""
_NUMBER: Final = re.compile(r"-?\d+(?:[.,]\d+)?")
_QUOTED: Final = re.compile(r"[\"“«'‘]([^\"”»'’]{1,500})[\"”»'’]")


def built_in() -> FunctionModel:
    """Deterministic; asks nobody."""
    return FunctionModel(_answer, stream_function=_stream, model_name=BUILT_IN)


def _answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    call = _call(messages, info)
    if call is not None:
        return ModelResponse(parts=[call], finish_reason="tool_call")
    return ModelResponse(parts=[TextPart(_text(messages))], finish_reason="stop")


async def _stream(
    messages: list[ModelMessage], info: AgentInfo
) -> AsyncIterator[str | DeltaToolCalls]:
    call = _call(messages, info)
    if call is None:
        yield _text(messages)
        return
    arguments = call.args_as_json_str()
    yield {0: DeltaToolCall(call.tool_name, arguments, tool_call_id=call.tool_call_id)}


def _text(messages: Sequence[ModelMessage]) -> str:
    results = _results(messages)
    if not results:
        return CANNOT
    quoted = [f"{part.tool_name}: {part.model_response_str()}" for part in results]
    return "\n".join(quoted)[:_LONGEST_QUOTE]


def _call(messages: Sequence[ModelMessage], info: AgentInfo) -> ToolCallPart | None:
    if _results(messages) or not info.function_tools:
        return None
    choice = (info.model_settings or {}).get("tool_choice") or "auto"
    if choice == "none":
        return None
    question = _question(messages)
    stems = _stems(question)
    named = set(choice) if isinstance(choice, list) else None
    offered = [tool for tool in info.function_tools if named is None or tool.name in named]
    shared, tool = max(((_shared(stems, tool), tool) for tool in offered), key=lambda pair: pair[0])
    arguments = _arguments(question, tool)
    is_forced = named is not None or choice == "required"
    lacking = set(tool.parameters_json_schema.get("required", ())) - arguments.keys()
    if not is_forced and (shared < _LEAST_SHARED or lacking):
        return None
    return ToolCallPart(tool.name, json.dumps(arguments, ensure_ascii=False))


def _results(messages: Sequence[ModelMessage]) -> list[ToolReturnPart]:
    last = messages[-1]
    if not isinstance(last, ModelRequest):
        return []
    return [part for part in last.parts if isinstance(part, ToolReturnPart)]


def _question(messages: Sequence[ModelMessage]) -> str:
    for message in reversed(messages):
        for part in reversed(message.parts):
            if isinstance(part, UserPromptPart) and isinstance(part.content, str):
                return part.content
    return ""


def _shared(asked: set[int], tool: ToolDefinition) -> int:
    told = f"{tool.name.replace('_', ' ').replace('-', ' ')} {tool.description or ''}"
    return len(asked & _stems(told))


def _stems(text: str) -> set[int]:
    words = text[:_LOOKED_AT]
    return set(analyze(words, detect_language(words)).stem_terms.tolist())


def _arguments(question: str, tool: ToolDefinition) -> dict[str, Any]:
    """What the question says literally; nothing is made up."""
    numbers = iter(_NUMBER.findall(question))
    quotes = iter(_QUOTED.findall(question))
    required = set(tool.parameters_json_schema.get("required", ()))
    found: dict[str, Any] = {}
    properties: dict[str, Any] = tool.parameters_json_schema.get("properties", {})
    for name, schema in properties.items():
        value = _value(question, schema, numbers, quotes, is_required=name in required)
        if value is not None:
            found[name] = value
    return found


def _value(
    question: str, schema: Any, numbers: Any, quotes: Any, *, is_required: bool
) -> str | int | float | None:
    if not isinstance(schema, dict):
        return None
    if isinstance(choices := schema.get("enum"), list):
        said = question.casefold()
        return next((each for each in choices if str(each).casefold() in said), None)
    if schema.get("type") in ("integer", "number"):
        number = next(numbers, None)
        if number is None:
            return None
        value = float(number.replace(",", "."))
        return int(value) if schema["type"] == "integer" else value
    if schema.get("type") == "string":
        return next(quotes, None) or (question if is_required else None)
    return None
