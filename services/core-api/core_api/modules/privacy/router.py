"""Requests of data subjects over HTTP; and the sweep, for worker-svc only."""

from dataclasses import asdict
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response, status

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
    AlreadyExtended,
    ClientAlreadyAnonymised,
    ClientAlreadyErased,
    DestructionUnderWay,
    ExtensionTooLong,
    IdentityNotProven,
    MessageNotFound,
    MethodTooWeak,
    NoExecutor,
    NotExtensible,
    RepresentationNotProven,
    RequestMoveRefused,
    RequestNotFound,
)
from core_api.modules.privacy.executing import Execution, by_type
from core_api.modules.privacy.handling import Handling
from core_api.modules.privacy.kinds import RequestStatus, RequestType
from core_api.modules.privacy.messaging import Messaging
from core_api.modules.privacy.models import PrivacyRequest
from core_api.modules.privacy.opening import open_request
from core_api.modules.privacy.reading import PrivacyReading, narrowed_to
from core_api.modules.privacy.repository import (
    MESSAGE_ORDER,
    ORDERS,
    STEP_ORDER,
    RequestFilter,
    Requests,
)
from core_api.modules.privacy.schemas import (
    CancellationCreate,
    DeliveryUpdate,
    ExtensionCreate,
    IdentityCheckCreate,
    PrivacyMessageCreate,
    PrivacyMessageDetail,
    PrivacyMessageRead,
    PrivacyRequestCreate,
    PrivacyRequestDetail,
    PrivacyRequestRead,
    RefusalCreate,
    RepresentativePut,
    StepRead,
    Telling,
)
from core_api.modules.privacy.sweep import watch_deadlines
from core_api.privacy_executors import EXECUTORS
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

_EXECUTORS: Final = by_type(EXECUTORS)
_REFUSED: Final = RequestMoveRefused(RequestStatus.COMPLETED)
_MERGED: Final = ClientMerged(merged_into_id="0192a000-0000-7000-8000-0000000000c1")
_MOVE: Final = raises(RequestNotFound, _REFUSED, IdempotencyKeyReused)


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
    request_id: RequestId, actor: Reader, tx: ReadTx, response: Response
) -> Success[PrivacyRequestDetail]:
    """With what was asked in words, and who asks for the subject; the version as `ETag`."""
    read = await PrivacyReading(tx, actor).request(request_id)
    return versioned(actor, response, PrivacyRequestDetail.of(*read))


@router.get(
    "/{request_id}/history", summary="Show what happened", responses=raises(RequestNotFound)
)
async def list_privacy_request_history(
    request_id: RequestId, actor: Reader, tx: ReadTx, page: ByCursor
) -> Success[list[StepRead]]:
    """Every step since it came in, with reasons and notes. Steps are only added."""
    steps = await PrivacyReading(tx, actor).steps(request_id, page)
    return page.answer(actor, steps, StepRead.model_validate, STEP_ORDER.position)


