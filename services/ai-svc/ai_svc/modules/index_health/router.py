"""The state of the index, for whoever looks after the documents and for the hourly check."""

from typing import Annotated

from fastapi import APIRouter, Depends

from ai_svc.modules.index_health.schemas import IndexHealthRead
from ai_svc.workshop import CurrentWorkshop
from chassis.security.authentication import InternalCaller, require
from chassis.web.dependencies import ReadTx
from chassis.web.responses import success
from knowledge import index_health
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/rag/index-health", tags=["documents"])
internal_router = APIRouter(prefix="/index-health", tags=["index-health"])

Keeper = Annotated[Actor, Depends(require(Permission.DOCUMENTS_WRITE))]


@router.get("", summary="Check the index")
async def read_index_health(
    actor: Keeper, tx: ReadTx, workshop: CurrentWorkshop
) -> Success[IndexHealthRead]:
    """Counts what the organization's index holds, and what is wrong with it.

    Every fault is zero, except `stale_models` while passages are embedded by a new model.
    """
    model = workshop.embedder.model
    found = await index_health.check(tx, actor.organization_id, model)
    return success(actor, IndexHealthRead.of(found, model))


@internal_router.post("/check")
async def check_all(caller: InternalCaller, workshop: CurrentWorkshop) -> Success[dict[str, int]]:
    """Check every organization's index and show the sums as metrics."""
    found = await index_health.check_all(workshop.database, workshop.embedder.model)
    return Success(data=found.faults, request_id=caller.request_id)
