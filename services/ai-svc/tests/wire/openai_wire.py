"""OpenAI's chat completions, and every server that speaks them."""

import json
from collections.abc import Iterator
from typing import Any, ClassVar

from wire.replies import Says
from wire.server import Asked, WireServer

_TYPES = {429: "rate_limit_error", 401: "invalid_request_error", 400: "invalid_request_error"}


class OpenAIWire(WireServer):
    """POST /v1/chat/completions."""

    base_path: ClassVar[str] = "/v1"

    def streams(self, asked: Asked) -> bool:
        return bool(asked.body.get("stream"))

    def whole(self, asked: Asked, says: Says) -> Any:
        message: dict[str, Any] = {"role": "assistant", "content": says.text or None}
        if says.calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.raw},
                }
                for call in says.calls
            ]
        choice = {"index": 0, "message": message, "finish_reason": _ended(says), "logprobs": None}
        return {
            "id": "chatcmpl-wire",
            "object": "chat.completion",
            "created": 1_790_000_000,
            "model": asked.body["model"],
            "choices": [choice],
            "usage": _usage(says),
        }

    def events(self, asked: Asked, says: Says) -> Iterator[tuple[int, str]]:
        yield 0, _event(asked, {"role": "assistant", "content": ""})
        sent = 0
        for sent, word in enumerate(says.words, start=1):
            yield sent, _event(asked, {"content": word})
        for index, call in enumerate(says.calls):
            sent += 1
            opened = {"name": call.name, "arguments": ""}
            one = {"index": index, "id": call.id, "type": "function", "function": opened}
            yield sent, _event(asked, {"tool_calls": [one]})
            for half in _halves(call.raw):
                more = {"index": index, "function": {"arguments": half}}
                yield sent, _event(asked, {"tool_calls": [more]})
        yield sent + 1, _event(asked, {}, finish_reason=_ended(says))
        options = asked.body.get("stream_options") or {}
        if options.get("include_usage"):
            yield sent + 1, _event(asked, None, usage=_usage(says))
        yield sent + 1, "data: [DONE]\n\n"

    def refusal(self, status: int, code: str | None) -> Any:
        kind = _TYPES.get(status, "server_error")
        said = {"message": "The provider refused.", "type": kind, "param": None, "code": code}
        return {"error": said}

    def failure_event(self) -> str:
        said = {"message": "The server had an error.", "type": "server_error", "code": None}
        return f"data: {json.dumps({'error': said})}\n\n"


def _event(
    asked: Asked,
    delta: dict[str, Any] | None,
    finish_reason: str | None = None,
    usage: dict[str, int] | None = None,
) -> str:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}]
    chunk = {
        "id": "chatcmpl-wire",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": asked.body["model"],
        "choices": [] if delta is None else choices,
        "usage": usage,
    }
    return f"data: {json.dumps(chunk)}\n\n"


def _usage(says: Says) -> dict[str, int]:
    return {
        "prompt_tokens": says.input_tokens,
        "completion_tokens": says.output_tokens,
        "total_tokens": says.input_tokens + says.output_tokens,
    }


def _ended(says: Says) -> str:
    return "tool_calls" if says.calls else says.ended


def _halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]
