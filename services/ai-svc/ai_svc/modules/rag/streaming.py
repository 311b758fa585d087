"""An answer while it is written, as server-sent events.

    passages  what was found, best first
    delta     the next part of the text, not checked yet
    reset     what came so far does not hold: forget it, more follows
    sources   the citations, each checked against the version it cites
    done      the answer as it stands, with everything `POST /rag/ask` gives
    error     it could not be finished; nothing that came before is an answer

Whoever hangs up ends the work: the generator is closed, and with it the line to the provider.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

import structlog
from fastapi.encoders import jsonable_encoder
from fastapi.sse import EventSourceResponse, format_sse_event

from ai_svc.modules.answers.service import Recorded
from ai_svc.modules.rag import service
from ai_svc.modules.rag.answering import AnswerFailed, Draft
from ai_svc.modules.rag.asking import Asking, Found
from ai_svc.modules.rag.metrics import STREAMS
from ai_svc.modules.rag.schemas import AnswerRead, PassageFound
from chassis.web.errors import DomainError
from shared_schemas.errors import ErrorCode

log = structlog.get_logger(__name__)

_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}
_BROKEN: Final = "Não foi possível concluir a resposta. Tente de novo em instantes."


def streamed(asking: Asking) -> EventSourceResponse:
    """Its body opens its own transactions: the request's are over by then."""
    return EventSourceResponse(_guarded(asking), headers=_HEADERS)


async def _guarded(asking: Asking) -> AsyncGenerator[bytes, None]:
    """The head of the answer is out: whatever happens now is told as an event."""
    ended = "aborted"
    try:
        async with aclosing(_events(asking)) as events:
            async for event in events:
                yield event
        ended = "done"
    except DomainError as error:
        ended = "error"
        yield _error(asking, str(error.code), str(error))
    except Exception:  # whatever it is: who listens is told, and the log has it whole
        ended = "error"
        log.exception("answer_stream_failed")
        yield _error(asking, str(ErrorCode.INTERNAL_ERROR), _BROKEN)
    finally:
        STREAMS.labels(ended).inc()


async def _events(asking: Asking) -> AsyncGenerator[bytes, None]:
    answer = await asking.recalled()
    if answer is not None:
        yield _event("delta", {"text": answer.answer})
    else:
        found = await asking.find()
        shown = [PassageFound.of(passage) for passage in found.evidence.passages]
        yield _event("passages", shown if found.answerable else [])
        said = ""
        draft = service.nothing(asking.answerers.first.name)
        async with aclosing(_written(asking, found)) as parts:
            async for part in parts:
                if isinstance(part, Draft):
                    draft = part
                    continue
                said = "" if part is None else said + part
                yield _event("reset", {}) if part is None else _event("delta", {"text": part})
        answer = await service.settled(asking, found, draft)
        if said and said.strip() != answer.answer:
            yield _event("reset", {})
            said = ""
        if not said:
            yield _event("delta", {"text": answer.answer})
    for event in _final(answer):
        yield event
    service.tell(asking, answer)


async def _written(asking: Asking, found: Found) -> AsyncGenerator[str | Draft | None, None]:
    """Parts of the text, the draft at the end; None where it starts anew."""
    if not found.answerable:
        return
    begun = False
    try:
        async with aclosing(asking.answerers.first.stream(found.evidence)) as parts:
            async for part in parts:
                begun = True
                yield part
    except AnswerFailed as failure:
        draft = await service.instead(asking, found, failure)
    else:
        return
    if begun:
        yield None
    if draft.text:
        yield draft.text
    yield draft


def _final(answer: Recorded) -> list[bytes]:
    read = AnswerRead.of(answer)
    return [_event("sources", read.sources), _event("done", read)]


def _error(asking: Asking, code: str, message: str) -> bytes:
    said = {"code": code, "message": message, "request_id": asking.actor.request_id}
    return _event("error", said)


def _event(name: str, said: Any) -> bytes:
    text = json.dumps(jsonable_encoder(said), ensure_ascii=False, separators=(",", ":"))
    return bytes(format_sse_event(event=name, data_str=text))