@router.post(
    "/{request_id}/identity-checks",
    summary="Record an identity check",
    responses=raises(RequestNotFound, _REFUSED, MethodTooWeak, IdempotencyKeyReused),
)
async def check_privacy_identity(
    request_id: RequestId,
    given: IdentityCheckCreate,
    actor: Officer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[PrivacyRequestRead]:
    """Who checked, how, when, and whether it was passed. With enough of it the work begins."""
    request = await Handling(tx, actor).check_identity(request_id, given.check, seen_version)
    return _answer(actor, response, request)


@router.put(
    "/{request_id}/representative",
    summary="Name a representative",
    responses=raises(RequestNotFound, _REFUSED),
)
async def put_privacy_representative(
    request_id: RequestId,
    given: RepresentativePut,
    actor: Officer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[PrivacyRequestRead]:
    """Who asks for the subject. Their proof is checked with the identity, before anything runs."""
    request = await Handling(tx, actor).name_representative(
        request_id, given.kind, given.representative, seen_version
    )
    return _answer(actor, response, request)


@router.post("/{request_id}/clarify", summary="Ask the subject", responses=_MOVE)
async def clarify_privacy_request(
    request_id: RequestId,
    given: Telling,
    actor: Officer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[PrivacyRequestRead]:
    """Asks for what is missing. The clock stands until the request is resumed."""
    request = await Handling(tx, actor).ask_clarification(request_id, given.said, seen_version)
    return _answer(actor, response, request)


@router.post("/{request_id}/resume", summary="Resume a request", responses=_MOVE)
async def resume_privacy_request(
    request_id: RequestId,
    actor: Officer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
    given: Telling | None = None,
) -> Success[PrivacyRequestRead]:
    """The subject has answered: the deadline moves by as long as the clock stood."""
    answer = None if given is None else given.said
    request = await Handling(tx, actor).resume(request_id, answer, seen_version)
    return _answer(actor, response, request)


@router.post(
    "/{request_id}/extend",
    summary="Extend the deadline",
    responses=raises(
        RequestNotFound,
        _REFUSED,
        AlreadyExtended,
        NotExtensible,
        ExtensionTooLong(days=15),
        IdempotencyKeyReused,
    ),
)
async def extend_privacy_request(
    request_id: RequestId,
    given: ExtensionCreate,
    actor: Officer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[PrivacyRequestRead]:
    """Once, by as many days as the policy allows, with the reason."""
    told = None if given.tell is None else given.tell.said
    request = await Handling(tx, actor).extend(
        request_id, given.days, given.reason, told, seen_version
    )
    return _answer(actor, response, request)


@router.post("/{request_id}/refuse", summary="Refuse a request", responses=_MOVE)
async def refuse_privacy_request(
    request_id: RequestId,
    given: RefusalCreate,
    actor: Officer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[PrivacyRequestRead]:
    """With a ground of the law and the reason as the subject is told it (LGPD Art. 18 § 4)."""
    request = await Handling(tx, actor).refuse(request_id, given.ground, given.answer, seen_version)
    return _answer(actor, response, request)


@router.post("/{request_id}/cancel", summary="Withdraw a request", responses=_MOVE)
async def cancel_privacy_request(
    request_id: RequestId,
    given: CancellationCreate,
    actor: Officer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[PrivacyRequestRead]:
    """The subject does not want it any more. What is being executed cannot be withdrawn."""
    request = await Handling(tx, actor).cancel(request_id, given.reason, seen_version)
    return _answer(actor, response, request)


@router.post(
    "/{request_id}/execute",
    summary="Execute a request",
    responses=raises(
        RequestNotFound,
        _REFUSED,
        NoExecutor,
        IdentityNotProven(level="forte"),
        RepresentationNotProven,
        IdempotencyKeyReused,
    ),
)
async def execute_privacy_request(
    request_id: RequestId, actor: Officer, tx: Tx, seen_version: IfMatch, response: Response
) -> Success[PrivacyRequestRead]:
    """Does what is asked for: `completed` when all is done, else `executing` until it is."""
    request = await Execution(tx, actor, _EXECUTORS).execute(request_id, seen_version)
    return _answer(actor, response, request)


@router.post(
    "/{request_id}/messages",
    status_code=status.HTTP_201_CREATED,
    summary="Record a message",
    responses=raises(
        RequestNotFound, ClientAlreadyErased, ClientAlreadyAnonymised, IdempotencyKeyReused
    ),
)
async def record_privacy_message(
    request_id: RequestId,
    given: PrivacyMessageCreate,
    actor: Officer,
    tx: Tx,
    response: Response,
) -> Success[PrivacyMessageRead]:
    """What the subject is told, or has said. Sending it is up to the channel; say how far it
    came with its delivery."""
    message = await Messaging(tx, actor).record(
        request_id, given.direction, given.channel, given.body
    )
    set_etag(response, message.version)
    return success(actor, PrivacyMessageRead.model_validate(message))


@router.get("/{request_id}/messages", summary="List messages", responses=raises(RequestNotFound))
async def list_privacy_messages(
    request_id: RequestId, actor: Reader, tx: ReadTx, page: ByCursor
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
    """Pending, sent, delivered or failed, with the moment."""
    message = await Messaging(tx, actor).delivered(
        request_id, message_id, given.delivery, seen_version
    )
    return versioned(actor, response, PrivacyMessageRead.model_validate(message))


@internal_router.post("/sweep")
async def sweep(caller: InternalCaller, resources: CurrentResources) -> Success[dict[str, int]]:
    """Warns before deadlines and tells those that have passed; says how many of each."""
    told = await watch_deadlines(resources.database, caller.request_id)
    return Success(data=asdict(told), request_id=caller.request_id)
