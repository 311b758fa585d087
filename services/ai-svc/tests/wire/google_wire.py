"""Google's generateContent."""

import json
from collections.abc import Iterator
from typing import Any, ClassVar

from wire.replies import Says, ToolCall
from wire.server import Asked, WireServer

_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
_ENDED = {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}


class GoogleWire(WireServer):
    """POST /v1beta/models/{model}:generateContent and :streamGenerateContent?alt=sse."""

    base_path: ClassVar[str] = ""

    def streams(self, asked: Asked) -> bool:
        return ":streamGenerateContent" in asked.path

    def whole(self, asked: Asked, says: Says) -> Any:
        parts: list[dict[str, Any]] = [{"text": says.text}] if says.text else []
        return _response(asked, says, [*parts, *map(_call, says.calls)], ended=True)

    def events(self, asked: Asked, says: Says) -> Iterator[tuple[int, str]]:
        sent = 0
        for sent, word in enumerate(says.words, start=1):
            yield sent, _event(_response(asked, says, [{"text": word}], ended=False))
        for call in says.calls:
            sent += 1
            yield sent, _event(_response(asked, says, [_call(call)], ended=False))
        yield sent + 1, _event(_response(asked, says, [{"text": ""}], ended=True))

    def refusal(self, status: int, code: str | None) -> Any:
        said = code or _STATUSES.get(status, "INTERNAL")
        return {"error": {"code": status, "message": "The provider refused.", "status": said}}

    def failure_event(self) -> str:
        return _event(self.refusal(503, None))


def _response(asked: Asked, says: Says, parts: list[dict[str, Any]], *, ended: bool) -> Any:
    candidate: dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": parts}}
    counted: dict[str, int] = {"promptTokenCount": says.input_tokens}
    if ended:
        candidate["finishReason"] = _ENDED[says.ended]
        counted["candidatesTokenCount"] = says.output_tokens
    counted["totalTokenCount"] = sum(counted.values())
    return {
        "candidates": [candidate],
        "usageMetadata": counted,
        "modelVersion": asked.path.split("/models/")[1].partition(":")[0],
        "responseId": "wire",
    }


def _call(call: ToolCall) -> dict[str, Any]:
    return {"functionCall": {"id": call.id, "name": call.name, "args": call.parsed}}


def _event(said: Any) -> str:
    return f"data: {json.dumps(said)}\n\n"
