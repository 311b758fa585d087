"""Deadlines over HTTP; and the sweep, for worker-svc only."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Final

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.security.authentication import InternalCaller, require
from chassis.web.dependencies import CurrentResources, ReadTx
from chassis.web.pagination import ByCursor, CursorPage
from core_api.keyset import Keyset
from core_api.modules.deadlines.models import Deadline, DeadlineSubject
from core_api.modules.deadlines.schemas import DeadlineRead
from core_api.modules.deadlines.sweep import warn
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.ids import OrganizationId
from shared_schemas.permissions import Permission

router = APIRouter(tags=["accountability"])
internal_router = APIRouter(prefix="/accountability", tags=["accountability"])

Officer = Annotated[Actor, Depends(require(Permission.PRIVACY_READ))]
_DUE_ORDER: Final = Keyset(
    name="due_at", column=Deadline.due_at, id=Deadline.id, parse=datetime.fromisoformat
)


@router.get("/accountability/deadlines", summary="List what is due")
async def list_deadlines(
    actor: Officer,
    tx: ReadTx,
    page: ByCursor,
    subject_type: Annotated[
        DeadlineSubject | None, Query(description="Of one kind of thing only")
    ] = None,
    before: Annotated[
        AwareDatetime | None, Query(description="Due before then; with time zone")
    ] = None,
) -> Success[list[DeadlineRead]]:
    """Incidents, reviews, transfers, impact reports and recipients, the earliest first. What was
    done is shown with the thing itself."""
    now = utc_now()
    found = await _open(tx, actor.organization_id, page, subject_type, before)
    return page.answer(actor, found, lambda row: DeadlineRead.of(row, now), _DUE_ORDER.position)


@internal_router.post("/sweep")
async def sweep(caller: InternalCaller, resources: CurrentResources) -> Success[dict[str, int]]:
    """Tells what will be overdue soon, or is; says how much of each."""
    told = await warn(resources.database, caller.request_id)
    return Success(data=asdict(told), request_id=caller.request_id)


async def _open(
    tx: AsyncSession,
    organization_id: OrganizationId,
    page: CursorPage,
    subject_type: DeadlineSubject | None,
    before: datetime | None,
) -> Sequence[Deadline]:
    statement = sa.select(Deadline).where(
        Deadline.organization_id == organization_id,
        Deadline.met_at.is_(None),
        Deadline.waived_at.is_(None),
    )
    if subject_type is not None:
        statement = statement.where(Deadline.subject_type == subject_type)
    if before is not None:
        statement = statement.where(Deadline.due_at < before)
    return (await tx.scalars(_DUE_ORDER.page(statement, page))).all()
