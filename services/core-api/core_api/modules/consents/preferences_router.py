"""Links to preferences over HTTP: made by a member, used by the client without an account."""

from collections.abc import AsyncIterator
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, status
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from chassis.data.columns import utc_now
from chassis.security.authentication import Requirement, require
from chassis.web.dependencies import CurrentResources, Tx
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.middleware.request_id import request_id_of
from chassis.web.rate_limit import limited
from chassis.web.responses import success
from chassis.web.routing import ServiceRoute
from core_api.documentation import raises
from core_api.modules.clients.service import ClientMerged, ClientNotFound
from core_api.modules.consents.exceptions import (
    NoticeVersionUnknown,
    PreferencesLinkInvalid,
    PreferencesPageUnknown,
    PurposeArchived,
    PurposeNeedsNoConsent,
    PurposeNotFound,
)
from core_api.modules.consents.models import LegalBasis
from core_api.modules.consents.preferences import Preferences, issue
from core_api.modules.consents.preferences_links import LONGEST, LinkSaid, opened_link
from core_api.modules.consents.preferences_schemas import (
    PreferencesDecide,
    PreferencesLinkCreate,
    PreferencesLinkRead,
    PreferencesRead,
)
from core_api.modules.deliveries.service import (
    DeliveryKind,
    DeliveryRead,
    enqueue,
    mails_of,
)
from core_api.modules.privacy.by_link import (
    SubjectRequestCreate,
    SubjectRequestRead,
    SubjectRequestsRead,
    open_by_link,
    told,
)
from core_api.modules.privacy.service import (
    ClientAlreadyAnonymised,
    ClientAlreadyErased,
    DestructionUnderWay,
    RequestLinkUsed,
)
from core_api.workplace import Workplace, workplace_of
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(tags=["consents"], route_class=IdempotentRoute)
public_router = APIRouter(tags=["preferences"], route_class=ServiceRoute)

Writer = Annotated[Actor, Depends(require(Permission.CONSENTS_WRITE))]
_LIMIT: Final = limited("30/minute", scope="preferences")
_REQUESTS_LIMIT: Final = limited("10/minute", scope="preferences-requests")
_OPENED: Final = "core_api.preferences_link"


class PreferencesHolder(Requirement):
    """A guard: the signed link in the path takes the place of an access token."""

    by_token = False

    def __init__(self) -> None:
        super().__init__(frozenset())

    async def __call__(self, request: Request) -> LinkSaid:  # type: ignore[override]  # nobody with an account
        """What the link says, or PreferencesLinkInvalid; the database is not asked."""
        found: LinkSaid | None = request.scope.get(_OPENED)
        if found is None:
            workplace: Workplace = await workplace_of(request)
            key = workplace.settings.attachments.link_key.get_secret_value().encode()
            token = str(request.path_params.get("token", ""))[: LONGEST + 1]
            found = opened_link(token, key, now=utc_now())
            request.scope[_OPENED] = found
        return found


Holder = Annotated[LinkSaid, Depends(PreferencesHolder())]
Token = Annotated[str, Path(max_length=LONGEST, description="As signed")]


async def _transaction(said: Holder, resources: CurrentResources) -> AsyncIterator[AsyncSession]:
    """In the organization that made the link; committed before the answer leaves."""
    async with resources.database.transaction(said.organization_id) as session:
        yield session


LinkTx = Annotated[AsyncSession, Depends(_transaction, scope="function")]


