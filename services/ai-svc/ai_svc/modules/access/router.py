"""Comparing with core-api, on worker-svc's schedule. Never reachable from outside."""

from fastapi import APIRouter

from ai_svc.modules.access.rebuilding import rebuild_due
from ai_svc.workshop import CurrentWorkshop
from chassis.security.authentication import InternalCaller
from shared_schemas.envelope import Success

router = APIRouter(prefix="/access", tags=["maintenance"])


@router.post("/rebuild")
async def rebuild_access(
    caller: InternalCaller, workshop: CurrentWorkshop
) -> Success[dict[str, int]]:
    """Learn what decides who may read, of organizations that were not compared lately."""
    done = await rebuild_due(workshop.database, workshop.core_api, caller.request_id)
    return Success(data=done, request_id=caller.request_id)
