"""Search over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends

from ai_svc.modules.access import service as access
from ai_svc.modules.search.schemas import SearchAnswer, SearchRequest
from ai_svc.searching import searched
from ai_svc.workshop import CurrentWorkshop
from chassis.security.authentication import require
from shared_schemas.actor import Actor
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/rag", tags=["rag"])

Reader = Annotated[Actor, Depends(require(Permission.DOCUMENTS_READ))]


@router.post("/search", summary="Search passages")
async def search_passages(
    body: SearchRequest, actor: Reader, workshop: CurrentWorkshop
) -> SearchAnswer:
    """The passages that meet a query best, of documents the caller may read, best first.

    `meta.suggestion` spells a word right that no document knows. Documents of a client are only
    looked in where `filters.client_id` names the client.
    """
    await access.refresh(workshop, actor, body.filters.client_id)
    found = await workshop.searcher.find(actor, body.read())
    searched("search", found.passages)
    return SearchAnswer.to(actor.request_id, found)
