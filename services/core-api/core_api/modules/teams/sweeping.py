"""The periodic look at every team: who is gone, what waits, and who is free for it.

What changes with a request is settled within it; this is for what changes with time: an absence
begins, ends, or has lasted too long. Any number of sweeps may run: the rotations take turns.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import sqlalchemy as sa
import structlog

from chassis.data.database import Database
from core_api.clockwork import nobody
from core_api.modules.teams.models import AssignmentSweep
from core_api.modules.teams.repository import Teams
from core_api.modules.tickets.service import TicketService
from shared_schemas.ids import OrganizationId

_log: Final = structlog.get_logger(__name__)
_ORGANIZATIONS: Final = sa.select(AssignmentSweep.organization_id).order_by(
    AssignmentSweep.organization_id
)


@dataclass(slots=True)
class Swept:
    """What a sweep has done."""

    teams: int = 0
    taken_back: int = 0
    assigned: int = 0
    failed: int = 0


async def sweep(database: Database, request_id: str) -> Swept:
    """Every team of every organization, each in a transaction of its own.

    A team that fails, say because the database stopped waiting, does not keep the others: the
    next sweep sees it again.
    """
    swept = Swept()
    for row in await database.worker_statement(_ORGANIZATIONS):
        organization_id = OrganizationId(row.organization_id)
        async with database.transaction(organization_id, read_only=True) as session:
            team_ids = await Teams(session, organization_id).ids()
        for team_id in team_ids:
            await _sweep_team(database, organization_id, team_id, request_id, swept)
    return swept


async def _sweep_team(
    database: Database,
    organization_id: OrganizationId,
    team_id: UUID,
    request_id: str,
    swept: Swept,
) -> None:
    actor = nobody(organization_id, request_id)
    try:
        async with database.transaction(organization_id) as session:
            queue = TicketService(session, actor).queue
            taken_back = await queue.recover(team_id)
            assigned = await queue.settle([team_id], most=None)
    except Exception:  # noqa: BLE001 - whatever it was is logged, and the others go on
        _log.exception("team_not_swept", team_id=str(team_id))
        swept.failed += 1
        return
    swept.teams += 1
    swept.taken_back += taken_back
    swept.assigned += assigned
