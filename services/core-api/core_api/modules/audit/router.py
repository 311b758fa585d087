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
    action: Annotated[
        str | None, Query(max_length=64, description="What was done, e.g. `client.updated`")
    ] = None,
    since: Instant = None,
    until: Instant = None,
) -> AuditFilter:
    return AuditFilter(
        actor_id=actor_id, subject_id=subject_id, action=action, since=since, until=until
    )


@router.get("/audit-events", summary="List audit events, newest first")
async def list_audit_events(
    actor: Auditor, tx: ReadTx, page: ByCursor, wanted: Annotated[AuditFilter, Depends(_filter)]
) -> Success[list[AuditEventRead]]:
    """Every change of the organization's data: by whom, when, in which request."""
    events = await AuditEvents(tx, actor.organization_id).list(wanted, page)
    return page.answer(actor, events, AuditEventRead.model_validate, NEWEST_FIRST.position)
