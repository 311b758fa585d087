"""What clients were known by, for services that hold copies. Never reachable from outside."""

from fastapi import APIRouter

from chassis.security.authentication import InternalCaller
from chassis.web.dependencies import CurrentResources
from core_api.modules.anonymisation.service import outdated_values
from shared_schemas.envelope import Success
from shared_schemas.privacy import KnownValues, OutdatedValuesQuery

internal_router = APIRouter(prefix="/known-values", tags=["privacy"])


@internal_router.post("/outdated")
async def tell_outdated_values(
    body: OutdatedValuesQuery, caller: InternalCaller, resources: CurrentResources
) -> Success[KnownValues]:
    """What was corrected: values of before that nobody should use any more (LGPD art. 18 III)."""
    database = resources.database
    async with database.transaction(body.organization_id, read_only=True) as session:
        found = await outdated_values(session, body.organization_id, body.client_ids)
    return Success(data=found, request_id=caller.request_id)
