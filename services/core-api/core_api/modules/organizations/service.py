"""What other contexts may ask about members."""

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.organizations.exceptions import MemberUnknown
from core_api.modules.organizations.repository import Members
from shared_schemas.ids import OrganizationId, UserId
from shared_schemas.permissions import Permission, Role, permissions_of

__all__ = ["MemberUnknown", "member_permissions", "require_member", "require_members"]


async def require_member(
    session: AsyncSession, organization_id: OrganizationId, member_id: UserId
) -> None:
    """MemberUnknown unless the person belongs to the organization."""
    if await Members(session, organization_id).find(member_id) is None:
        raise MemberUnknown


async def require_members(
    session: AsyncSession, organization_id: OrganizationId, member_ids: Collection[UserId]
) -> None:
    """MemberUnknown unless all of them belong to the organization."""
    wanted = set(member_ids)
    if wanted and await Members(session, organization_id).among(wanted) != wanted:
        raise MemberUnknown


async def member_permissions(
    session: AsyncSession, organization_id: OrganizationId, member_id: UserId
) -> frozenset[Permission]:
    """What a member may do by the roles they last came with; nothing when there is no such one."""
    member = await Members(session, organization_id).find(member_id)
    known = {role.value for role in Role}
    return permissions_of(Role(role) for role in (member.roles if member else ()) if role in known)
