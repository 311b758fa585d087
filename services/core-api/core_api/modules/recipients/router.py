"""Notices to recipients over HTTP; and what a service that delivers says, for services only."""

from collections.abc import Mapping, Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.security.authentication import InternalCaller, require
from chassis.web.dependencies import CurrentResources, IfMatch, ReadTx, Tx
from chassis.web.etag import versioned
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from core_api.documentation import raises
from core_api.modules.deliveries.service import DeliveryKind, DeliveryRead, mails_of
from core_api.modules.recipients.exceptions import RecipientNoticeNotFound, RecipientNoticeSettled
from core_api.modules.recipients.letters import letter_of
from core_api.modules.recipients.models import Act, NoticeState, RecipientNotice
from core_api.modules.recipients.repository import NEWEST_FIRST, NoticeFilter, RecipientNotices
from core_api.modules.recipients.schemas import (
    Delivery,
    NoticeDelivered,
    NoticeImpossible,
    NoticeSent,
    RecipientNoticeDetail,
    RecipientNoticeRead,
)
from core_api.modules.recipients.settling import Settling
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(
    prefix="/recipient-notices", tags=["accountability"], route_class=IdempotentRoute
)
internal_router = APIRouter(prefix="/recipient-notices", tags=["accountability"])

Reader = Annotated[Actor, Depends(require(Permission.PRIVACY_READ))]
Writer = Annotated[Actor, Depends(require(Permission.PRIVACY_EXECUTE))]
NoticeId = Annotated[UUID, Path(description="The notice's id")]
_SETTLED = raises(
    RecipientNoticeNotFound, RecipientNoticeSettled(NoticeState.DELIVERED), IdempotencyKeyReused
)


def _filter(
    state: Annotated[NoticeState | None, Query(description="How far it has come")] = None,
    act: Annotated[Act | None, Query(description="What happened to the data")] = None,
    client_id: Annotated[UUID | None, Query(description="About one client only")] = None,
    cause_id: Annotated[
        UUID | None, Query(description="Of one request, block or event only")
    ] = None,
) -> NoticeFilter:
    return NoticeFilter(state=state, act=act, client_id=client_id, cause_id=cause_id)


@router.get("", summary="List notices to recipients")
async def list_recipient_notices(
    actor: Reader, tx: ReadTx, page: ByCursor, wanted: Annotated[NoticeFilter, Depends(_filter)]
) -> Success[list[RecipientNoticeRead]]:
    """Who is to be told of a correction, deletion, anonymisation or blocking (LGPD Art. 18 § 6),
    and how far it has come; newest first."""
    notices = await RecipientNotices(tx, actor.organization_id).list(wanted, page)
    mails = await _mails(tx, notices)
    return page.answer(actor, notices, lambda notice: _read(notice, mails), NEWEST_FIRST.position)


@router.get(
    "/{recipient_notice_id}", summary="Show a notice", responses=raises(RecipientNoticeNotFound)
)
async def get_recipient_notice(
    recipient_notice_id: NoticeId, actor: Writer, tx: ReadTx, response: Response
) -> Success[RecipientNoticeDetail]:
    """With the text to be sent, which names the client."""
    notice = await RecipientNotices(tx, actor.organization_id).get(recipient_notice_id)
    letter = await letter_of(tx, actor.organization_id, notice)
    read = _read(notice, await _mails(tx, [notice]))
    return versioned(actor, response, RecipientNoticeDetail.of(read, letter))


@router.post(
    "/{recipient_notice_id}/sent", summary="Say that a notice went out", responses=_SETTLED
)
async def mark_sent(
    recipient_notice_id: NoticeId,
    given: NoticeSent,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[RecipientNoticeRead]:
    """Whether it arrived is said later."""
    settling = Settling(tx, actor.organization_id, actor)
    notice = await settling.sent(recipient_notice_id, given, seen_version)
    return await _answer(tx, actor, response, notice)


@router.post(
    "/{recipient_notice_id}/delivered", summary="Prove that a notice arrived", responses=_SETTLED
)
async def mark_delivered(
    recipient_notice_id: NoticeId,
    given: NoticeDelivered,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[RecipientNoticeRead]:
    """With what proves it."""
    settling = Settling(tx, actor.organization_id, actor)
    notice = await settling.delivered(recipient_notice_id, given, seen_version)
    return await _answer(tx, actor, response, notice)


@router.post(
    "/{recipient_notice_id}/impossible",
    summary="Say why a recipient cannot be told",
    responses=_SETTLED,
)
async def mark_impossible(
    recipient_notice_id: NoticeId,
    given: NoticeImpossible,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[RecipientNoticeRead]:
    """Proven to be impossible, or out of all proportion: the law excuses nothing else."""
    settling = Settling(tx, actor.organization_id, actor)
    notice = await settling.impossible(recipient_notice_id, given, seen_version)
    return await _answer(tx, actor, response, notice)


@internal_router.post("/{recipient_notice_id}/delivery")
async def deliver(
    recipient_notice_id: NoticeId,
    given: Delivery,
    caller: InternalCaller,
    resources: CurrentResources,
) -> Success[RecipientNoticeRead]:
    """A service that delivers says how far a notice has come."""
    async with resources.database.transaction(given.organization_id) as tx:
        settling = Settling(tx, given.organization_id, None, caller.request_id)
        notice = await settling.by_service(recipient_notice_id, given)
        read = _read(notice, await _mails(tx, [notice]))
    return Success(data=read, request_id=caller.request_id)


async def _mails(tx: AsyncSession, notices: Sequence[RecipientNotice]) -> dict[UUID, DeliveryRead]:
    """In one statement."""
    if not notices:
        return {}
    organization_id = notices[0].organization_id
    ids = [notice.id for notice in notices]
    found = await mails_of(tx, organization_id, DeliveryKind.RECIPIENT_NOTICE, ids)
    return {notice_id: mail for (notice_id, _), mail in found.items()}


def _read(notice: RecipientNotice, mails: Mapping[UUID, DeliveryRead]) -> RecipientNoticeRead:
    read = RecipientNoticeRead.model_validate(notice)
    return read.model_copy(update={"mail": mails.get(notice.id)})


async def _answer(
    tx: AsyncSession, actor: Actor, response: Response, notice: RecipientNotice
) -> Success[RecipientNoticeRead]:
    return versioned(actor, response, _read(notice, await _mails(tx, [notice])))
