"""Upkeep, called by worker-svc on schedule. Never reachable from outside."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request

from chassis.data.database import Database
from chassis.data.retention import prune_system_tables
from chassis.security.authentication import InternalCaller
from chassis.web.resources import Resources
from core_api.modules.attachments.service import sweep_attachments
from core_api.modules.imports.service import forget_imports, sweep_import_files
from core_api.modules.subject_data.service import sweep_objects
from core_api.tables import SYSTEM_TABLES
from core_api.workplace import CurrentWorkplace
from shared_schemas.envelope import Success

router = APIRouter(prefix="/maintenance", tags=["maintenance"])


async def _database(request: Request) -> Database:
    resources: Resources = request.app.state.resources
    return resources.database


@router.post("/prune")
async def prune(
    caller: InternalCaller,
    database: Annotated[Database, Depends(_database)],
    workplace: CurrentWorkplace,
) -> Success[dict[str, int]]:
    """Deletes what is past its time; says how much of each."""
    pruned = await prune_system_tables(database, SYSTEM_TABLES)
    pruned["attachments"] = await sweep_attachments(database, workplace.storage)
    pruned["client_imports"] = await forget_imports(
        database, workplace.storage, workplace.settings.imports.keep_files, caller.request_id
    )
    pruned["client_import_orphans"] = await sweep_import_files(database, workplace.storage)
    pruned["subject_data_orphans"] = await sweep_objects(database, workplace.storage)
    return Success(data=pruned, request_id=caller.request_id)
