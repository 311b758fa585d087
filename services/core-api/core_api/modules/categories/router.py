"""Categories over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response, status

from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.etag import versioned
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from core_api.documentation import raises
from core_api.inputs import changes
from core_api.modules.categories.exceptions import (
    CategoryArchived,
    CategoryBelowItself,
    CategoryNameTaken,
    CategoryNotFound,
    CategoryTooDeep,
)
from core_api.modules.categories.repository import TREE_ORDER, Categories
from core_api.modules.categories.schemas import CategoryCreate, CategoryRead, CategoryUpdate
from core_api.modules.categories.service import CategoryService
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/categories", tags=["categories"], route_class=IdempotentRoute)

Reader = Annotated[Actor, Depends(require(Permission.TICKETS_READ))]
Configurer = Annotated[Actor, Depends(require(Permission.DESK_CONFIGURE))]
CategoryId = Annotated[UUID, Path(description="The category's id")]


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Add a category",
    responses=raises(
        CategoryNotFound,
        CategoryArchived,
        CategoryNameTaken,
        CategoryTooDeep,
        IdempotencyKeyReused,
    ),
)
async def create_category(
    given: CategoryCreate, actor: Configurer, tx: Tx, response: Response
) -> Success[CategoryRead]:
    """Adds a category at the root or below another one, up to five levels deep."""
    category = await CategoryService(tx, actor).create(given)
    response.headers["location"] = f"/api/v1/categories/{category.id}"
    return versioned(actor, response, CategoryRead.model_validate(category))


@router.get("", summary="List categories")
async def list_categories(
    actor: Reader,
    tx: ReadTx,
    page: ByCursor,
    *,
    archived: Annotated[bool, Query(description="Also those out of use")] = False,
) -> Success[list[CategoryRead]]:
    """The tree from top to bottom: every category right before those below it."""
    rows = await Categories(tx, actor.organization_id).list(page, archived=archived)
    return page.answer(actor, rows, CategoryRead.model_validate, TREE_ORDER.position)


@router.get("/{category_id}", summary="Show a category", responses=raises(CategoryNotFound))
async def get_category(
    category_id: CategoryId, actor: Reader, tx: ReadTx, response: Response
) -> Success[CategoryRead]:
    """One category, with its version as `ETag`."""
    category = await Categories(tx, actor.organization_id).get(category_id)
    return versioned(actor, response, CategoryRead.model_validate(category))


@router.patch(
    "/{category_id}",
    summary="Change a category",
    responses=raises(
        CategoryNotFound, CategoryArchived, CategoryNameTaken, CategoryBelowItself, CategoryTooDeep
    ),
)
async def change_category(
    category_id: CategoryId,
    given: CategoryUpdate,
    actor: Configurer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[CategoryRead]:
    """Renames it, or moves it with everything below it. Its tickets go with it."""
    category = await CategoryService(tx, actor).change(category_id, changes(given), seen_version)
    return versioned(actor, response, CategoryRead.model_validate(category))


@router.post(
    "/{category_id}/archive",
    summary="Take a category out of use",
    responses=raises(CategoryNotFound, IdempotencyKeyReused),
)
async def archive_category(
    category_id: CategoryId, actor: Configurer, tx: Tx, seen_version: IfMatch, response: Response
) -> Success[CategoryRead]:
    """With everything below it. Tickets that have it keep it; none can get it any more."""
    category = await CategoryService(tx, actor).archive(category_id, seen_version)
    return versioned(actor, response, CategoryRead.model_validate(category))


@router.post(
    "/{category_id}/restore",
    summary="Bring a category back into use",
    responses=raises(CategoryNotFound, CategoryArchived, CategoryNameTaken, IdempotencyKeyReused),
)
async def restore_category(
    category_id: CategoryId, actor: Configurer, tx: Tx, seen_version: IfMatch, response: Response
) -> Success[CategoryRead]:
    """Only this one, and only when the one above it is in use."""
    category = await CategoryService(tx, actor).restore(category_id, seen_version)
    return versioned(actor, response, CategoryRead.model_validate(category))
