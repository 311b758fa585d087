"""Asking over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends

from ai_svc.modules.rag import service
from ai_svc.modules.rag.dependencies import CurrentAnswerers
from ai_svc.modules.rag.schemas import AnswerRead, AskRequest
from ai_svc.workshop import CurrentWorkshop
from chassis.security.authentication import require
from chassis.web.rate_limit import limited
from chassis.web.responses import success
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/rag", tags=["rag"])

Asker = Annotated[Actor, Depends(require(Permission.RAG_ASK))]


@router.post("/ask", dependencies=[limited("30/minute", scope="ask")])
async def ask_question(
    body: AskRequest, actor: Asker, workshop: CurrentWorkshop, answerers: CurrentAnswerers
) -> Success[AnswerRead]:
    """Answer a question from the organization's documents, citing the exact passages."""
    answer = await service.ask(
        workshop, answerers, actor.organization_id, body.question, body.filters.read()
    )
    return success(actor, answer)
