"""Retention over HTTP; and its sweep, for worker-svc only."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, status

from chassis.security.authentication import InternalCaller, require
from chassis.web.dependencies import CurrentResources, ReadTx, Tx
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.keyset import Keyset
from core_api.modules.retention.exceptions import RetentionUnderWay, RunNotFound
from core_api.modules.retention.models import RetentionRun
from core_api.modules.retention.running import RetentionSweep
from core_api.modules.retention.schemas import RetentionPreview, RetentionRunRead
from core_api.modules.retention.service import preview, run_of, start_run
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(tags=["privacy"], route_class=IdempotentRoute)
internal_router = APIRouter(prefix="/retention", tags=["privacy"])

Reader = Annotated[Actor, Depends(require(Permission.PRIVACY_READ))]
Officer = Annotated[Actor, Depends(require(Permission.PRIVACY_EXECUTE))]

NEWEST_FIRST: Final = Keyset(
    name="-started_at",
    column=RetentionRun.started_at,
    id=RetentionRun.id,
    parse=datetime.fromisoformat,
)


@router.get("/retention-preview", summary="Show what retention would do now")
async def preview_retention(actor: Reader, tx: ReadTx) -> Success[RetentionPreview]:
    """A dry run: per purpose how many clients are due, held or still needed, and some of their
    ids. A client's data goes when every purpose it serves is over; what then happens is what the
    purpose says that was over last."""
    outlook = await preview(tx, actor.organization_id)
    return success(actor, RetentionPreview.of(outlook))


@router.post(
    "/retention-runs",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Run retention now",
    responses=raises(RetentionUnderWay, IdempotencyKeyReused),
)
async def start_retention(actor: Officer, tx: Tx) -> Success[RetentionRunRead]:
    """Carried out in small batches from now on. It runs by itself once a day."""
    run = await start_run(tx, actor)
    return success(actor, RetentionRunRead.model_validate(run))


@router.get("/retention-runs", summary="List runs of retention")
async def list_retention_runs(
    actor: Reader, tx: ReadTx, page: ByCursor
) -> Success[list[RetentionRunRead]]:
    """Newest first."""
    mine = sa.select(RetentionRun).where(RetentionRun.organization_id == actor.organization_id)
    runs = (await tx.scalars(NEWEST_FIRST.page(mine, page))).all()
    return page.answer(actor, runs, RetentionRunRead.model_validate, NEWEST_FIRST.position)


@router.get(
    "/retention-runs/{retention_run_id}",
    summary="Show a run of retention",
    responses=raises(RunNotFound),
)
async def get_retention_run(
    retention_run_id: Annotated[UUID, Path(description="The run's id")], actor: Reader, tx: ReadTx
) -> Success[RetentionRunRead]:
    """How far it is, what it has begun, and what went wrong."""
    run = await run_of(tx, actor.organization_id, retention_run_id)
    return success(actor, RetentionRunRead.model_validate(run))


@internal_router.post("/sweep")
async def sweep(caller: InternalCaller, resources: CurrentResources) -> Success[dict[str, int]]:
    """Begins the runs of today and goes on with those under way; says what it has begun."""
    swept = await RetentionSweep(
        database=resources.database, correlation_id=caller.request_id
    ).run()
    return Success(data=asdict(swept), request_id=caller.request_id)
