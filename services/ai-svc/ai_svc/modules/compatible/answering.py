"""From pieces to OpenAI's two ways of answering: whole, or in chunks."""

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any, Final
from uuid import UUID

import structlog
from fastapi.sse import KEEPALIVE_COMMENT

from ai_svc.modules.agents.events import Source
from ai_svc.modules.compatible.errors import facts_of
from ai_svc.modules.compatible.pieces import Argued, Called, Ended, Piece, Quiet, Said
from ai_svc.modules.compatible.shapes import (
    Annotation,
    Choice,
    Completion,
    ErrorBody,
    ErrorFacts,
    Extra,
    FunctionCalled,
    MessageMade,
    ToolCallMade,
    UrlCitation,
    completion_id,
)
from chassis.web.errors import DomainError

log = structlog.get_logger(__name__)

_CONTENT: Final = "/api/v1/rag/documents/{document_id}/content?version={version}"
_BROKEN: Final = ErrorFacts(
    message="Não foi possível concluir a resposta. Tente de novo em instantes.",
    type="server_error",
    code="internal_error",
)


def completion(run_id: UUID, model: str, pieces: Sequence[Piece]) -> Completion:
    """The whole answer."""
    text = "".join(piece.text for piece in pieces if isinstance(piece, Said))
    ended = next(piece for piece in pieces if isinstance(piece, Ended))
    calls = _calls(pieces)
    message = MessageMade(
        content=text if text or not calls else None,
        annotations=annotations(text, ended.extra),
        tool_calls=calls or None,
        cogep=ended.extra,
    )
    return Completion(
        id=completion_id(run_id),
        created=int(time.time()),
        model=model,
        choices=[Choice(message=message, finish_reason=ended.finish_reason)],
        usage=ended.usage,
    )


async def chunks(
    run_id: UUID, model: str, pieces: AsyncIterator[Piece | Quiet], *, include_usage: bool
) -> AsyncGenerator[bytes, None]:
    """Server-sent events, `[DONE]` at the end. A failure after the head is an event, too; silence
    is a comment, which clients pass over."""
    head = {
        "id": completion_id(run_id),
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
    }
    usage: dict[str, Any] = {"usage": None} if include_usage else {}
    said = ""
    try:
        yield _event(head | usage | _choice({"role": "assistant", "content": ""}))
        async for piece in pieces:
            if isinstance(piece, Quiet):
                yield bytes(KEEPALIVE_COMMENT)
            elif isinstance(piece, Said):
                said += piece.text
                yield _event(head | usage | _choice({"content": piece.text}))
            elif isinstance(piece, Ended):
                yield _event(head | usage | _last(said, piece))
                if include_usage:
                    facts = {"choices": [], "usage": piece.usage.model_dump()}
                    yield _event(head | facts)
            else:
                yield _event(head | usage | _choice({"tool_calls": [_call(piece)]}))
    except DomainError as error:
        yield _event(ErrorBody(error=facts_of(error)).model_dump(mode="json"))
    except Exception:  # the status is out already: whatever happens now is told as an event
        log.exception("compatible_stream_failed")
        yield _event(ErrorBody(error=_BROKEN).model_dump(mode="json"))
    yield b"data: [DONE]\n\n"


def annotations(text: str, extra: Extra | None) -> list[Annotation]:
    """Where the text's marks `[n]` stand, and the document each stands for."""
    sources = {source.number: source for source in extra.sources} if extra else {}
    found = []
    for number, source in sources.items():
        mark = f"[{number}]"
        at = text.find(mark)
        while at >= 0:
            found.append(_annotation(source, at, at + len(mark)))
            at = text.find(mark, at + len(mark))
    return sorted(found, key=lambda each: each.url_citation.start_index)


def _annotation(source: Source, start: int, end: int) -> Annotation:
    url = _CONTENT.format(document_id=source.document_id, version=source.version)
    cited = UrlCitation(start_index=start, end_index=end, title=source.title, url=url)
    return Annotation(url_citation=cited)


def _calls(pieces: Sequence[Piece]) -> list[ToolCallMade]:
    arguments: dict[int, str] = {}
    for piece in pieces:
        if isinstance(piece, Argued):
            arguments[piece.index] = arguments.get(piece.index, "") + piece.arguments
    return [
        ToolCallMade(
            id=piece.call_id,
            function=FunctionCalled(name=piece.name, arguments=arguments.get(piece.index, "{}")),
        )
        for piece in pieces
        if isinstance(piece, Called)
    ]


def _call(piece: Called | Argued) -> dict[str, Any]:
    if isinstance(piece, Argued):
        return {"index": piece.index, "function": {"arguments": piece.arguments}}
    function = {"name": piece.name, "arguments": ""}
    return {"index": piece.index, "id": piece.call_id, "type": "function", "function": function}


def _choice(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {"choices": [choice]}


def _last(said: str, ended: Ended) -> dict[str, Any]:
    delta: dict[str, Any] = {}
    if ended.extra is not None:
        cited = annotations(said, ended.extra)
        if cited:
            delta["annotations"] = [each.model_dump(mode="json") for each in cited]
        delta["cogep"] = ended.extra.model_dump(mode="json")
    return _choice(delta, ended.finish_reason)


def _event(said: dict[str, Any]) -> bytes:
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return f"data: {text}\n\n".encode()
