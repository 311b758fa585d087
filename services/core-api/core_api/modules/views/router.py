"""Saved views over HTTP."""

from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response, status

from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.errors import PreconditionFailed
from chassis.web.etag import versioned
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor, Paging
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.inputs import changes
from core_api.modules.categories.service import CategoryArchived, CategoryNotFound
from core_api.modules.clients.service import ClientNotFound
from core_api.modules.organizations.service import MemberUnknown
from core_api.modules.teams.roster import TeamNotFound
from core_api.modules.tickets.listing import TicketOrder, TicketRead, answer_tickets
from core_api.modules.views.exceptions import (
    SharedViewForbidden,
    ViewNameTaken,
    ViewNotFound,
    ViewOutdated,
)
from core_api.modules.views.models import SavedView
from core_api.modules.views.repository import BY_POSITION, Views
from core_api.modules.views.schemas import (
    DefaultViewUpdate,
    ViewCount,
    ViewCreate,
    ViewRead,
    ViewUpdate,
)
from core_api.modules.views.service import ViewService, problems
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/views", tags=["views"], route_class=IdempotentRoute)

Reader = Annotated[Actor, Depends(require(Permission.TICKETS_READ))]
ViewId = Annotated[UUID, Path(description="The view's id")]
_NAMED = (ClientNotFound, CategoryNotFound, CategoryArchived, MemberUnknown, TeamNotFound)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Save a view",
    responses=raises(ViewNameTaken, SharedViewForbidden, IdempotencyKeyReused, *_NAMED),
)
async def create_view(
    given: ViewCreate, actor: Reader, tx: Tx, response: Response
) -> Success[ViewRead]:
    """Your own, or shared with everybody. What it names has to exist."""
    view = await ViewService(tx, actor).create(given)
    response.headers["location"] = f"/api/v1/views/{view.id}"
    return versioned(actor, response, _read(view, is_default=False))


@router.get("", summary="List views")
async def list_views(actor: Reader, tx: ReadTx, page: ByCursor) -> Success[list[ViewRead]]:
    """The shared ones and your own, in their order."""
    rows = await Views(tx, actor.organization_id, actor.user_id).list(page)
    return page.answer(
        actor,
        rows,
        lambda row: _read(row[0], is_default=row[1]),
        lambda row: BY_POSITION.position(row[0]),
    )


@router.get("/counts", summary="Count the tickets of each view")
async def count_views(actor: Reader, tx: ReadTx) -> Success[list[ViewCount]]:
    """The numbers of a sidebar, for the first 50 views. Counting stops at 5000 tickets each."""
    return success(actor, await ViewService(tx, actor).counts())


@router.put(
    "/default",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Choose the view you see first",
    responses=raises(ViewNotFound),
)
async def put_default_view(given: DefaultViewUpdate, actor: Reader, tx: Tx) -> None:
    """One of those you can see; with null the first of the list."""
    await ViewService(tx, actor).prefer(given.view_id)


@router.get("/{view_id}", summary="Show a view", responses=raises(ViewNotFound))
async def get_view(
    view_id: ViewId, actor: Reader, tx: ReadTx, response: Response
) -> Success[ViewRead]:
    """One view, with its version as `ETag`."""
    view, is_default = await Views(tx, actor.organization_id, actor.user_id).get(view_id)
    return versioned(actor, response, _read(view, is_default=is_default))


@router.patch(
    "/{view_id}",
    summary="Change a view",
    responses=raises(ViewNotFound, ViewNameTaken, SharedViewForbidden, PreconditionFailed, *_NAMED),
)
async def change_view(
    view_id: ViewId,
    given: ViewUpdate,
    actor: Reader,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[ViewRead]:
    """Changes the fields that are sent, all or none."""
    service = ViewService(tx, actor)
    view = await service.change(view_id, changes(given), seen_version)
    is_default = (await service.views.get(view_id))[1]
    return versioned(actor, response, _read(view, is_default=is_default))


@router.delete(
    "/{view_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a view",
    responses=raises(ViewNotFound, SharedViewForbidden, PreconditionFailed),
)
async def delete_view(view_id: ViewId, actor: Reader, tx: Tx, seen_version: IfMatch) -> None:
    """For good."""
    await ViewService(tx, actor).delete(view_id, seen_version)


@router.get(
    "/{view_id}/tickets",
    summary="List the tickets of a view",
    responses=raises(ViewNotFound, ViewOutdated),
)
async def list_view_tickets(
    view_id: ViewId, actor: Reader, tx: ReadTx, paging: Paging
) -> Success[list[TicketRead]]:
    """In the view's order, as `GET /tickets` would show them to you."""
    view, wanted = await ViewService(tx, actor).wanted(view_id)
    return await answer_tickets(tx, actor, wanted, cast("TicketOrder", view.sort), paging)


def _read(view: SavedView, *, is_default: bool) -> ViewRead:
    return ViewRead(
        id=view.id,
        name=view.name,
        shared=view.owner_id is None,
        filter=view.filter,
        sort=view.sort,
        columns=view.columns,
        position=view.position,
        is_default=is_default,
        problems=problems(view),
        created_at=view.created_at,
        updated_at=view.updated_at,
        version=view.version,
    )
