"""What other contexts may ask about members."""

from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.organizations.exceptions import MemberUnknown
from core_api.modules.organizations.repository import Members
from shared_schemas.ids import OrganizationId, UserId

__all__ = ["MemberUnknown", "require_member"]


async def require_member(
    session: AsyncSession, organization_id: OrganizationId, member_id: UserId
) -> None:
    """MemberUnknown unless the person belongs to the organization."""
    if await Members(session, organization_id).find(member_id) is None:
        raise MemberUnknown
