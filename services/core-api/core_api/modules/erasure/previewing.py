"""What an erasure would do, before it does anything: what is where, how much, what must stay."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import httpx
import structlog

from chassis.http.service_client import ServiceClient
from chassis.web.errors import Unavailable
from core_api.erasure_stores import ERASURE_STORES_IN_ORDER
from core_api.modules.anonymisation.service import known_values
from core_api.modules.clients.erasing import whole_family
from core_api.modules.erasure.knowing import subject_of
from core_api.modules.erasure.models import Erasure, LegalHold
from core_api.modules.erasure.repository import Erasures, LegalHolds
from core_api.modules.erasure.starting import ASSISTANT, OWN_PART
from core_api.subject_stores import Store, Subject, Workshop
from shared_schemas.ids import OrganizationId
from shared_schemas.privacy import (
    ErasurePreview,
    ErasurePreviewQuery,
    KnownValues,
    StoreAction,
    StoreCount,
)

_log = structlog.get_logger(__name__)

PATH: Final = "/internal/v1/privacy/erasure-preview"
_PATIENCE_SECONDS: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What would be erased, and what stands in its way."""

    client_ids: Sequence[UUID]
    services: Sequence[ErasurePreview]
    silent: Sequence[str]
    """Services that did not answer: what they hold is not known now."""
    holds: Sequence[LegalHold]
    under_way: Erasure | None
    is_erased: bool


async def preview(
    workshop: Workshop,
    ai_svc: ServiceClient,
    organization_id: OrganizationId,
    client_id: UUID,
    *,
    request_id: str,
) -> Preview:
    """Reads only. ClientNotFound."""
    async with workshop.database.transaction(organization_id, read_only=True) as tx:
        family = await whole_family(tx, organization_id, client_id)
        erasures = Erasures(tx, organization_id)
        holds = await LegalHolds(tx, organization_id).standing_on(family)
        under_way = await erasures.unfinished(family)
        is_erased = await erasures.is_erased(family[0])
        subject = await subject_of(tx, organization_id, family)
        known = await known_values(tx, organization_id, family)
    theirs = asyncio.create_task(_ask(ai_svc, subject, known, request_id))
    try:
        own = [await _counted(store, workshop, subject) for store in ERASURE_STORES_IN_ORDER]
    except BaseException:
        theirs.cancel()
        raise
    answer = await theirs
    services = [ErasurePreview(service=OWN_PART, stores=own)]
    return Preview(
        client_ids=family,
        services=[*services, answer] if answer is not None else services,
        silent=[] if answer is not None else [ASSISTANT],
        holds=holds,
        under_way=under_way,
        is_erased=is_erased,
    )


async def _counted(store: Store, workshop: Workshop, subject: Subject) -> StoreCount:
    return StoreCount(
        store=store.name,
        label=store.label,
        count=await store.count(workshop, subject),
        action=StoreAction(store.action),
        ground=store.ground,
    )


async def _ask(
    ai_svc: ServiceClient, subject: Subject, known: KnownValues, request_id: str
) -> ErasurePreview | None:
    """What the assistant holds; None when it does not say."""
    query = ErasurePreviewQuery(
        organization_id=subject.organization_id,
        client_ids=list(subject.client_ids),
        known=known,
    )
    try:
        answer = await ai_svc.request(
            "POST",
            PATH,
            request_id=request_id,
            json=query.model_dump(mode="json"),
            timeout_seconds=_PATIENCE_SECONDS,
        )
        answer.raise_for_status()
        return ErasurePreview.model_validate(answer.json()["data"])
    except (Unavailable, httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        _log.warning("preview_incomplete", service=ASSISTANT, cause=type(error).__name__)
        return None
