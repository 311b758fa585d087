"""Requests of data subjects over HTTP; and the sweep, for worker-svc only."""

from dataclasses import asdict
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response, status
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.security.authentication import InternalCaller, require
from chassis.web.dependencies import CurrentResources, IfMatch, ReadTx, Tx
from chassis.web.etag import set_etag, versioned
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.modules.clients.service import ClientMerged, ClientNotFound
from core_api.modules.consents.service import PurposeNotFound
from core_api.modules.privacy.exceptions import (
    ClientAlreadyAnonymised,
    ClientAlreadyErased,
    DestructionUnderWay,
    MessageNotFound,
    RequestNotFound,
)
from core_api.modules.privacy.kinds import RequestStatus, RequestType
from core_api.modules.privacy.messaging import Messaging
from core_api.modules.privacy.models import PrivacyMessage, PrivacyRequest
from core_api.modules.privacy.opening import open_request
from core_api.modules.privacy.reading import (
    PrivacyReading,
    mails_of_messages,
    narrowed_to,
)
from core_api.modules.privacy.repository import (
    MESSAGE_ORDER,
    ORDERS,
    STEP_ORDER,
    RequestFilter,
    Requests,
)
from core_api.modules.privacy.schemas import (
    DeliveryUpdate,
    PrivacyMessageCreate,
    PrivacyMessageDetail,
    PrivacyMessageRead,
    PrivacyRequestCreate,
    PrivacyRequestDetail,
    PrivacyRequestRead,
    StepRead,
)
from core_api.modules.privacy.sweep import watch_deadlines
from core_api.recording import Recorder
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/privacy-requests", tags=["privacy"], route_class=IdempotentRoute)
internal_router = APIRouter(prefix="/privacy", tags=["privacy"])

Reader = Annotated[Actor, Depends(require(Permission.PRIVACY_READ))]
Officer = Annotated[Actor, Depends(require(Permission.PRIVACY_EXECUTE))]
RequestId = Annotated[UUID, Path(description="The request's id")]
MessageId = Annotated[UUID, Path(description="The message's id")]
Order = Annotated[
    Literal["due_at", "-due_at", "received_at", "-received_at"],
    Query(description="Left out: what is due first comes first; with `-` the latest does"),
]

_MERGED: Final = ClientMerged(merged_into_id="0192a000-0000-7000-8000-0000000000c1")


def _filter(
    status: Annotated[
        frozenset[RequestStatus], Query(description="Only these; may be repeated")
    ] = frozenset(),
    type: Annotated[  # noqa: A002 - its name on the wire
        frozenset[RequestType], Query(description="Only these; may be repeated")
    ] = frozenset(),
    open: Annotated[  # noqa: A002 - its name on the wire
        bool | None, Query(description="Only what is not closed, or only what is")
    ] = None,
    overdue: Annotated[
        bool | None, Query(description="Only what is open past its time, or only the others")
    ] = None,
) -> RequestFilter:
    return RequestFilter(statuses=status, types=type, open=open, overdue=overdue)


def _answer(
    actor: Actor, response: Response, request: PrivacyRequest
) -> Success[PrivacyRequestRead]:
    return versioned(actor, response, PrivacyRequestRead.model_validate(request))


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Open a request",
    responses=raises(
        ClientNotFound,
        _MERGED,
        PurposeNotFound,
        DestructionUnderWay,
        ClientAlreadyErased,
        ClientAlreadyAnonymised,
        IdempotencyKeyReused,
    ),
)
async def open_privacy_request(
    given: PrivacyRequestCreate, actor: Officer, tx: Tx, response: Response
) -> Success[PrivacyRequestRead]:
    """What a data subject asks for (LGPD Art. 18). Its deadline runs from when it came in.

    Of erasure and anonymization a client has one open at a time.
    """
    request = await open_request(tx, Recorder.member(actor), given.client_id, given.asked)
    response.headers["location"] = f"/api/v1/privacy-requests/{request.id}"
    return _answer(actor, response, request)


