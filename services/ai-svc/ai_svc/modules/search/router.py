"""Search over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends

from ai_svc.modules.search import service
from ai_svc.modules.search.schemas import PassageRead, SearchRequest
from ai_svc.workshop import CurrentWorkshop
from chassis.security.authentication import require
from chassis.web.responses import success
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/rag", tags=["rag"])

Reader = Annotated[Actor, Depends(require(Permission.DOCUMENTS_READ))]


@router.post("/search", summary="Search passages")
async def search_passages(
    body: SearchRequest, actor: Reader, workshop: CurrentWorkshop
) -> Success[list[PassageRead]]:
    """Find the passages that meet a query best, best first."""
    passages = await service.find_passages(workshop, actor.organization_id, body.read())
    return success(actor, [PassageRead.of(passage) for passage in passages])
