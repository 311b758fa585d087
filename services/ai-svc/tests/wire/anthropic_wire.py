"""Anthropic's messages."""

import json
from collections.abc import Iterator
from typing import Any, ClassVar

from wire.replies import Says, ToolCall
from wire.server import Asked, WireServer

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_ENDED = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}


class AnthropicWire(WireServer):
    """POST /v1/messages."""

    base_path: ClassVar[str] = ""

    def streams(self, asked: Asked) -> bool:
        return bool(asked.body.get("stream"))

    def whole(self, asked: Asked, says: Says) -> Any:
        content: list[dict[str, Any]] = [{"type": "text", "text": says.text}] if says.text else []
        content += [_tool_use(call, call.parsed) for call in says.calls]
        return {
            **_message(asked),
            "content": content,
            "stop_reason": _ended(says),
            "usage": {"input_tokens": says.input_tokens, "output_tokens": says.output_tokens},
        }

    def events(self, asked: Asked, says: Says) -> Iterator[tuple[int, str]]:
        opening = {
            **_message(asked),
            "usage": {"input_tokens": says.input_tokens, "output_tokens": 1},
        }
        yield 0, _event("message_start", message=opening)
        yield 0, _event("ping")
        sent = index = 0
        if says.text:
            block = {"type": "text", "text": ""}
            yield 0, _event("content_block_start", index=0, content_block=block)
            for sent, word in enumerate(says.words, start=1):
                delta = {"type": "text_delta", "text": word}
                yield sent, _event("content_block_delta", index=0, delta=delta)
            yield sent + 1, _event("content_block_stop", index=0)
            index = 1
        for position, call in enumerate(says.calls, start=index):
            sent += 1
            block = _tool_use(call, {})
            yield sent, _event("content_block_start", index=position, content_block=block)
            for half in (call.raw[: len(call.raw) // 2], call.raw[len(call.raw) // 2 :]):
                delta = {"type": "input_json_delta", "partial_json": half}
                yield sent, _event("content_block_delta", index=position, delta=delta)
            yield sent + 1, _event("content_block_stop", index=position)
        ended = {"stop_reason": _ended(says), "stop_sequence": None}
        used = {"output_tokens": says.output_tokens}
        yield sent + 1, _event("message_delta", delta=ended, usage=used)
        yield sent + 1, _event("message_stop")

    def refusal(self, status: int, code: str | None) -> Any:
        kind = code or _TYPES.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": "The provider refused."}}

    def failure_event(self) -> str:
        said = {"type": "overloaded_error", "message": "Overloaded"}
        return _event("error", error=said)

    def garbled_event(self) -> str:
        return 'event: content_block_delta\ndata: {"type": "content_blo\n\n'


def _message(asked: Asked) -> dict[str, Any]:
    return {
        "id": "msg_wire",
        "type": "message",
        "role": "assistant",
        "model": asked.body["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _tool_use(call: ToolCall, arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": arguments}


def _ended(says: Says) -> str:
    return "tool_use" if says.calls else _ENDED[says.ended]


def _event(kind: str, **fields: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"
