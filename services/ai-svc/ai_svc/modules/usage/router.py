"""Usage and budgets over HTTP."""

from datetime import date, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response, status

from ai_svc.modules.usage import budgets, reporting, service
from ai_svc.modules.usage.budgets import Budgets
from ai_svc.modules.usage.days import day_of
from ai_svc.modules.usage.exceptions import BudgetNotFound, BudgetTaken
from ai_svc.modules.usage.models import Counted
from ai_svc.modules.usage.reporting import Question
from ai_svc.modules.usage.schemas import (
    BudgetChange,
    BudgetCreate,
    BudgetRead,
    Dimension,
    Of,
    RemainingRead,
    UsageRead,
)
from ai_svc.workshop import CurrentWorkshop
from chassis.data.columns import utc_now
from chassis.security.authentication import CurrentActor, InternalCaller, require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.documentation import raises
from chassis.web.errors import Forbidden, InvalidInput, PreconditionFailed
from chassis.web.etag import set_etag, versioned
from chassis.web.idempotency import IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.ids import UserId
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/ai", tags=["usage"], route_class=IdempotentRoute)
internal_router = APIRouter(prefix="/usage", tags=["usage"])

Configurer = Annotated[Actor, Depends(require(Permission.ASSISTANT_CONFIGURE))]
BudgetId = Annotated[UUID, Path(description="The budget's id")]
_MONTH: Final = timedelta(days=30)
_LONGEST: Final = timedelta(days=400)


async def _question(
    actor: CurrentActor,
    of: Annotated[Of, Query(description="The whole organization needs usage:read")] = Of.OWN,
    by: Annotated[
        list[Dimension] | None,
        Query(max_length=4, description="What sums are told apart by; the day, if nothing is said"),
    ] = None,
    since: Annotated[date | None, Query(description="First day; 30 days before the last")] = None,
    until: Annotated[date | None, Query(description="Last day; today")] = None,
    user_id: Annotated[UUID | None, Query(description="Only this user's")] = None,
    model: Annotated[str | None, Query(max_length=200, description="Only this model's")] = None,
    use: Annotated[str | None, Query(max_length=40, description="Only for this")] = None,
) -> Question:
    whose = user_id
    if of is Of.OWN:
        whose = actor.user_id
    if (of is not Of.OWN or user_id not in (None, actor.user_id)) and not actor.may(
        Permission.USAGE_READ
    ):
        raise Forbidden
    last = until or day_of(utc_now())
    first = since or max(last, date.min + _MONTH) - _MONTH
    if not timedelta(0) <= last - first <= _LONGEST:
        raise InvalidInput.on("query.since", "O período vai de um dia a 400 dias.")
    return Question(
        by=list(dict.fromkeys(by or [Dimension.DAY])),
        since=first,
        until=last,
        user_id=UserId(whose) if whose is not None else None,
        model=model,
        use=use,
    )


@router.get("/usage", summary="What was used", responses=raises(Forbidden, InvalidInput))
async def list_usage(
    actor: CurrentActor,
    tx: ReadTx,
    page: ByCursor,
    question: Annotated[Question, Depends(_question)],
) -> Success[list[UsageRead]]:
    """Calls, tokens and cost, summed by day, user, model or what for, or several of them; the
    latest first. One's own; of everybody with usage:read. Days are Brasília's.
    """
    rows = await reporting.used(tx, actor.organization_id, question, page)
    return page.answer(actor, rows, UsageRead.of, reporting.place_of(question))


@router.get("/usage/current", summary="What is left")
async def show_remaining(actor: CurrentActor, tx: ReadTx) -> Success[list[RemainingRead]]:
    """Of one's own budget, today and this month; with usage:read of the organization's, too."""
    whose = [Counted.USER]
    if actor.may(Permission.USAGE_READ):
        whose.append(Counted.ORGANIZATION)
    found = await reporting.remaining(tx, actor.organization_id, actor.user_id, whose)
    return success(actor, found)


@router.post(
    "/budgets",
    status_code=status.HTTP_201_CREATED,
    summary="Set a budget",
    responses=raises(BudgetTaken, InvalidInput),
)
async def create_budget(
    given: BudgetCreate, actor: Configurer, tx: Tx, response: Response
) -> Success[BudgetRead]:
    """Of tokens and money, per day and per month. It holds from the next call on: what is used so
    far counts.
    """
    budget = await budgets.create(tx, actor, given)
    response.headers["location"] = f"/api/v1/ai/budgets/{budget.id}"
    set_etag(response, budget.version)
    return success(actor, BudgetRead.of(budget))


@router.get("/budgets", summary="List the budgets")
async def list_budgets(actor: Configurer, tx: ReadTx, page: ByCursor) -> Success[list[BudgetRead]]:
    """The latest first. Without one anything goes."""
    rows = await Budgets(tx, actor.organization_id).list(page)
    return page.answer(actor, rows, BudgetRead.of, lambda row: (row.created_at, row.id))


@router.get("/budgets/{budget_id}", summary="Show a budget", responses=raises(BudgetNotFound))
async def show_budget(
    budget_id: BudgetId, actor: Configurer, tx: ReadTx, response: Response
) -> Success[BudgetRead]:
    """With its version as `ETag`."""
    budget = await Budgets(tx, actor.organization_id).get(budget_id)
    return versioned(actor, response, BudgetRead.of(budget))


@router.patch(
    "/budgets/{budget_id}",
    summary="Change a budget",
    responses=raises(BudgetNotFound, PreconditionFailed, InvalidInput),
)
async def change_budget(
    budget_id: BudgetId,
    given: BudgetChange,
    actor: Configurer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[BudgetRead]:
    """Its limits; whom it is for stays."""
    budget = await Budgets(tx, actor.organization_id).get_for_change(budget_id, seen_version)
    await budgets.change(tx, actor, budget, given)
    return versioned(actor, response, BudgetRead.of(budget))


@router.delete(
    "/budgets/{budget_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Lift a budget",
    responses=raises(BudgetNotFound, PreconditionFailed),
)
async def delete_budget(
    budget_id: BudgetId, actor: Configurer, tx: Tx, seen_version: IfMatch
) -> None:
    """What was used stays on record."""
    budget = await Budgets(tx, actor.organization_id).get_for_change(budget_id, seen_version)
    await tx.delete(budget)


@internal_router.post("/sweep")
async def sweep(caller: InternalCaller, workshop: CurrentWorkshop) -> Success[dict[str, int]]:
    """Ends reservations of processes that died; says how many."""
    expired = await service.expire(workshop.database)
    return Success(data={"expired": expired}, request_id=caller.request_id)
