"""The register of international transfers over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response, status

from chassis.data.columns import utc_now
from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.etag import versioned
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from core_api.business_days import today
from core_api.documentation import raises
from core_api.inputs import changes
from core_api.modules.consents.reading import PurposeNotFound
from core_api.modules.transfers.exceptions import (
    MechanismUnproven,
    TransferMoveRefused,
    TransferNotFound,
    TransferNotYetValid,
    TransferStanding,
)
from core_api.modules.transfers.models import InternationalTransfer, TransferStatus
from core_api.modules.transfers.registering import TransferService
from core_api.modules.transfers.repository import BY_PROVIDER, Transfers
from core_api.modules.transfers.schemas import (
    TransferCreate,
    TransferMove,
    TransferRead,
    TransferUpdate,
)
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(
    prefix="/international-transfers", tags=["accountability"], route_class=IdempotentRoute
)

Reader = Annotated[Actor, Depends(require(Permission.PRIVACY_READ))]
Writer = Annotated[Actor, Depends(require(Permission.PRIVACY_EXECUTE))]
TransferId = Annotated[UUID, Path(description="The entry's id")]


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Register a transfer",
    responses=raises(TransferStanding, PurposeNotFound, IdempotencyKeyReused),
)
async def register_transfer(
    given: TransferCreate, actor: Writer, tx: Tx, response: Response
) -> Success[TransferRead]:
    """Provider, country, what allows it, and for which purposes. Nothing goes by it yet."""
    return _answer(actor, response, await TransferService(tx, actor).register(given))


@router.get("", summary="List transfers")
async def list_transfers(
    actor: Reader,
    tx: ReadTx,
    page: ByCursor,
    status: Annotated[TransferStatus | None, Query(description="Of one status only")] = None,
) -> Success[list[TransferRead]]:
    """The register, by provider."""
    day = today(utc_now())
    transfers = await Transfers(tx, actor.organization_id).list(page, status)
    return page.answer(
        actor, transfers, lambda row: TransferRead.of(row, day), BY_PROVIDER.position
    )


@router.get("/{transfer_id}", summary="Show a transfer", responses=raises(TransferNotFound))
async def get_transfer(
    transfer_id: TransferId, actor: Reader, tx: ReadTx, response: Response
) -> Success[TransferRead]:
    """One entry, and whether data may go today."""
    return _answer(actor, response, await Transfers(tx, actor.organization_id).get(transfer_id))


@router.patch(
    "/{transfer_id}",
    summary="Change a transfer",
    responses=raises(
        TransferNotFound,
        TransferMoveRefused(TransferStatus.ENDED),
        MechanismUnproven,
        TransferNotYetValid,
        PurposeNotFound,
    ),
)
async def change_transfer(
    transfer_id: TransferId,
    given: TransferUpdate,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[TransferRead]:
    """Changes the entry; the assistant's calls go by it from the next one on."""
    service = TransferService(tx, actor)
    return _answer(actor, response, await service.change(transfer_id, changes(given), seen_version))


@router.post(
    "/{transfer_id}/authorise",
    summary="Authorise a transfer",
    responses=raises(
        TransferNotFound,
        TransferMoveRefused(TransferStatus.ENDED),
        MechanismUnproven,
        TransferNotYetValid,
        IdempotencyKeyReused,
    ),
)
async def authorise_transfer(
    transfer_id: TransferId,
    given: TransferMove,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[TransferRead]:
    """Data may go while it is valid; also after a suspension."""
    service = TransferService(tx, actor)
    moved = await service.move(transfer_id, TransferStatus.AUTHORISED, given.reason, seen_version)
    return _answer(actor, response, moved)


@router.post(
    "/{transfer_id}/suspend",
    summary="Suspend a transfer",
    responses=raises(
        TransferNotFound, TransferMoveRefused(TransferStatus.ENDED), IdempotencyKeyReused
    ),
)
async def suspend_transfer(
    transfer_id: TransferId,
    given: TransferMove,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[TransferRead]:
    """No data goes until it is authorised again."""
    service = TransferService(tx, actor)
    moved = await service.move(transfer_id, TransferStatus.SUSPENDED, given.reason, seen_version)
    return _answer(actor, response, moved)


@router.post(
    "/{transfer_id}/end",
    summary="End a transfer",
    responses=raises(
        TransferNotFound, TransferMoveRefused(TransferStatus.ENDED), IdempotencyKeyReused
    ),
)
async def end_transfer(
    transfer_id: TransferId,
    given: TransferMove,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[TransferRead]:
    """For good; the entry stays in the register."""
    service = TransferService(tx, actor)
    moved = await service.move(transfer_id, TransferStatus.ENDED, given.reason, seen_version)
    return _answer(actor, response, moved)


def _answer(
    actor: Actor, response: Response, transfer: InternationalTransfer
) -> Success[TransferRead]:
    return versioned(actor, response, TransferRead.of(transfer, today(utc_now())))
