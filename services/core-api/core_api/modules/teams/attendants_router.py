"""Availability, skills, absences and needed skills over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response, status

from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.errors import PreconditionFailed
from chassis.web.etag import versioned
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.inputs import changes
from core_api.modules.categories.service import CategoryArchived, CategoryNotFound
from core_api.modules.organizations.service import MemberUnknown
from core_api.modules.teams.attendants import EARLIEST_FIRST, Attendants
from core_api.modules.teams.exceptions import (
    AbsenceNotFound,
    AbsenceOfAnother,
    AttendantNotFound,
    SkillRuleExists,
    SkillRuleNotFound,
)
from core_api.modules.teams.schemas import (
    AbsenceCreate,
    AbsenceRead,
    AttendantRead,
    AvailabilityUpdate,
    SkillRuleCreate,
    SkillRuleRead,
    SkillRuleUpdate,
    SkillsUpdate,
)
from core_api.modules.teams.skills import OLDEST_RULE_FIRST, SkillRules
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.ids import UserId
from shared_schemas.permissions import Permission

router = APIRouter(tags=["teams"], route_class=IdempotentRoute)

Reader = Annotated[Actor, Depends(require(Permission.TICKETS_READ))]
Writer = Annotated[Actor, Depends(require(Permission.TICKETS_WRITE))]
Configurer = Annotated[Actor, Depends(require(Permission.DESK_CONFIGURE))]
MemberId = Annotated[UUID, Path(description="The member's id")]
AbsenceId = Annotated[UUID, Path(description="The absence's id")]
RuleId = Annotated[UUID, Path(description="The rule's id")]


@router.put("/me/availability", summary="Say whether you are available")
async def put_my_availability(
    given: AvailabilityUpdate, actor: Writer, tx: Tx, response: Response
) -> Success[AttendantRead]:
    """In every team. Who becomes available gets what waited for them."""
    found = await Attendants(tx, actor).say(given.availability)
    return versioned(actor, response, AttendantRead.model_validate(found))


@router.get(
    "/attendants/{member_id}", summary="Show an attendant", responses=raises(AttendantNotFound)
)
async def get_attendant(
    member_id: MemberId, actor: Reader, tx: ReadTx, response: Response
) -> Success[AttendantRead]:
    """Availability and skills of a member, the same in every team."""
    found = await Attendants(tx, actor).get(UserId(member_id))
    return versioned(actor, response, AttendantRead.model_validate(found))


@router.put(
    "/attendants/{member_id}/skills",
    summary="Set somebody's skills",
    responses=raises(AttendantNotFound, PreconditionFailed),
)
async def put_skills(
    member_id: MemberId,
    given: SkillsUpdate,
    actor: Configurer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[AttendantRead]:
    """All of them. Tickets that waited for somebody who knows this are given out."""
    service = Attendants(tx, actor)
    found = await service.teach(UserId(member_id), given.skills, seen_version)
    return versioned(actor, response, AttendantRead.model_validate(found))


@router.get("/absences", summary="List absences")
async def list_absences(
    actor: Reader,
    tx: ReadTx,
    page: ByCursor,
    member_id: Annotated[UUID | None, Query(description="Only this member's")] = None,
) -> Success[list[AbsenceRead]]:
    """Those that are not over, the earliest first."""
    absences = await Attendants(tx, actor).absences(member_id, page)
    return page.answer(actor, absences, AbsenceRead.model_validate, EARLIEST_FIRST.position)


@router.post(
    "/absences",
    status_code=status.HTTP_201_CREATED,
    summary="Enter an absence",
    responses=raises(MemberUnknown, AbsenceOfAnother, IdempotencyKeyReused),
)
async def create_absence(given: AbsenceCreate, actor: Writer, tx: Tx) -> Success[AbsenceRead]:
    """From its start nothing comes by turn; after each team's limit its tickets go back.

    Your own, or with `desk:configure` anybody's.
    """
    absence = await Attendants(tx, actor).leave(given)
    return success(actor, AbsenceRead.model_validate(absence))


@router.delete(
    "/absences/{absence_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete an absence",
    responses=raises(AbsenceNotFound, AbsenceOfAnother),
)
async def delete_absence(absence_id: AbsenceId, actor: Writer, tx: Tx) -> None:
    """Who is there after all gets what waited for them."""
    await Attendants(tx, actor).come_back(absence_id)


@router.get("/skill-rules", summary="List the skills that tickets need")
async def list_skill_rules(
    actor: Reader, tx: ReadTx, page: ByCursor
) -> Success[list[SkillRuleRead]]:
    """By category or tag, oldest rule first."""
    rules = await SkillRules(tx, actor).list(page)
    return page.answer(actor, rules, SkillRuleRead.model_validate, OLDEST_RULE_FIRST.position)


@router.post(
    "/skill-rules",
    status_code=status.HTTP_201_CREATED,
    summary="Demand skills for a category or a tag",
    responses=raises(SkillRuleExists, CategoryNotFound, CategoryArchived, IdempotencyKeyReused),
)
async def create_skill_rule(
    given: SkillRuleCreate, actor: Configurer, tx: Tx, response: Response
) -> Success[SkillRuleRead]:
    """Such tickets then only go by themselves to who has all of these skills."""
    rule = await SkillRules(tx, actor).create(given)
    return versioned(actor, response, SkillRuleRead.model_validate(rule))


@router.patch(
    "/skill-rules/{rule_id}",
    summary="Change what a category or a tag demands",
    responses=raises(SkillRuleNotFound, PreconditionFailed),
)
async def change_skill_rule(
    rule_id: RuleId,
    given: SkillRuleUpdate,
    actor: Configurer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[SkillRuleRead]:
    """Other skills for the same category or tag."""
    rule = await SkillRules(tx, actor).change(rule_id, changes(given), seen_version)
    return versioned(actor, response, SkillRuleRead.model_validate(rule))


@router.delete(
    "/skill-rules/{rule_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Demand nothing for a category or a tag",
    responses=raises(SkillRuleNotFound, PreconditionFailed),
)
async def delete_skill_rule(
    rule_id: RuleId, actor: Configurer, tx: Tx, seen_version: IfMatch
) -> None:
    """Tickets that waited for such skills are given out by the next sweep."""
    await SkillRules(tx, actor).delete(rule_id, seen_version)
