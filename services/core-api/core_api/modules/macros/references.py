"""What the actions of a macro name: it has to be there when the macro is saved."""

from collections.abc import Awaitable, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.errors import DomainError, InvalidInput
from core_api.modules.categories.service import require_category
from core_api.modules.macros.schemas import Action, Assign, SetCategory, SetTeam
from core_api.modules.organizations.service import require_member
from core_api.modules.teams.roster import require_team
from shared_schemas.errors import ErrorDetail
from shared_schemas.ids import OrganizationId


async def require_references(
    tx: AsyncSession, organization_id: OrganizationId, actions: Sequence[Action]
) -> None:
    """InvalidInput naming every action whose team, category or member does not exist.

    Later it may be gone all the same: applying the macro says so then.
    """
    details = []
    for position, action in enumerate(actions):
        field, check = _check_of(tx, organization_id, action)
        if check is None:
            continue
        try:
            await check
        except DomainError as error:
            named = f"body.actions.{position}.{field}"
            details.append(ErrorDetail(field=named, message=str(error), type=error.code))
    if details:
        raise InvalidInput(details=details)


def _check_of(
    tx: AsyncSession, organization_id: OrganizationId, action: Action
) -> tuple[str, Awaitable[Any] | None]:
    """The field that names something, and what finds out whether it is there."""
    match action:
        case SetCategory(category_id=category_id) if category_id is not None:
            return "category_id", require_category(tx, organization_id, category_id)
        case SetTeam(team_id=team_id) if team_id is not None:
            return "team_id", require_team(tx, organization_id, team_id)
        case Assign(assignee_id=assignee_id) if assignee_id is not None and assignee_id != "me":
            return "assignee_id", require_member(tx, organization_id, assignee_id)
    return "", None
