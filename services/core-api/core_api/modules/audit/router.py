"""Reading the audit log over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime

from chassis.security.authentication import require
from chassis.web.dependencies import ReadTx
from chassis.web.pagination import ByCursor
from core_api.modules.audit.repository import NEWEST_FIRST, AuditEvents, AuditFilter
from core_api.modules.audit.schemas import AuditEventRead
from core_api.modules.audit.service import visible_values
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(tags=["audit"])

Auditor = Annotated[Actor, Depends(require(Permission.AUDIT_READ))]
Instant = Annotated[
    AwareDatetime | None, Query(description="With time zone, e.g. 2026-11-21T09:00:00Z")
]


def _filter(
    actor_id: Annotated[UUID | None, Query(description="Who did it")] = None,
    subject_id: Annotated[UUID | None, Query(description="What it was done to")] = None,
    about: Annotated[UUID | None, Query(description="The client whose data it concerns")] = None,
    action: Annotated[
        str | None, Query(max_length=64, description="What was done, e.g. `client.updated`")
    ] = None,
    since: Instant = None,
    until: Instant = None,
) -> AuditFilter:
    return AuditFilter(
        actor_id=actor_id,
        subject_id=subject_id,
        about=about,
        action=action,
        since=since,
        until=until,
    )


@router.get("/audit-events", summary="List audit events, newest first")
async def list_audit_events(
    actor: Auditor, tx: ReadTx, page: ByCursor, wanted: Annotated[AuditFilter, Depends(_filter)]
) -> Success[list[AuditEventRead]]:
    """Every change of the organization's data: by whom, from what to what, when and why."""
    events = await AuditEvents(tx, actor.organization_id).list(wanted, page)
    values = await visible_values(tx, actor, events)
    by_id = dict(zip((event.id for event in events), values, strict=True))
    return page.answer(
        actor,
        events,
        lambda event: AuditEventRead.of(event, by_id[event.id]),
        NEWEST_FIRST.position,
    )
