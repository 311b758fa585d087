"""What worker-svc calls while it works off a run. Never reachable from outside."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.requests import Request

from chassis.messaging.job_queue import JobQueue
from chassis.security.authentication import InternalCaller
from chassis.web.resources import Resources
from core_api.modules.imports.applying import ImportQueue
from core_api.modules.imports.internal_schemas import (
    Batch,
    BatchTaken,
    FailedRun,
    HeldRun,
    RunBegun,
)
from core_api.modules.imports.models import ClientImportRun
from shared_schemas.envelope import Success

router = APIRouter(tags=["imports"])

_MAX_BATCH_BYTES: Final = 8 * 1024 * 1024


async def import_queue(request: Request) -> ImportQueue:
    """The queue of runs, on this service's database."""
    resources: Resources = request.app.state.resources
    database = resources.database
    return ImportQueue(database, JobQueue(database, ClientImportRun.__table__))


Queue = Annotated[ImportQueue, Depends(import_queue)]


@router.post("/client-import-runs/{run_id}/begin")
async def begin_run(
    run_id: UUID, held: HeldRun, caller: InternalCaller, queue: Queue
) -> Success[RunBegun]:
    """What a worker needs to read the file, and where it has to go on."""
    return Success(data=await queue.begin(held, run_id), request_id=caller.request_id)


@router.post("/client-import-runs/{run_id}/fail")
async def fail_run(
    run_id: UUID, failed: FailedRun, caller: InternalCaller, queue: Queue
) -> Success[None]:
    """Ends a run that cannot go on, and tells who waits for it."""
    await queue.fail(failed, run_id)
    return Success(data=None, request_id=caller.request_id)


@router.post("/client-imports/{import_id}/batches", max_body_size=_MAX_BATCH_BYTES)
async def apply_batch(
    import_id: UUID, batch: Batch, caller: InternalCaller, queue: Queue
) -> Success[BatchTaken]:
    """Applies the next rows, or says that they were applied already."""
    return Success(data=await queue.apply(import_id, batch), request_id=caller.request_id)
