"""The controller's profile and its officers over HTTP; and the notice anybody may read."""

from collections.abc import AsyncIterator
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response, status
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from chassis.security.authentication import Requirement, require
from chassis.web.dependencies import CurrentResources, IfMatch, ReadTx, Tx
from chassis.web.etag import versioned
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.rate_limit import limited
from chassis.web.responses import success
from chassis.web.routing import ServiceRoute
from core_api.documentation import raises
from core_api.inputs import changes
from core_api.modules.officers.appointing import OfficerService
from core_api.modules.officers.exceptions import (
    NoticeLinkInvalid,
    OfficerEnded,
    OfficerNotFound,
    OfficerStanding,
    ProfileChangedMeanwhile,
)
from core_api.modules.officers.notice_links import LONGEST, notice_token, organization_of
from core_api.modules.officers.public_notice import read_notice
from core_api.modules.officers.repository import NEWEST_FIRST, Officers
from core_api.modules.officers.schemas import (
    NoticeLinkRead,
    OfficerCreate,
    OfficerEnd,
    OfficerRead,
    OfficerUpdate,
    ProfilePut,
    ProfileRead,
    PublicNotice,
)
from core_api.workplace import CurrentWorkplace, Workplace, workplace_of
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.ids import OrganizationId
from shared_schemas.permissions import Permission

router = APIRouter(tags=["accountability"], route_class=IdempotentRoute)
public_router = APIRouter(tags=["preferences"], route_class=ServiceRoute)

Reader = Annotated[Actor, Depends(require(Permission.PRIVACY_READ))]
Writer = Annotated[Actor, Depends(require(Permission.PRIVACY_EXECUTE))]
OfficerId = Annotated[UUID, Path(description="The appointment's id")]
_LIMIT: Final = limited("60/minute", scope="privacy-notice")


class NoticeReader(Requirement):
    """A guard: the signed address takes the place of an access token."""

    by_token = False

    def __init__(self) -> None:
        super().__init__(frozenset())

    async def __call__(self, request: Request) -> OrganizationId:  # type: ignore[override]  # nobody with an account
        """Whose notice it is, or NoticeLinkInvalid; the database is not asked."""
        workplace: Workplace = await workplace_of(request)
        token = str(request.path_params.get("token", ""))[: LONGEST + 1]
        return organization_of(token, _key(workplace))


Owner = Annotated[OrganizationId, Depends(NoticeReader())]


async def _transaction(owner: Owner, resources: CurrentResources) -> AsyncIterator[AsyncSession]:
    async with resources.database.transaction(owner, read_only=True) as session:
        yield session


NoticeTx = Annotated[AsyncSession, Depends(_transaction, scope="function")]


@router.get("/controller-profile", summary="Show the controller")
async def get_profile(actor: Reader, tx: ReadTx, response: Response) -> Success[ProfileRead]:
    """Who the controller is, as records and notices name it; version 0 until somebody said it."""
    profile = await Officers(tx, actor.organization_id).profile()
    read = ProfileRead() if profile is None else ProfileRead.model_validate(profile)
    return versioned(actor, response, read)


@router.put(
    "/controller-profile",
    summary="Say who the controller is",
    responses=raises(ProfileChangedMeanwhile),
)
async def put_profile(
    given: ProfilePut, actor: Writer, tx: Tx, seen_version: IfMatch, response: Response
) -> Success[ProfileRead]:
    """Takes the place of what was said before."""
    profile = await OfficerService(tx, actor).put_profile(given, seen_version)
    return versioned(actor, response, ProfileRead.model_validate(profile))


@router.post(
    "/privacy-officers",
    status_code=status.HTTP_201_CREATED,
    summary="Appoint an encarregado",
    responses=raises(OfficerStanding, IdempotencyKeyReused),
)
async def appoint(
    given: OfficerCreate, actor: Writer, tx: Tx, response: Response
) -> Success[OfficerRead]:
    """The holder or the substitute, by a written, dated and signed act."""
    officer = await OfficerService(tx, actor).appoint(given)
    return versioned(actor, response, OfficerRead.model_validate(officer))


@router.get("/privacy-officers", summary="List appointments")
async def list_officers(actor: Reader, tx: ReadTx, page: ByCursor) -> Success[list[OfficerRead]]:
    """All there ever were, the latest first."""
    officers = await Officers(tx, actor.organization_id).list(page)
    return page.answer(actor, officers, OfficerRead.model_validate, NEWEST_FIRST.position)


@router.get(
    "/privacy-officers/{officer_id}",
    summary="Show an appointment",
    responses=raises(OfficerNotFound),
)
async def get_officer(
    officer_id: OfficerId, actor: Reader, tx: ReadTx, response: Response
) -> Success[OfficerRead]:
    """One appointment."""
    officer = await Officers(tx, actor.organization_id).get(officer_id)
    return versioned(actor, response, OfficerRead.model_validate(officer))


@router.patch(
    "/privacy-officers/{officer_id}",
    summary="Change how an encarregado is reached",
    responses=raises(OfficerNotFound, OfficerEnded),
)
async def change_officer(
    officer_id: OfficerId,
    given: OfficerUpdate,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[OfficerRead]:
    """The contact. Another person is another appointment."""
    officer = await OfficerService(tx, actor).change(officer_id, changes(given), seen_version)
    return versioned(actor, response, OfficerRead.model_validate(officer))


@router.post(
    "/privacy-officers/{officer_id}/end",
    summary="End an appointment",
    responses=raises(OfficerNotFound, OfficerEnded, IdempotencyKeyReused),
)
async def end_officer(
    officer_id: OfficerId,
    given: OfficerEnd,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[OfficerRead]:
    """Names its last day; it stays on record."""
    officer = await OfficerService(tx, actor).end(officer_id, given.ends_on, seen_version)
    return versioned(actor, response, OfficerRead.model_validate(officer))


@router.get("/privacy-notice-link", summary="Show the address of the public notice")
async def get_notice_link(
    actor: Reader, tx: ReadTx, workplace: CurrentWorkplace
) -> Success[NoticeLinkRead]:
    """For the organization's own pages: it needs no account and stays the same."""
    profile = await Officers(tx, actor.organization_id).profile()
    token = notice_token(actor.organization_id, _key(workplace))
    read = NoticeLinkRead(
        url=f"/api/v1/public/privacy-notice/{token}",
        token=token,
        is_shown=profile is not None and profile.page_is_public,
    )
    return success(actor, read)


@public_router.get(
    "/public/privacy-notice/{token}",
    summary="Read an organization's privacy notice",
    responses=raises(NoticeLinkInvalid),
    dependencies=[_LIMIT],
)
async def get_privacy_notice(
    token: Annotated[str, Path(max_length=LONGEST, description="As signed")],  # noqa: ARG001 - the guard reads it
    owner: Owner,
    tx: NoticeTx,
    request: Request,
) -> Success[PublicNotice]:
    """Controller, encarregado, purposes, transfers abroad and rights, in plain Portuguese."""
    return success(request, await read_notice(tx, owner))


def _key(workplace: Workplace) -> bytes:
    return workplace.settings.attachments.link_key.get_secret_value().encode()
