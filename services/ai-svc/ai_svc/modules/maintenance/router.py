"""Upkeep, called by worker-svc on schedule. Never reachable from outside."""

from fastapi import APIRouter

from ai_svc.modules.maintenance import service
from ai_svc.workshop import CurrentWorkshop
from chassis.security.authentication import InternalCaller
from shared_schemas.envelope import Success

router = APIRouter(prefix="/maintenance", tags=["maintenance"])


@router.post("/prune")
async def prune(caller: InternalCaller, workshop: CurrentWorkshop) -> Success[dict[str, int]]:
    """Delete what is past its time; says how much of each."""
    return Success(data=await service.prune(workshop), request_id=caller.request_id)
