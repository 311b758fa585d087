"""Who am I, where am I, and who else is here."""

from typing import Annotated

from fastapi import APIRouter, Depends

from chassis.security.authentication import require
from chassis.web.dependencies import CurrentActor, ReadTx
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from core_api.modules.organizations.repository import OLDEST_FIRST, Members, Organizations
from core_api.modules.organizations.schemas import MemberRead, MeRead, OrganizationRead
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(tags=["organization"])

OrganizationReader = Annotated[Actor, Depends(require(Permission.ORGANIZATION_READ))]
MemberReader = Annotated[Actor, Depends(require(Permission.MEMBERS_READ))]


@router.get("/me", summary="Show who is logged in")
async def get_me(actor: CurrentActor, tx: ReadTx) -> Success[MeRead]:
    """The member behind the access token, their permissions and their organization."""
    row = await Members(tx, actor.organization_id).with_organization(actor.user_id)
    me = MeRead(
        **MemberRead.model_validate(row.Member).model_dump(),
        permissions=sorted(actor.permissions),
        organization=OrganizationRead.model_validate(row.Organization),
    )
    return success(actor, me)


@router.get("/organization", summary="Show the organization")
async def get_organization(actor: OrganizationReader, tx: ReadTx) -> Success[OrganizationRead]:
    """The organization the access token belongs to; there is no way to ask for another."""
    organization = await Organizations(tx, actor.organization_id).get()
    return success(actor, OrganizationRead.model_validate(organization))


@router.get("/members", summary="List the organization's members")
async def list_members(
    actor: MemberReader, tx: ReadTx, page: ByCursor
) -> Success[list[MemberRead]]:
    """Everybody who has logged in, the longest-standing first."""
    members = await Members(tx, actor.organization_id).list(page)
    return page.answer(actor, members, MemberRead.model_validate, OLDEST_FIRST.position)
