"""What core-api asks about a person. Never reachable from outside."""

from fastapi import APIRouter

from ai_svc.modules.privacy import stores, subject_data
from ai_svc.modules.privacy.erasing import SERVICE
from ai_svc.modules.privacy.naming import Naming
from ai_svc.modules.privacy.wordings import count_named_texts
from ai_svc.modules.privacy.work import Subject
from ai_svc.workshop import CurrentWorkshop
from chassis.security.authentication import InternalCaller
from shared_schemas.envelope import Success
from shared_schemas.privacy import (
    ErasurePreview,
    ErasurePreviewQuery,
    StoreCount,
    SubjectData,
    SubjectDataQuery,
)

router = APIRouter(prefix="/privacy", tags=["privacy"])


@router.post("/erasure-preview")
async def preview_erasure(
    body: ErasurePreviewQuery, caller: InternalCaller, workshop: CurrentWorkshop
) -> Success[ErasurePreview]:
    """What an erasure would do here, store by store. Changes nothing."""
    subject = Subject(body.organization_id, tuple(body.client_ids))
    database = workshop.database
    async with database.transaction(body.organization_id, read_only=True) as session:
        there = await stores.count(session, subject)
    named, is_all = await count_named_texts(database, subject, Naming.of(body.known))
    there[stores.NAMED_TEXTS] = named
    counted = [
        StoreCount(
            store=each.name,
            label=each.label,
            count=there[each.name],
            is_at_least=each.name == stores.NAMED_TEXTS and not is_all,
            action=each.action,
            ground=each.ground,
        )
        for each in stores.STORES
    ]
    preview = ErasurePreview(service=SERVICE, stores=counted)
    return Success(data=preview, request_id=caller.request_id)


@router.post("/subject-data")
async def read_subject_data(
    body: SubjectDataQuery, caller: InternalCaller, workshop: CurrentWorkshop
) -> Success[SubjectData]:
    """Everything kept about the person, a page at a time."""
    subject = Subject(body.organization_id, tuple(body.client_ids))
    database = workshop.database
    async with database.transaction(body.organization_id, read_only=True) as session:
        page = await subject_data.read(session, subject, body.cursor, body.limit)
    return Success(data=page, request_id=caller.request_id)
