"""Reading and verifying the audit log over HTTP; and the sweeps, for worker-svc only."""

from dataclasses import asdict
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from chassis.data.columns import utc_now
from chassis.security.authentication import InternalCaller, require
from chassis.web.dependencies import CurrentResources, ReadTx, Tx
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from core_api.anchoring import AUDIT_LOG, AnchorPlace, Signer
from core_api.csv_export import Separator, csv_stream
from core_api.modules.audit.chaining import chain_all, chain_events
from core_api.modules.audit.exporting import FORMATS, HEADER, AuditExport, lines_stream
from core_api.modules.audit.keeping import keep_heads
from core_api.modules.audit.repository import NEWEST_FIRST, AuditEvents, AuditFilter
from core_api.modules.audit.schemas import AuditEventRead, AuditVerification, BrokenLink
from core_api.modules.audit.service import read_events
from core_api.modules.audit.verifying import Broken, Fault, verify_audit
from core_api.workplace import CurrentWorkplace
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(tags=["audit"])
internal_router = APIRouter(prefix="/audit", tags=["audit"])

Auditor = Annotated[Actor, Depends(require(Permission.AUDIT_READ))]
Instant = Annotated[
    AwareDatetime | None, Query(description="With time zone, e.g. 2026-11-21T09:00:00Z")
]


def _filter(
    actor_id: Annotated[UUID | None, Query(description="Who did it")] = None,
    subject_type: Annotated[
        str | None, Query(max_length=64, description="What kind of thing, e.g. `ticket`")
    ] = None,
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
        subject_type=subject_type,
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
    """Every change of the organization's data, and every reading of what is sensitive: by whom,
    from what to what, when and why."""
    events = await AuditEvents(tx, actor.organization_id).list(wanted, page)
    read = await read_events(tx, actor, events)
    by_id = dict(zip((event.id for event in events), read, strict=True))
    return page.answer(
        actor,
        events,
        lambda event: AuditEventRead.of(event, *by_id[event.id]),
        NEWEST_FIRST.position,
    )


@router.get(
    "/audit-events/export",
    summary="Export audit events",
    response_class=StreamingResponse,
    responses=FORMATS,
)
async def export_audit_events(
    actor: Auditor,
    tx: Tx,
    resources: CurrentResources,
    wanted: Annotated[AuditFilter, Depends(_filter)],
    format: Annotated[  # noqa: A002 - the parameter's name on the wire
        Literal["jsonl", "csv"], Query(description="One JSON object per line, or a table")
    ] = "jsonl",
    separator: Separator = "semicolon",
) -> StreamingResponse:
    """Every event the filters let through, newest first, as the list shows them. That they were
    exported is an event too: who, with which filters, how many."""
    export = AuditExport(actor, wanted)
    await export.begin(tx, format)
    if format == "csv":
        rows = export.rows(resources.database)
        return csv_stream(HEADER, rows, filename="auditoria.csv", separator=separator)
    return lines_stream(export.events(resources.database))


@router.get("/audit/verify", summary="Verify the audit log")
async def verify_audit_log(
    actor: Auditor, resources: CurrentResources, workplace: CurrentWorkplace
) -> Success[AuditVerification]:
    """Gives every event its link, computes the whole chain again, compares it with the events, with
    what attests them and with the signed heads outside the database, and names the first link that
    does not fit."""
    tenant = actor.organization_id
    await chain_events(resources.database, tenant, everything=True)
    signer = Signer(workplace.settings.ledger)
    anchors = await AnchorPlace(workplace.storage, signer, AUDIT_LOG, tenant).all()
    async with resources.database.transaction(tenant, read_only=True) as session:
        walk, broken = await verify_audit(session, tenant, anchors.hashes)
    name = None
    if broken is None and anchors.forged:
        broken, name = Broken(walk.sequence, Fault.ANCHOR_FORGED), anchors.forged[0]
    verified = AuditVerification(
        valid=broken is None,
        links=walk.sequence,
        head=walk.hash.hex(),
        anchors=walk.anchors_met,
        unattested=walk.unattested,
        pending=walk.pending,
        first_broken=broken and BrokenLink(**asdict(broken), anchor=name),
        verified_at=utc_now(),
    )
    return success(actor, verified)


@internal_router.post("/sweep")
async def sweep(caller: InternalCaller, resources: CurrentResources) -> Success[dict[str, int]]:
    """Gives events that are new their links; says how many."""
    linked = await chain_all(resources.database)
    return Success(data={"linked": linked}, request_id=caller.request_id)


@internal_router.post("/anchor")
async def keep(
    caller: InternalCaller, resources: CurrentResources, workplace: CurrentWorkplace
) -> Success[dict[str, int]]:
    """Looks at all events for one without a link, and keeps the signed heads of today."""
    signer = Signer(workplace.settings.ledger)
    kept = await keep_heads(resources.database, workplace.storage, signer)
    return Success(data=asdict(kept), request_id=caller.request_id)
