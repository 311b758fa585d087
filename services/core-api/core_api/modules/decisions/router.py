"""Automated decisions and their reviews over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response, status

from chassis.data.columns import utc_now
from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.etag import versioned
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.modules.clients.service import ClientNotFound
from core_api.modules.decisions.exceptions import (
    DecisionNotFound,
    ReviewAnswered,
    ReviewNotFound,
    ReviewOpen,
)
from core_api.modules.decisions.explaining import explained
from core_api.modules.decisions.models import ReviewStatus
from core_api.modules.decisions.repository import (
    DUE_FIRST,
    LATEST_FIRST,
    DecisionFilter,
    Decisions,
)
from core_api.modules.decisions.reviewing import ReviewService
from core_api.modules.decisions.schemas import (
    DecisionRead,
    ReviewAnswer,
    ReviewCreate,
    ReviewDetail,
    ReviewRead,
)
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(tags=["accountability"], route_class=IdempotentRoute)

Reader = Annotated[Actor, Depends(require(Permission.DECISIONS_CONTEST))]
Officer = Annotated[Actor, Depends(require(Permission.PRIVACY_READ))]
Reviewer = Annotated[Actor, Depends(require(Permission.PRIVACY_EXECUTE))]
DecisionId = Annotated[UUID, Path(description="The decision's id")]
ReviewId = Annotated[UUID, Path(description="The review's id")]


def _filter(
    ticket_id: Annotated[UUID | None, Query(description="About one ticket only")] = None,
    client_id: Annotated[UUID | None, Query(description="About tickets of one client only")] = None,
    applied: Annotated[
        bool | None, Query(description="Only what took effect by itself, or only proposals")
    ] = None,
    model: Annotated[str | None, Query(max_length=200, description="By one model only")] = None,
) -> DecisionFilter:
    return DecisionFilter(ticket_id=ticket_id, client_id=client_id, applied=applied, model=model)


@router.get("/automated-decisions", summary="List automated decisions")
async def list_decisions(
    actor: Reader, tx: ReadTx, page: ByCursor, wanted: Annotated[DecisionFilter, Depends(_filter)]
) -> Success[list[DecisionRead]]:
    """What the assistant decided, or proposed: inputs, criteria, model and prompt version, outcome;
    the latest first."""
    decisions = await Decisions(tx, actor.organization_id).list(wanted, page)
    return page.answer(actor, decisions, _read, LATEST_FIRST.position)


@router.get(
    "/automated-decisions/{decision_id}",
    summary="Show an automated decision",
    responses=raises(DecisionNotFound),
)
async def get_decision(decision_id: DecisionId, actor: Reader, tx: ReadTx) -> Success[DecisionRead]:
    """One decision, with what its subject is told of it."""
    return success(actor, _read(await Decisions(tx, actor.organization_id).get(decision_id)))


@router.post(
    "/automated-decisions/{decision_id}/reviews",
    status_code=status.HTTP_201_CREATED,
    summary="Ask for a review",
    responses=raises(DecisionNotFound, ClientNotFound, ReviewOpen, IdempotencyKeyReused),
)
async def ask_review(
    decision_id: DecisionId, given: ReviewCreate, actor: Reader, tx: Tx, response: Response
) -> Success[ReviewRead]:
    """The subject, or somebody for them, wants a person to look at it."""
    service = ReviewService(tx, actor)
    review = await service.ask(decision_id, given)
    return versioned(actor, response, ReviewRead.of(review, utc_now()))


@router.get("/decision-reviews", summary="List reviews of automated decisions")
async def list_reviews(
    actor: Officer,
    tx: ReadTx,
    page: ByCursor,
    status: Annotated[ReviewStatus | None, Query(description="Open or answered")] = None,
    decision_id: Annotated[UUID | None, Query(description="Of one decision only")] = None,
) -> Success[list[ReviewRead]]:
    """The earliest due first."""
    now = utc_now()
    reviews = await Decisions(tx, actor.organization_id).reviews(page, status, decision_id)
    return page.answer(actor, reviews, lambda row: ReviewRead.of(row, now), DUE_FIRST.position)


@router.get(
    "/decision-reviews/{review_id}", summary="Show a review", responses=raises(ReviewNotFound)
)
async def get_review(
    review_id: ReviewId, actor: Officer, tx: Tx, response: Response
) -> Success[ReviewDetail]:
    """One review with what was said. Who read it is kept in the audit log."""
    return versioned(actor, response, await ReviewService(tx, actor).read(review_id))


@router.post(
    "/decision-reviews/{review_id}/answer",
    summary="Answer a review",
    responses=raises(ReviewNotFound, ReviewAnswered, IdempotencyKeyReused),
)
async def answer_review(
    review_id: ReviewId,
    given: ReviewAnswer,
    actor: Reviewer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[ReviewRead]:
    """By a person: upheld, changed or annulled, and why. What is to change about the ticket is
    changed there."""
    service = ReviewService(tx, actor)
    review = await service.answer(review_id, given, seen_version)
    return versioned(actor, response, ReviewRead.of(review, utc_now()))


def _read(row: Any) -> DecisionRead:
    told = explained(row.inputs, row.criteria, row.outcome, applied=row.applied)
    named = {
        name: getattr(row, name)
        for name in DecisionRead.model_fields
        if name != "criteria_explained"
    }
    return DecisionRead(**named, criteria_explained=told)
