"""The sweep of assignments, called by worker-svc on schedule. Never reachable from outside."""

from dataclasses import asdict

from fastapi import APIRouter

from chassis.web.dependencies import CurrentResources, InternalCaller
from core_api.modules.teams.sweeping import sweep
from shared_schemas.envelope import Success

router = APIRouter(prefix="/assignment", tags=["maintenance"])


@router.post("/sweep")
async def sweep_assignments(
    caller: InternalCaller, resources: CurrentResources
) -> Success[dict[str, int]]:
    """Takes back tickets of who is absent for too long, and gives out what waits; how many."""
    swept = await sweep(resources.database, caller.request_id)
    return Success(data=asdict(swept), request_id=caller.request_id)
