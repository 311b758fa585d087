"""Ask over HTTP."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header
from starlette.responses import Response

from ai_svc.modules.access import service as access
from ai_svc.modules.privacy.exceptions import ClientErased
from ai_svc.modules.providers.dependencies import CurrentBrain
from ai_svc.modules.rag import service
from ai_svc.modules.rag.abstention import learned
from ai_svc.modules.rag.answerers import answerers_for
from ai_svc.modules.rag.asking import Asking
from ai_svc.modules.rag.schemas import AnswerRead, AskRequest
from ai_svc.modules.rag.streaming import streamed
from ai_svc.streams import wants_stream
from ai_svc.workshop import CurrentWorkshop
from chassis.security.authentication import require
from chassis.web.documentation import raises
from chassis.web.rate_limit import limited
from chassis.web.responses import success
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/rag", tags=["rag"])

Asker = Annotated[Actor, Depends(require(Permission.RAG_ASK))]
_EXAMPLE: Final = (
    'event: passages\ndata: [{"document_id":"0192a000-0000-7000-8000-0000000d0001","version":1}]'
    '\n\nevent: delta\ndata: {"text":"As férias são de 30 dias corridos por ano. [1]"}\n\n'
    'event: sources\ndata: [{"quote":"As férias são de 30 dias corridos por ano."}]\n\n'
    'event: done\ndata: {"abstained":false,"model":"extractive"}\n\n'
)
_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The answer; or, where asked for, server-sent events until it is finished",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    }
}


@router.post(
    "/ask",
    summary="Answer a question",
    dependencies=[limited("30/minute", scope="ask")],
    response_model=Success[AnswerRead],
    responses={**_STREAM, **raises(ClientErased)},
)
async def ask_question(
    body: AskRequest,
    actor: Asker,
    workshop: CurrentWorkshop,
    brain: CurrentBrain,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Success[AnswerRead] | Response:
    """From the documents the caller may read, citing the exact passages; or `abstained`.

    With `stream` or `Accept: text/event-stream` it comes as events while it is written: `passages`,
    `delta` (text, not checked yet), `reset` (forget the text so far), `sources` (checked
    citations), `done` (the whole answer), or `error`.
    """
    await access.refresh(workshop, actor, body.filters.client_id)
    answerers = await answerers_for(brain, actor, body.filters.client_id)
    asking = Asking(workshop, answerers, learned(), actor, body.question, body.filters.read())
    if body.stream or wants_stream(accept):
        return streamed(asking)
    return success(actor, AnswerRead.of(await service.ask(asking)))
