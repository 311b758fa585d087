"""Legal holds over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response, status

from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.errors import PreconditionFailed
from chassis.web.etag import versioned
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from core_api.documentation import raises
from core_api.inputs import changes
from core_api.modules.clients.service import ClientMerged, ClientNotFound, family_of
from core_api.modules.erasure.exceptions import HoldLifted, HoldNotFound, ReviewInThePast
from core_api.modules.erasure.holding import LONGEST_DAYS, HoldService
from core_api.modules.erasure.repository import REVIEWED_FIRST, LegalHolds
from core_api.modules.erasure.schemas import (
    LegalHoldCreate,
    LegalHoldDetail,
    LegalHoldLift,
    LegalHoldRead,
    LegalHoldUpdate,
)
from core_api.modules.organizations.service import MemberUnknown
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(tags=["privacy"], route_class=IdempotentRoute)

Reader = Annotated[Actor, Depends(require(Permission.PRIVACY_READ))]
Officer = Annotated[Actor, Depends(require(Permission.PRIVACY_EXECUTE))]
ClientId = Annotated[UUID, Path(description="The client's id")]
HoldId = Annotated[UUID, Path(description="The legal hold's id")]
Standing = Annotated[
    bool | None, Query(description="Only what still holds, or only what was lifted")
]
_MERGED = ClientMerged(merged_into_id="0192a000-0000-7000-8000-0000000c0001")
_REVIEW = ReviewInThePast(days=LONGEST_DAYS)


@router.post(
    "/clients/{client_id}/legal-holds",
    status_code=status.HTTP_201_CREATED,
    summary="Place a legal hold",
    responses=raises(ClientNotFound, _MERGED, MemberUnknown, _REVIEW, IdempotencyKeyReused),
)
async def place_legal_hold(
    client_id: ClientId, given: LegalHoldCreate, actor: Officer, tx: Tx, response: Response
) -> Success[LegalHoldRead]:
    """From now on nothing of the client is erased, neither on request nor by retention; an erasure
    that has begun stops where it is."""
    hold = await HoldService(tx, actor).place(
        client_id, given.reason, given.review_on, given.owner_id
    )
    return versioned(actor, response, LegalHoldRead.model_validate(hold))


@router.get(
    "/clients/{client_id}/legal-holds",
    summary="List a client's legal holds",
    responses=raises(ClientNotFound),
)
async def list_client_legal_holds(
    client_id: ClientId, actor: Reader, tx: ReadTx, page: ByCursor, standing: Standing = None
) -> Success[list[LegalHoldRead]]:
    """Also of those merged into it; the next to be reviewed first."""
    family = await family_of(tx, actor.organization_id, client_id)
    holds = LegalHolds(tx, actor.organization_id)
    rows = await holds.list(page, client_ids=family, standing=standing)
    return page.answer(actor, rows, LegalHoldRead.model_validate, REVIEWED_FIRST.position)


@router.get("/legal-holds", summary="List legal holds")
async def list_legal_holds(
    actor: Reader, tx: ReadTx, page: ByCursor, standing: Standing = None
) -> Success[list[LegalHoldRead]]:
    """Of the whole organization, the next to be reviewed first."""
    holds = LegalHolds(tx, actor.organization_id)
    rows = await holds.list(page, client_ids=None, standing=standing)
    return page.answer(actor, rows, LegalHoldRead.model_validate, REVIEWED_FIRST.position)


@router.get("/legal-holds/{hold_id}", summary="Show a legal hold", responses=raises(HoldNotFound))
async def get_legal_hold(
    hold_id: HoldId, actor: Reader, tx: Tx, response: Response
) -> Success[LegalHoldDetail]:
    """With why it was placed, and why it was lifted. Who read it is kept in the audit log."""
    read = LegalHoldDetail.of(*await HoldService(tx, actor).read(hold_id))
    return versioned(actor, response, read)


@router.patch(
    "/legal-holds/{hold_id}",
    summary="Change a legal hold",
    responses=raises(HoldNotFound, HoldLifted, MemberUnknown, _REVIEW, PreconditionFailed),
)
async def change_legal_hold(
    hold_id: HoldId,
    given: LegalHoldUpdate,
    actor: Officer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[LegalHoldRead]:
    """Another owner, another date of review, another reason."""
    hold = await HoldService(tx, actor).change(hold_id, changes(given), seen_version)
    return versioned(actor, response, LegalHoldRead.model_validate(hold))


@router.post(
    "/legal-holds/{hold_id}/lift",
    summary="Lift a legal hold",
    responses=raises(HoldNotFound, HoldLifted, PreconditionFailed, IdempotencyKeyReused),
)
async def lift_legal_hold(
    hold_id: HoldId,
    given: LegalHoldLift,
    actor: Officer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[LegalHoldRead]:
    """What waited for it goes on by itself, unless another one stands."""
    hold = await HoldService(tx, actor).lift(hold_id, given.reason, seen_version)
    return versioned(actor, response, LegalHoldRead.model_validate(hold))