@router.post(
    "/clients/{client_id}/preferences-links",
    status_code=status.HTTP_201_CREATED,
    summary="Make a link to a client's preferences",
    responses=raises(
        ClientNotFound,
        ClientMerged(merged_into_id="0192a000-0000-7000-8000-0000000000c1"),
        PreferencesPageUnknown,
        IdempotencyKeyReused,
    ),
)
async def create_preferences_link(
    client_id: Annotated[UUID, Path(description="The client's id")],
    given: PreferencesLinkCreate,
    actor: Writer,
    tx: Tx,
    request: Request,
) -> Success[PreferencesLinkRead]:
    """For the client: by it they see and change their consents, once, without an account. It is
    shown now and never again; with `send` it goes to the client by e-mail."""
    workplace = await workplace_of(request)
    if given.send and workplace.settings.preferences.page_url is None:
        raise PreferencesPageUnknown
    said = await issue(tx, actor, client_id, given.valid_hours)
    token = said.signed(workplace.settings.attachments.link_key.get_secret_value().encode())
    mail = await _sent(tx, actor, said, client_id) if given.send else None
    read = PreferencesLinkRead(
        url=f"/api/v1/public/preferences/{token}",
        token=token,
        expires_at=said.expires_at,
        mail=mail,
    )
    return success(actor, read)


async def _sent(
    tx: AsyncSession, actor: Actor, said: LinkSaid, client_id: UUID
) -> DeliveryRead | None:
    kind = DeliveryKind.PREFERENCES_LINK
    await enqueue(tx, actor.organization_id, kind, said.link_id, client_id)
    mails = await mails_of(tx, actor.organization_id, kind, [said.link_id])
    return mails.get((said.link_id, client_id))


@public_router.get(
    "/public/preferences/{token}",
    summary="Show preferences",
    responses=raises(PreferencesLinkInvalid),
    dependencies=[_LIMIT],
)
async def get_preferences(
    token: Token,  # noqa: ARG001 - the guard reads it
    said: Holder,
    tx: LinkTx,
    request: Request,
) -> Success[PreferencesRead]:
    """What the client may decide about and has decided, in plain words. A link that is forged, has
    expired or was used is always answered alike."""
    read = await Preferences(tx, said, request_id_of(request.scope)).show()
    return success(request, read)


@public_router.post(
    "/public/preferences/{token}",
    summary="Decide about preferences",
    responses=raises(
        PreferencesLinkInvalid,
        PurposeNotFound,
        PurposeArchived,
        PurposeNeedsNoConsent(LegalBasis.CONTRACT),
        NoticeVersionUnknown(notice_version=3),
    ),
    dependencies=[_LIMIT],
)
async def decide_preferences(
    token: Token,  # noqa: ARG001 - the guard reads it
    given: PreferencesDecide,
    said: Holder,
    tx: LinkTx,
    request: Request,
) -> Success[PreferencesRead]:
    """Takes all decisions at once, with a receipt for each, and uses the link up."""
    read = await Preferences(tx, said, request_id_of(request.scope)).decide(given.choices)
    return success(request, read)


@public_router.get(
    "/public/preferences/{token}/requests",
    summary="Show rights and requests",
    responses=raises(PreferencesLinkInvalid),
    dependencies=[_LIMIT],
)
async def get_requests_by_link(
    token: Token,  # noqa: ARG001 - the guard reads it
    said: Holder,
    tx: LinkTx,
    request: Request,
) -> Success[SubjectRequestsRead]:
    """What the client may ask for (LGPD Art. 18), in plain words, and how far what they have asked
    for is."""
    family = await Preferences(tx, said, request_id_of(request.scope)).family()
    return success(request, await told(tx, said.organization_id, family))


@public_router.post(
    "/public/preferences/{token}/requests",
    status_code=status.HTTP_201_CREATED,
    summary="Ask for a right",
    responses=raises(
        PreferencesLinkInvalid,
        RequestLinkUsed,
        DestructionUnderWay,
        ClientAlreadyErased,
        ClientAlreadyAnonymised,
    ),
    dependencies=[_REQUESTS_LIMIT],
)
async def open_request_by_link(
    token: Token,  # noqa: ARG001 - the guard reads it
    given: SubjectRequestCreate,
    said: Holder,
    tx: LinkTx,
    request: Request,
) -> Success[SubjectRequestRead]:
    """Opens a request, one for each link; the link stays good for deciding about preferences."""
    request_id = request_id_of(request.scope)
    client_id = await Preferences(tx, said, request_id).subject()
    opened = await open_by_link(
        tx, said.organization_id, client_id, said.link_id, given, request_id
    )
    return success(request, opened)
