"""Erasures over HTTP: what one would do, how one stands; and the sweep, for worker-svc only.

One is begun by executing a request of the data subject (`POST /privacy-requests/{id}/execute`).
"""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query

from chassis.security.authentication import InternalCaller, require
from chassis.web.dependencies import CurrentResources, ReadTx
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from core_api.anchoring import Signer
from core_api.documentation import raises
from core_api.modules.clients.service import ClientNotFound
from core_api.modules.erasure.exceptions import ErasureNotFound
from core_api.modules.erasure.knowing import remembered_values
from core_api.modules.erasure.models import Erasure
from core_api.modules.erasure.previewing import preview
from core_api.modules.erasure.repository import (
    NEWEST_FIRST,
    ErasureFilter,
    Erasures,
    LegalHolds,
)
from core_api.modules.erasure.schemas import ErasureDetail, ErasurePreviewRead, ErasureRead
from core_api.modules.erasure.sweeping import sweep_erasures
from core_api.subject_stores import Workshop
from core_api.workplace import CurrentWorkplace
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission
from shared_schemas.privacy import KnownValues, KnownValuesQuery

router = APIRouter(tags=["privacy"])
internal_router = APIRouter(prefix="/erasures", tags=["privacy"])

Reader = Annotated[Actor, Depends(require(Permission.PRIVACY_READ))]
ClientId = Annotated[UUID, Path(description="The client's id")]


async def _workshop(resources: CurrentResources, workplace: CurrentWorkplace) -> Workshop:
    return Workshop(database=resources.database, redis=resources.redis, storage=workplace.storage)


CurrentWorkshop = Annotated[Workshop, Depends(_workshop)]


def _filter(
    client_id: Annotated[UUID | None, Query(description="Only of this client")] = None,
    open: Annotated[  # noqa: A002 - its name on the wire
        bool | None, Query(description="Only what is not done, or only what is")
    ] = None,
) -> ErasureFilter:
    return ErasureFilter(client_id=client_id, is_open=open)


@router.get(
    "/clients/{client_id}/erasure-preview",
    summary="Preview an erasure",
    responses=raises(ClientNotFound),
)
async def preview_erasure(
    client_id: ClientId, actor: Reader, workshop: CurrentWorkshop, workplace: CurrentWorkplace
) -> Success[ErasurePreviewRead]:
    """What of the client is where, how much, and what must be kept on which ground, in every
    service. Changes nothing. A service that does not answer is named as unavailable."""
    found = await preview(
        workshop,
        workplace.ai_svc,
        actor.organization_id,
        client_id,
        request_id=actor.request_id,
    )
    return success(actor, ErasurePreviewRead.of(found))


@router.get("/erasures", summary="List erasures")
async def list_erasures(
    actor: Reader,
    tx: ReadTx,
    page: ByCursor,
    wanted: Annotated[ErasureFilter, Depends(_filter)],
) -> Success[list[ErasureRead]]:
    """Newest first, with their parts."""
    erasures = Erasures(tx, actor.organization_id)
    rows = await erasures.list(wanted, page)
    parts = await erasures.parts([row.id for row in rows])

    def read(erasure: Erasure) -> ErasureRead:
        return ErasureRead.of(erasure, [part for part in parts if part.erasure_id == erasure.id])

    return page.answer(actor, rows, read, NEWEST_FIRST.position)


@router.get("/erasures/{erasure_id}", summary="Show an erasure", responses=raises(ErasureNotFound))
async def get_erasure(
    erasure_id: Annotated[UUID, Path(description="The erasure's id")], actor: Reader, tx: ReadTx
) -> Success[ErasureDetail]:
    """Its parts, its steps, what holds it and, once it is done, the signed receipt."""
    erasures = Erasures(tx, actor.organization_id)
    erasure = await erasures.get(erasure_id)
    parts = await erasures.parts([erasure_id])
    steps = await erasures.steps(erasure_id)
    holds = await LegalHolds(tx, actor.organization_id).standing_on(erasure.client_ids)
    return success(actor, ErasureDetail.whole(erasure, parts, steps, holds))


@internal_router.post("/sweep")
async def sweep(
    caller: InternalCaller, workshop: CurrentWorkshop, workplace: CurrentWorkplace
) -> Success[dict[str, int]]:
    """Goes on with what is not done."""
    swept = await sweep_erasures(workshop, Signer(workplace.settings.ledger))
    return Success(data=asdict(swept), request_id=caller.request_id)


@internal_router.post("/known-values")
async def tell_known_values(
    body: KnownValuesQuery, caller: InternalCaller, resources: CurrentResources
) -> Success[KnownValues]:
    """What the person whose erasure is under way is known by, for who has to find it in texts.
    Nothing once every service has answered: then nobody knows it any more."""
    database = resources.database
    async with database.transaction(body.organization_id, read_only=True) as tx:
        erasures = Erasures(tx, body.organization_id)
        erasure = await erasures.unfinished_of(body.privacy_request_id)
        known = KnownValues() if erasure is None else await remembered_values(tx, erasure)
    return Success(data=known, request_id=caller.request_id)