@router.get("", summary="List requests")
async def list_privacy_requests(
    actor: Reader,
    tx: ReadTx,
    page: ByCursor,
    wanted: Annotated[RequestFilter, Depends(_filter)],
    client_id: Annotated[
        UUID | None, Query(description="Of this client, and of those merged into it")
    ] = None,
    sort: Order = "due_at",
) -> Success[list[PrivacyRequestRead]]:
    """Without words: those are shown one request at a time."""
    wanted = await narrowed_to(tx, actor, wanted, client_id)
    order = ORDERS[sort]
    requests = await Requests(tx, actor.organization_id).list(wanted, order, page)
    return page.answer(actor, requests, PrivacyRequestRead.model_validate, order.position)


@router.get("/{request_id}", summary="Show a request", responses=raises(RequestNotFound))
async def get_privacy_request(
    request_id: RequestId, actor: Reader, tx: Tx, response: Response
) -> Success[PrivacyRequestDetail]:
    """With what was asked in words, and who asks for the subject; that it was read is noted. The
    version as `ETag`."""
    read = await PrivacyReading(tx, actor).request(request_id)
    return versioned(actor, response, PrivacyRequestDetail.of(*read))


@router.get(
    "/{request_id}/history", summary="Show what happened", responses=raises(RequestNotFound)
)
async def list_privacy_request_history(
    request_id: RequestId, actor: Reader, tx: Tx, page: ByCursor
) -> Success[list[StepRead]]:
    """Every step since it came in, with reasons and notes. Steps are only added."""
    steps = await PrivacyReading(tx, actor).steps(request_id, page)
    return page.answer(actor, steps, StepRead.model_validate, STEP_ORDER.position)


@router.post(
    "/{request_id}/messages",
    status_code=status.HTTP_201_CREATED,
    summary="Record a message",
    responses=raises(
        RequestNotFound,
        DestructionUnderWay,
        ClientAlreadyErased,
        ClientAlreadyAnonymised,
        IdempotencyKeyReused,
    ),
)
async def record_privacy_message(
    request_id: RequestId,
    given: PrivacyMessageCreate,
    actor: Officer,
    tx: Tx,
    response: Response,
) -> Success[PrivacyMessageRead]:
    """What the subject is told, or has said, is kept on record. What goes to them by e-mail is
    sent where a mail server is configured (`mail`); what goes by another channel a person sends,
    and says how far it came (`delivery`, at first `pending`)."""
    message = await Messaging(tx, actor).record(
        request_id, given.direction, given.channel, given.body
    )
    set_etag(response, message.version)
    return success(actor, await _read(tx, message))


@router.get("/{request_id}/messages", summary="List messages", responses=raises(RequestNotFound))
async def list_privacy_messages(
    request_id: RequestId, actor: Reader, tx: Tx, page: ByCursor
) -> Success[list[PrivacyMessageDetail]]:
    """Everything that was said about a request, from the beginning."""
    messages = await PrivacyReading(tx, actor).messages(request_id, page)
    return page.answer(actor, messages, PrivacyMessageDetail.model_validate, MESSAGE_ORDER.position)


@router.patch(
    "/{request_id}/messages/{message_id}",
    summary="Say how far a message has come",
    responses=raises(RequestNotFound, MessageNotFound),
)
async def update_privacy_message(
    request_id: RequestId,
    message_id: MessageId,
    given: DeliveryUpdate,
    actor: Officer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[PrivacyMessageRead]:
    """Pending, sent, delivered or failed, with the moment. An e-mail that has not gone out by then
    does not any more; one that failed is tried again once it is `pending`."""
    message = await Messaging(tx, actor).delivered(
        request_id, message_id, given.delivery, seen_version
    )
    return versioned(actor, response, await _read(tx, message))


async def _read(tx: AsyncSession, message: PrivacyMessage) -> PrivacyMessageRead:
    mails = await mails_of_messages(tx, [message])
    read = PrivacyMessageRead.model_validate(message)
    return read.model_copy(update={"mail": mails.get(message.id)})


@internal_router.post("/sweep")
async def sweep(caller: InternalCaller, resources: CurrentResources) -> Success[dict[str, int]]:
    """Warns before deadlines and tells those that have passed; says how many of each."""
    told = await watch_deadlines(resources.database, caller.request_id)
    return Success(data=asdict(told), request_id=caller.request_id)
