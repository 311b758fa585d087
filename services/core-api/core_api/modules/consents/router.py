"""Purposes and consents over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response, status

from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.etag import set_etag
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.inputs import Code, changes
from core_api.modules.clients.service import ClientMerged, ClientNotFound, family_of
from core_api.modules.consents.exceptions import (
    ArticleForeign,
    ConsentAlreadyRevoked,
    ConsentExpired,
    ConsentNotFound,
    ConsentNotGranted,
    ConsentOvertaken,
    EvidenceUnusable,
    NoticeVersionUnknown,
    PurposeArchived,
    PurposeCodeTaken,
    PurposeNeedsNoConsent,
    PurposeNotFound,
)
from core_api.modules.consents.models import ConsentStatus, LegalBasis
from core_api.modules.consents.publishing import PurposeService
from core_api.modules.consents.recording import Recorder
from core_api.modules.consents.repository import (
    CONSENT_ORDER,
    NOTICE_ORDER,
    PURPOSE_ORDER,
    ConsentFilter,
    Consents,
    Purposes,
)
from core_api.modules.consents.schemas import (
    ConsentCreate,
    ConsentRead,
    ConsentRenew,
    ConsentRevoke,
    NoticeCreate,
    NoticeRead,
    PurposeCreate,
    PurposeRead,
    PurposeUpdate,
)
from core_api.modules.consents.service import ConsentService
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(tags=["consents"], route_class=IdempotentRoute)

Reader = Annotated[Actor, Depends(require(Permission.CONSENTS_READ))]
Writer = Annotated[Actor, Depends(require(Permission.CONSENTS_WRITE))]
PurposeWriter = Annotated[Actor, Depends(require(Permission.PURPOSES_WRITE))]
PurposeCode = Annotated[Code, Path(description="The purpose's code")]
ClientId = Annotated[UUID, Path(description="The client's id")]
ConsentId = Annotated[UUID, Path(description="The consent's id")]


def _filter(
    status: Annotated[ConsentStatus | None, Query(description="As it stands today")] = None,
    renewal_due: Annotated[
        bool | None, Query(description="Whether the notice was changed materially since")
    ] = None,
    purpose_code: Annotated[Code | None, Query(description="Of one purpose only")] = None,
) -> ConsentFilter:
    return ConsentFilter(status=status, renewal_due=renewal_due, purpose_code=purpose_code)


@router.post(
    "/consent-purposes",
    status_code=status.HTTP_201_CREATED,
    summary="Register a purpose",
    responses=raises(PurposeCodeTaken, ArticleForeign, IdempotencyKeyReused),
)
async def create_purpose(
    given: PurposeCreate, actor: PurposeWriter, tx: Tx, response: Response
) -> Success[PurposeRead]:
    """What personal data is processed for, its one legal basis, and the text clients are shown."""
    purpose = await PurposeService(tx, actor).create(given)
    set_etag(response, purpose.version)
    response.headers["location"] = f"/api/v1/consent-purposes/{purpose.code}"
    return success(actor, PurposeRead.model_validate(purpose))


@router.get("/consent-purposes", summary="List purposes")
async def list_purposes(
    actor: Reader,
    tx: ReadTx,
    page: ByCursor,
    archived: Annotated[bool | None, Query(description="Only archived ones, or none")] = None,
) -> Success[list[PurposeRead]]:
    """Every purpose with its current notice, by code."""
    purposes = await Purposes(tx, actor.organization_id).list(page, archived=archived)
    return page.answer(actor, purposes, PurposeRead.model_validate, PURPOSE_ORDER.position)


@router.get("/consent-purposes/{code}", summary="Show a purpose", responses=raises(PurposeNotFound))
async def get_purpose(
    code: PurposeCode, actor: Reader, tx: ReadTx, response: Response
) -> Success[PurposeRead]:
    """One purpose with its current notice."""
    purpose = await Purposes(tx, actor.organization_id).get(code)
    set_etag(response, purpose.version)
    return success(actor, PurposeRead.model_validate(purpose))


@router.patch(
    "/consent-purposes/{code}",
    summary="Change a purpose",
    responses=raises(PurposeNotFound, PurposeArchived, ArticleForeign),
)
async def change_purpose(
    code: PurposeCode,
    given: PurposeUpdate,
    actor: PurposeWriter,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[PurposeRead]:
    """Changes the registry. The legal basis stays; the notice has versions of its own."""
    purpose = await PurposeService(tx, actor).change(code, changes(given), seen_version)
    set_etag(response, purpose.version)
    return success(actor, PurposeRead.model_validate(purpose))


@router.post(
    "/consent-purposes/{code}/archive",
    summary="Archive a purpose",
    responses=raises(PurposeNotFound, PurposeArchived, IdempotencyKeyReused),
)
async def archive_purpose(
    code: PurposeCode, actor: PurposeWriter, tx: Tx, seen_version: IfMatch, response: Response
) -> Success[PurposeRead]:
    """Nobody is asked about it any more, and it carries no processing. Its receipts stay."""
    purpose = await PurposeService(tx, actor).archive(code, seen_version)
    set_etag(response, purpose.version)
    return success(actor, PurposeRead.model_validate(purpose))


@router.post(
    "/consent-purposes/{code}/restore",
    summary="Take up an archived purpose",
    responses=raises(PurposeNotFound, IdempotencyKeyReused),
)
async def restore_purpose(
    code: PurposeCode, actor: PurposeWriter, tx: Tx, seen_version: IfMatch, response: Response
) -> Success[PurposeRead]:
    """As before; consents that were not ended stand again."""
    purpose = await PurposeService(tx, actor).restore(code, seen_version)
    set_etag(response, purpose.version)
    return success(actor, PurposeRead.model_validate(purpose))


@router.get(
    "/consent-purposes/{code}/renewals",
    summary="List who has to renew",
    responses=raises(PurposeNotFound),
)
async def list_renewals(
    code: PurposeCode, actor: Reader, tx: ReadTx, page: ByCursor
) -> Success[list[ConsentRead]]:
    """Consents that stand on a notice which was changed materially since, latest first."""
    purpose = await Purposes(tx, actor.organization_id).get(code)
    consents = await Consents(tx, actor.organization_id).to_renew(purpose.id, page)
    return page.answer(actor, consents, ConsentRead.model_validate, CONSENT_ORDER.position)


@router.post(
    "/consent-purposes/{code}/notices",
    status_code=status.HTTP_201_CREATED,
    summary="Publish a notice",
    responses=raises(PurposeNotFound, PurposeArchived),
)
async def publish_notice(
    code: PurposeCode, given: NoticeCreate, actor: PurposeWriter, tx: Tx, seen_version: IfMatch
) -> Success[NoticeRead]:
    """The next version of the text clients are shown. Earlier ones stay: receipts refer to them."""
    notice = await PurposeService(tx, actor).publish(code, given, seen_version)
    return success(actor, NoticeRead.model_validate(notice))


@router.get(
    "/consent-purposes/{code}/notices", summary="List notices", responses=raises(PurposeNotFound)
)
async def list_notices(
    code: PurposeCode, actor: Reader, tx: ReadTx, page: ByCursor
) -> Success[list[NoticeRead]]:
    """Every version of a purpose's notice, newest first."""
    notices = await Purposes(tx, actor.organization_id).list_notices(code, page)
    return page.answer(actor, notices, NoticeRead.model_validate, NOTICE_ORDER.position)


