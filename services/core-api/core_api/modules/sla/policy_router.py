"""Policies of service levels over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response, status

from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.etag import versioned
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.inputs import changes
from core_api.modules.sla.exceptions import (
    SlaCalendarUnknown,
    SlaDefaultTaken,
    SlaOrderIncomplete,
    SlaPolicyNameTaken,
    SlaPolicyNotFound,
)
from core_api.modules.sla.preview import PreviewRead, PreviewRequest, preview
from core_api.modules.sla.repository import (
    POLICY_ORDER,
    POLICY_REVISION_ORDER,
    RECOMPUTATION_ORDER,
    PolicyRows,
)
from core_api.modules.sla.schemas import (
    PolicyCreate,
    PolicyOrder,
    PolicyRead,
    PolicyUpdate,
    RecomputationRead,
    RevisionRead,
)
from core_api.modules.sla.settings import PolicyService
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(tags=["sla"], route_class=IdempotentRoute)

Reader = Annotated[Actor, Depends(require(Permission.TICKETS_READ))]
Configurer = Annotated[Actor, Depends(require(Permission.DESK_CONFIGURE))]
PolicyId = Annotated[UUID, Path(description="The policy's id")]
_UNKNOWN = SlaCalendarUnknown(calendar_id="0192a000-0000-7000-8000-0000000a00fe")


@router.post(
    "/sla-policies",
    status_code=status.HTTP_201_CREATED,
    summary="Add a policy",
    responses=raises(SlaPolicyNameTaken, SlaDefaultTaken, _UNKNOWN, IdempotencyKeyReused),
)
async def create_sla_policy(
    given: PolicyCreate, actor: Configurer, tx: Tx, response: Response
) -> Success[PolicyRead]:
    """Says within which time tickets are answered and resolved; asked after those that exist.

    Open tickets follow within moments: see `GET /sla-recomputations`.
    """
    policy = await PolicyService(tx, actor).create(given)
    response.headers["location"] = f"/api/v1/sla-policies/{policy.id}"
    return versioned(actor, response, PolicyRead.model_validate(policy))


@router.get("/sla-policies", summary="List policies")
async def list_sla_policies(actor: Reader, tx: ReadTx, page: ByCursor) -> Success[list[PolicyRead]]:
    """In the order in which they are asked; the default applies when no other does."""
    rows = await PolicyRows(tx, actor.organization_id).list(page)
    return page.answer(actor, rows, PolicyRead.model_validate, POLICY_ORDER.position)


@router.get("/sla-policies/preview", summary="Preview what would apply")
async def preview_sla(
    given: Annotated[PreviewRequest, Query()], actor: Reader, tx: ReadTx
) -> Success[PreviewRead]:
    """Which policy a ticket like this would get, and when it would be due."""
    return success(actor, await preview(tx, actor.organization_id, given))


@router.put(
    "/sla-policies/order",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Reorder policies",
    responses=raises(SlaOrderIncomplete),
)
async def reorder_sla_policies(given: PolicyOrder, actor: Configurer, tx: Tx) -> None:
    """Every policy but the default, in the order in which they are to be asked from now on."""
    await PolicyService(tx, actor).reorder(given.policy_ids)


@router.get(
    "/sla-policies/{policy_id}", summary="Show a policy", responses=raises(SlaPolicyNotFound)
)
async def get_sla_policy(
    policy_id: PolicyId, actor: Reader, tx: ReadTx, response: Response
) -> Success[PolicyRead]:
    """One policy, with its version as `ETag`."""
    policy = await PolicyRows(tx, actor.organization_id).get(policy_id)
    return versioned(actor, response, PolicyRead.model_validate(policy))


@router.get(
    "/sla-policies/{policy_id}/revisions",
    summary="List what a policy said",
    responses=raises(SlaPolicyNotFound),
)
async def list_sla_policy_revisions(
    policy_id: PolicyId, actor: Reader, tx: ReadTx, page: ByCursor
) -> Success[list[RevisionRead]]:
    """Every revision, newest first: what tickets were measured by at the time."""
    rows = await PolicyRows(tx, actor.organization_id).revisions(policy_id, page)
    read, position = RevisionRead.model_validate, POLICY_REVISION_ORDER.position
    return page.answer(actor, rows, read, position)


@router.patch(
    "/sla-policies/{policy_id}",
    summary="Change a policy",
    responses=raises(SlaPolicyNotFound, SlaPolicyNameTaken, SlaDefaultTaken, _UNKNOWN),
)
async def change_sla_policy(
    policy_id: PolicyId,
    given: PolicyUpdate,
    actor: Configurer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[PolicyRead]:
    """Changes the fields that are sent. What has passed stays measured as it was.

    Open tickets follow within moments: see `GET /sla-recomputations`.
    """
    policy = await PolicyService(tx, actor).change(policy_id, changes(given), seen_version)
    return versioned(actor, response, PolicyRead.model_validate(policy))


@router.delete(
    "/sla-policies/{policy_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a policy",
    responses=raises(SlaPolicyNotFound),
)
async def delete_sla_policy(
    policy_id: PolicyId, actor: Configurer, tx: Tx, seen_version: IfMatch
) -> None:
    """Takes a policy out of force. Open tickets get the next one that matches, or none."""
    await PolicyService(tx, actor).delete(policy_id, seen_version)


@router.get("/sla-recomputations", summary="List changes on their way to open tickets")
async def list_sla_recomputations(
    actor: Reader, tx: ReadTx, page: ByCursor
) -> Success[list[RecomputationRead]]:
    """Each change of a policy or calendar, newest first; `finished_at` is null while pending."""
    rows = await PolicyRows(tx, actor.organization_id).recomputations(page)
    return page.answer(actor, rows, RecomputationRead.model_validate, RECOMPUTATION_ORDER.position)
