"""Teams and their members over HTTP."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response, status

from chassis.data.columns import utc_now
from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.errors import PreconditionFailed
from chassis.web.etag import set_etag, versioned
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.inputs import changes
from core_api.modules.organizations.service import MemberUnknown
from core_api.modules.teams.exceptions import (
    CannotAttend,
    TeamHasTickets,
    TeamMemberNotFound,
    TeamNameTaken,
    TeamNotFound,
)
from core_api.modules.teams.memberships import LONGEST_IN_TEAM, TeamMembers
from core_api.modules.teams.repository import BY_NAME, Teams
from core_api.modules.teams.schemas import (
    TeamCreate,
    TeamMemberRead,
    TeamMemberUpdate,
    TeamRead,
    TeamUpdate,
)
from core_api.modules.teams.service import TeamService
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.ids import UserId
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/teams", tags=["teams"], route_class=IdempotentRoute)

Reader = Annotated[Actor, Depends(require(Permission.TICKETS_READ))]
Configurer = Annotated[Actor, Depends(require(Permission.DESK_CONFIGURE))]
TeamId = Annotated[UUID, Path(description="The team's id")]
MemberId = Annotated[UUID, Path(description="The member's id")]
_FULL: Final = TeamHasTickets(tickets=3)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Create a team",
    responses=raises(TeamNameTaken, IdempotencyKeyReused),
)
async def create_team(
    given: TeamCreate, actor: Configurer, tx: Tx, response: Response
) -> Success[TeamRead]:
    """A team without members; its mode says who gets the tickets that enter it."""
    team = await TeamService(tx, actor).create(given)
    response.headers["location"] = f"/api/v1/teams/{team.id}"
    return versioned(actor, response, TeamRead.model_validate(team))


@router.get("", summary="List teams")
async def list_teams(actor: Reader, tx: ReadTx, page: ByCursor) -> Success[list[TeamRead]]:
    """All that are not archived, by name."""
    teams = await Teams(tx, actor.organization_id).list(page)
    return page.answer(actor, teams, TeamRead.model_validate, BY_NAME.position)


@router.get("/{team_id}", summary="Show a team", responses=raises(TeamNotFound))
async def get_team(
    team_id: TeamId, actor: Reader, tx: ReadTx, response: Response
) -> Success[TeamRead]:
    """One team, with its version as `ETag`."""
    team = await Teams(tx, actor.organization_id).get(team_id)
    return versioned(actor, response, TeamRead.model_validate(team))


@router.patch(
    "/{team_id}",
    summary="Change a team",
    responses=raises(TeamNotFound, TeamNameTaken, PreconditionFailed),
)
async def change_team(
    team_id: TeamId,
    given: TeamUpdate,
    actor: Configurer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[TeamRead]:
    """Changes the fields that are sent. A mode that assigns gives out what waits in the queue."""
    team = await TeamService(tx, actor).change(team_id, changes(given), seen_version)
    return versioned(actor, response, TeamRead.model_validate(team))


@router.delete(
    "/{team_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Archive a team",
    responses=raises(TeamNotFound, _FULL, PreconditionFailed),
)
async def archive_team(team_id: TeamId, actor: Configurer, tx: Tx, seen_version: IfMatch) -> None:
    """Only a team without unfinished tickets; the finished ones keep it."""
    await TeamService(tx, actor).archive(team_id, seen_version)


@router.get("/{team_id}/members", summary="List a team's members", responses=raises(TeamNotFound))
async def list_team_members(
    team_id: TeamId, actor: Reader, tx: ReadTx, page: ByCursor
) -> Success[list[TeamMemberRead]]:
    """Who is in the team, how much they take and have, and whether they are there."""
    await Teams(tx, actor.organization_id).get(team_id)
    members = await TeamMembers(tx, actor.organization_id).list(team_id, page, utc_now())
    return page.answer(
        actor,
        members,
        TeamMemberRead.model_validate,
        lambda row: (LONGEST_IN_TEAM.name, row.created_at, row.member_id),
    )


@router.put(
    "/{team_id}/members/{member_id}",
    summary="Take somebody into a team",
    responses=raises(TeamNotFound, MemberUnknown, CannotAttend, PreconditionFailed),
)
async def put_team_member(
    team_id: TeamId,
    member_id: MemberId,
    given: TeamMemberUpdate,
    actor: Configurer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[TeamMemberRead]:
    """Or changes how much they take. What waits in the queue goes to them if it is their turn."""
    service = TeamService(tx, actor)
    member, is_new = await service.put_member(
        team_id, UserId(member_id), given.capacity, seen_version
    )
    if is_new:
        response.status_code = status.HTTP_201_CREATED
    set_etag(response, member.version)
    row = await service.members.show(team_id, member.member_id, utc_now())
    return success(actor, TeamMemberRead.model_validate(row))


@router.delete(
    "/{team_id}/members/{member_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Let somebody go from a team",
    responses=raises(TeamNotFound, TeamMemberNotFound, PreconditionFailed),
)
async def remove_team_member(
    team_id: TeamId, member_id: MemberId, actor: Configurer, tx: Tx, seen_version: IfMatch
) -> None:
    """Their unfinished tickets of the team go back to its queue."""
    await TeamService(tx, actor).remove_member(team_id, UserId(member_id), seen_version)
