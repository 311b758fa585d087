"""What is done with a request of a data subject until it is closed, over HTTP."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response

from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, Tx
from chassis.web.etag import versioned
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from core_api.documentation import raises
from core_api.modules.privacy.exceptions import (
    AlreadyExtended,
    DestructionUnderWay,
    ExtensionTooLate,
    ExtensionTooLong,
    IdentityNotProven,
    MethodTooWeak,
    NoExecutor,
    NotExtensible,
    RepresentationNotProven,
    RequestMoveRefused,
    RequestNotFound,
)
from core_api.modules.privacy.executing import Execution, by_type
from core_api.modules.privacy.handling import Handling
from core_api.modules.privacy.kinds import RequestStatus
from core_api.modules.privacy.models import PrivacyRequest
from core_api.modules.privacy.schemas import (
    CancellationCreate,
    ExtensionCreate,
    IdentityCheckCreate,
    PrivacyRequestRead,
    RefusalCreate,
    RepresentativePut,
    Telling,
)
from core_api.privacy_executors import EXECUTORS
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(
    prefix="/privacy-requests/{request_id}", tags=["privacy"], route_class=IdempotentRoute
)

Officer = Annotated[Actor, Depends(require(Permission.PRIVACY_EXECUTE))]
RequestId = Annotated[UUID, Path(description="The request's id")]

_EXECUTORS: Final = by_type(EXECUTORS)
_REFUSED: Final = RequestMoveRefused(RequestStatus.COMPLETED)
_USUAL: Final = (RequestNotFound, _REFUSED, DestructionUnderWay)
_MOVE: Final = raises(*_USUAL, IdempotencyKeyReused)


def _answer(
    actor: Actor, response: Response, request: PrivacyRequest
) -> Success[PrivacyRequestRead]:
    return versioned(actor, response, PrivacyRequestRead.model_validate(request))


@router.post(
    "/identity-checks",
    summary="Record an identity check",
    responses=raises(*_USUAL, MethodTooWeak, IdempotencyKeyReused),
)
async def check_privacy_identity(
    request_id: RequestId,
    given: IdentityCheckCreate,
    actor: Officer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[PrivacyRequestRead]:
    """Who checked, how, when, and whether it was passed. With enough of it the work begins; one
    that was not passed takes back what earlier ones seemed to prove."""
    request = await Handling(tx, actor).check_identity(request_id, given.check, seen_version)
    return _answer(actor, response, request)


@router.put(
    "/representative",
    summary="Name a representative",
    responses=raises(*_USUAL),
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


@router.post("/clarify", summary="Ask the subject", responses=_MOVE)
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


@router.post("/resume", summary="Resume a request", responses=_MOVE)
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
    "/extend",
    summary="Extend the deadline",
    responses=raises(
        *_USUAL,
        AlreadyExtended,
        NotExtensible,
        ExtensionTooLong(days=15),
        ExtensionTooLate,
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
    """Once, before it is over, by as many days as the policy allows, with the reason."""
    told = None if given.tell is None else given.tell.said
    request = await Handling(tx, actor).extend(
        request_id, given.days, given.reason, told, seen_version
    )
    return _answer(actor, response, request)


@router.post("/refuse", summary="Refuse a request", responses=_MOVE)
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


@router.post("/cancel", summary="Withdraw a request", responses=_MOVE)
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
    "/execute",
    summary="Execute a request",
    responses=raises(
        *_USUAL,
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