@router.post(
    "/clients/{client_id}/consents",
    status_code=status.HTTP_201_CREATED,
    summary="Record a client's decision",
    responses=raises(
        ClientNotFound,
        ClientMerged(merged_into_id="0192a000-0000-7000-8000-0000000000c1"),
        PurposeNotFound,
        PurposeNeedsNoConsent(LegalBasis.CONTRACT),
        PurposeArchived,
        NoticeVersionUnknown(notice_version=3),
        EvidenceUnusable,
        ConsentOvertaken(day="21/11/2026"),
        IdempotencyKeyReused,
    ),
)
async def record_consent(
    client_id: ClientId, given: ConsentCreate, actor: Writer, tx: Tx
) -> Success[ConsentRead]:
    """Keeps a receipt: which client, which purpose, which text (SHA-256), where, when, by whom."""
    consent = await ConsentService(tx, Recorder.member(actor)).record(client_id, given)
    return success(actor, ConsentRead.model_validate(consent))


@router.get(
    "/clients/{client_id}/consents",
    summary="List a client's decisions",
    responses=raises(ClientNotFound),
)
async def list_consents(
    client_id: ClientId,
    actor: Reader,
    tx: ReadTx,
    page: ByCursor,
    wanted: Annotated[ConsentFilter, Depends(_filter)],
) -> Success[list[ConsentRead]]:
    """The whole history, latest decision first. Per purpose the first one is what counts.

    With the decisions of clients that were merged into this one.
    """
    family = await family_of(tx, actor.organization_id, client_id)
    consents = await Consents(tx, actor.organization_id).list(family, wanted, page)
    return page.answer(actor, consents, ConsentRead.model_validate, CONSENT_ORDER.position)


@router.get("/consents/{consent_id}", summary="Show a receipt", responses=raises(ConsentNotFound))
async def get_consent(consent_id: ConsentId, actor: Reader, tx: ReadTx) -> Success[ConsentRead]:
    """One receipt, as it stands today."""
    consent = await Consents(tx, actor.organization_id).get(consent_id)
    return success(actor, ConsentRead.model_validate(consent))


@router.post(
    "/consents/{consent_id}/revoke",
    summary="Revoke a consent",
    responses=raises(
        ConsentNotFound,
        ConsentNotGranted,
        ConsentAlreadyRevoked,
        ConsentExpired,
        IdempotencyKeyReused,
    ),
)
async def revoke_consent(
    consent_id: ConsentId, actor: Writer, tx: Tx, given: ConsentRevoke | None = None
) -> Success[ConsentRead]:
    """Ends the client's consent to the purpose at once, renewals included."""
    reason = None if given is None else given.reason
    consent = await ConsentService(tx, Recorder.member(actor)).revoke(consent_id, reason)
    return success(actor, ConsentRead.model_validate(consent))


@router.post(
    "/consents/{consent_id}/renew",
    status_code=status.HTTP_201_CREATED,
    summary="Renew a consent",
    responses=raises(
        ConsentNotFound,
        ConsentNotGranted,
        ConsentAlreadyRevoked,
        ConsentOvertaken(day="21/11/2026"),
        PurposeArchived,
        NoticeVersionUnknown(notice_version=3),
        IdempotencyKeyReused,
    ),
)
async def renew_consent(
    consent_id: ConsentId, given: ConsentRenew, actor: Writer, tx: Tx
) -> Success[ConsentRead]:
    """A receipt of its own that goes on from this one; also where this one has expired."""
    consent = await ConsentService(tx, Recorder.member(actor)).renew(consent_id, given)
    return success(actor, ConsentRead.model_validate(consent))
