"""Which team a ticket is in, and who of it takes care of it: the two have to fit."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.organizations.service import require_member
from core_api.modules.teams.roster import is_in_team, require_team
from core_api.modules.tickets.models import Ticket
from shared_schemas.ids import OrganizationId, UserId


async def placed(
    tx: AsyncSession,
    organization_id: OrganizationId,
    ticket: Ticket | None,
    values: dict[str, Any],
) -> dict[str, Any]:
    """The values with what follows from them, or MemberUnknown, TeamNotFound, NotInTeam.

    A ticket that enters another team leaves whoever is not in it, unless somebody is named. Team
    and member then stay until the commit. `ticket`: None for one that is being opened.
    """
    named: UserId | None = values.get("assignee_id")
    if named is not None:
        await require_member(tx, organization_id, named)
    before = None if ticket is None else ticket.team_id
    team_id = values.get("team_id", before)
    if team_id is None or (team_id == before and named is None):
        return values
    await require_team(tx, organization_id, team_id, named)
    holder = None if ticket is None else ticket.assignee_id
    if "assignee_id" in values or holder is None:
        return values
    if await is_in_team(tx, organization_id, team_id, holder):
        return values
    return {**values, "assignee_id": None}
