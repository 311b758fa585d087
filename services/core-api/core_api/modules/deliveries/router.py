"""Deliveries over HTTP: what went out, what waits, what needs a person."""

from datetime import datetime
from typing import Annotated, Any, Final, cast
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, Query, status
from sqlalchemy.orm import InstrumentedAttribute

from chassis.messaging.job_queue import JobState
from chassis.security.authentication import require
from chassis.web.dependencies import ReadTx, Tx
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.keyset import Keyset
from core_api.modules.deliveries.exceptions import DeliveryNotFailed, DeliveryNotFound
from core_api.modules.deliveries.models import Delivery, DeliveryKind
from core_api.modules.deliveries.retrying import retry
from core_api.modules.deliveries.schemas import UNDELIVERABLE, DeliveryDetail, MailState
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/deliveries", tags=["privacy"], route_class=IdempotentRoute)

Reader = Annotated[Actor, Depends(require(Permission.PRIVACY_READ))]
Officer = Annotated[Actor, Depends(require(Permission.PRIVACY_EXECUTE))]
_ROWS: Final = Delivery.__table__.c
_NEWEST_FIRST: Final = Keyset(
    name="-created_at",
    column=cast("InstrumentedAttribute[Any]", _ROWS.created_at),
    id=cast("InstrumentedAttribute[UUID]", _ROWS.id),
    parse=datetime.fromisoformat,
)
_NOWHERE: Final = _ROWS.error_code.in_(UNDELIVERABLE)
_OVERTAKEN: Final = sa.and_(_ROWS.state == JobState.PENDING, _ROWS.called_off_at.is_not(None))
_FITTING: Final = {
    MailState.WAITING: sa.and_(_ROWS.state == JobState.PENDING, _ROWS.called_off_at.is_(None)),
    MailState.SENDING: _ROWS.state == JobState.PROCESSING,
    MailState.SENT: _ROWS.state == JobState.SUCCEEDED,
    MailState.FAILED: sa.and_(_ROWS.state == JobState.FAILED, ~_NOWHERE),
    MailState.UNDELIVERABLE: sa.and_(_ROWS.state == JobState.FAILED, _NOWHERE),
    MailState.WITHDRAWN: sa.or_(_ROWS.state == JobState.CANCELLED, _OVERTAKEN),
}


@router.post(
    "/{delivery_id}/retry",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Send again what failed",
    responses=raises(DeliveryNotFound, DeliveryNotFailed, IdempotencyKeyReused),
)
async def retry_delivery(
    delivery_id: Annotated[UUID, Path(description="The delivery's id")], actor: Officer, tx: Tx
) -> Success[DeliveryDetail]:
    """A new delivery of the same thing, to the address there is by now. The one that failed stays
    as it is."""
    return success(actor, DeliveryDetail.of(await retry(tx, actor, delivery_id)))


@router.get("", summary="List deliveries")
async def list_deliveries(
    actor: Reader,
    tx: ReadTx,
    page: ByCursor,
    state: Annotated[MailState | None, Query(description="How far it has come")] = None,
    kind: Annotated[DeliveryKind | None, Query(description="What is sent")] = None,
    client_id: Annotated[UUID | None, Query(description="About one client only")] = None,
) -> Success[list[DeliveryDetail]]:
    """Mails to data subjects and to recipients of their data, newest first: with the moment and the
    `Message-ID` of what went out, and the cause of what did not. Neither addresses nor words."""
    statement = sa.select(Delivery.__table__).where(_ROWS.organization_id == actor.organization_id)
    if state is not None:
        statement = statement.where(_FITTING[state])
    if kind is not None:
        statement = statement.where(_ROWS.kind == kind)
    if client_id is not None:
        statement = statement.where(_ROWS.client_id == client_id)
    deliveries = (await tx.execute(_NEWEST_FIRST.page(statement, page))).all()
    return page.answer(actor, deliveries, DeliveryDetail.of, _NEWEST_FIRST.position)
