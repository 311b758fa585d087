"""Blocks over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, status

from chassis.security.authentication import require
from chassis.web.dependencies import ReadTx, Tx
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.modules.blocking.exceptions import (
    BlockLifted,
    BlockNotFound,
    BlockStands,
    OppositionNeedsOtherBasis,
)
from core_api.modules.blocking.schemas import BlockCreate, BlockLift, BlockRead
from core_api.modules.blocking.service import Blocking, blocks_of
from core_api.modules.clients.service import ClientMerged, ClientNotFound
from core_api.modules.consents.service import PurposeNotFound
from core_api.recording import Recorder
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(tags=["privacy"], route_class=IdempotentRoute)

Reader = Annotated[Actor, Depends(require(Permission.CLIENTS_READ))]
Officer = Annotated[Actor, Depends(require(Permission.PRIVACY_EXECUTE))]
ClientId = Annotated[UUID, Path(description="The client's id")]

_SURVIVOR = "0192a000-0000-7000-8000-0000000000c1"


@router.post(
    "/clients/{client_id}/processing-blocks",
    status_code=status.HTTP_201_CREATED,
    summary="Block the use of a client's data",
    responses=raises(
        ClientNotFound,
        ClientMerged(merged_into_id=_SURVIVOR),
        PurposeNotFound,
        BlockStands,
        OppositionNeedsOtherBasis,
        IdempotencyKeyReused,
    ),
)
async def block_processing(
    client_id: ClientId, given: BlockCreate, actor: Officer, tx: Tx
) -> Success[BlockRead]:
    """The data is kept and, from now on, not used: for one purpose, or for any. The assistant
    uses it no more either."""
    shown = await Blocking(tx, Recorder.member(actor)).block(
        client_id, given.cause, purpose_code=given.purpose_code, reason=given.reason
    )
    return success(actor, BlockRead.of(shown))


@router.get(
    "/clients/{client_id}/processing-blocks",
    summary="List the blocks of a client",
    responses=raises(ClientNotFound),
)
async def list_processing_blocks(
    client_id: ClientId, actor: Reader, tx: ReadTx
) -> Success[list[BlockRead]]:
    """Also of clients merged into it; the newest first, lifted ones too."""
    blocks = await blocks_of(tx, actor.organization_id, client_id)
    return success(actor, [BlockRead.of(shown) for shown in blocks])


@router.post(
    "/processing-blocks/{block_id}/lift",
    summary="Lift a block",
    responses=raises(BlockNotFound, BlockLifted, IdempotencyKeyReused),
)
async def lift_processing_block(
    block_id: Annotated[UUID, Path(description="The block's id")],
    given: BlockLift,
    actor: Officer,
    tx: Tx,
) -> Success[BlockRead]:
    """The data may be used again, unless another block stands."""
    shown = await Blocking(tx, Recorder.member(actor)).lift(block_id, given.reason)
    return success(actor, BlockRead.of(shown))
