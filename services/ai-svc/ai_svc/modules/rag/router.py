"""Search and ask over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends

from ai_svc.modules.rag import service
from ai_svc.modules.rag.dependencies import CurrentAnswerers
from ai_svc.modules.rag.schemas import AnswerRead, AskRequest, PassageRead, SearchRequest
from ai_svc.workshop import CurrentWorkshop
from chassis.security.authentication import require
from chassis.web.rate_limit import limited
from chassis.web.responses import success
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/rag", tags=["rag"])

Reader = Annotated[Actor, Depends(require(Permission.DOCUMENTS_READ))]
Asker = Annotated[Actor, Depends(require(Permission.RAG_ASK))]


@router.post("/search")
async def search_passages(
    body: SearchRequest, actor: Reader, workshop: CurrentWorkshop
) -> Success[list[PassageRead]]:
    """Find the passages that meet a query best, best first."""
    passages = await service.find_passages(workshop, actor.organization_id, body.read())
    return success(actor, [PassageRead.of(passage) for passage in passages])


@router.post("/ask", dependencies=[limited("30/minute", scope="ask")])
async def ask_question(
    body: AskRequest, actor: Asker, workshop: CurrentWorkshop, answerers: CurrentAnswerers
) -> Success[AnswerRead]:
    """Answer a question from the organization's documents, citing the exact passages."""
    answer = await service.ask(
        workshop, answerers, actor.organization_id, body.question, body.filters.read()
    )
    return success(actor, answer)
