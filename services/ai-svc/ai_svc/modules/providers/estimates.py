"""How many tokens a request may take, before anybody has counted them. Rather too many: what is
set aside for it is what a budget is guarded by."""

import json
from collections.abc import Sequence
from typing import Final

from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelResponse
from pydantic_ai.models import ModelRequestParameters
from pydantic_core import to_json

# Portuguese is at 3.5 to 4.5 bytes a token with today's vocabularies, JSON at 2.5 to 4.
_BYTES_PER_TOKEN: Final = 3


def input_tokens(messages: Sequence[ModelMessage], parameters: ModelRequestParameters) -> int:
    """Of everything that is sent: messages, instructions, descriptions of tools."""
    tools = [
        (tool.name, tool.description, tool.parameters_json_schema)
        for tool in (*parameters.function_tools, *parameters.output_tools)
    ]
    sent = len(ModelMessagesTypeAdapter.dump_json(list(messages)))
    sent += len(json.dumps(tools, ensure_ascii=False).encode())
    sent += sum(len(part.content.encode()) for part in parameters.instruction_parts or ())
    return _tokens(sent)


def output_tokens(response: ModelResponse) -> int:
    """Of what has arrived so far; what is noted about it is none of it."""
    written = to_json(list(response.parts), bytes_mode="base64", serialize_unknown=True)
    return _tokens(len(written)) if response.parts else 0


def _tokens(size: int) -> int:
    return -(-size // _BYTES_PER_TOKEN)
