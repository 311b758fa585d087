"""The periodic look at every team: who is gone, what waits, and who is free for it.

What changes with a request is settled within it; this is for what changes with time: an absence
begins, ends, or has lasted too long. Any number of sweeps may run: the rotations take turns.
"""

from dataclasses import dataclass
from datetime import timedelta
from random import shuffle
from time import monotonic
from typing import Final
from uuid import UUID

import sqlalchemy as sa
import structlog

from chassis.data.columns import utc_now
from chassis.data.database import Database
from core_api.clockwork import nobody
from core_api.modules.teams.models import AssignmentSweep
from core_api.modules.teams.repository import Teams
from core_api.modules.tickets.service import TicketService
from shared_schemas.ids import OrganizationId

_log: Final = structlog.get_logger(__name__)
_ORGANIZATIONS: Final = sa.select(AssignmentSweep.organization_id)
_BUDGET: Final = timedelta(seconds=40)
"""The caller waits a minute."""


@dataclass(slots=True)
class Swept:
    """What a sweep has done."""

    taken_back: int = 0
    assigned: int = 0
    failed: int = 0


async def sweep(database: Database, request_id: str) -> Swept:
    """Every team in which something is to be done, each in a transaction of its own.

    A team that fails, say because the database stopped waiting, does not keep the others: the
    next sweep sees it again. So it does with those for which the time was too short.
    """
    swept, until = Swept(), monotonic() + _BUDGET.total_seconds()
    organizations = list(await database.worker_statement(_ORGANIZATIONS))
    shuffle(organizations)  # so that the same ones are not always the last
    for row in organizations:
        organization_id = OrganizationId(row.organization_id)
        async with database.transaction(organization_id, read_only=True) as session:
            team_ids = await Teams(session, organization_id).to_sweep(utc_now())
        for team_id in team_ids:
            if monotonic() > until:
                return swept
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
    swept.taken_back += taken_back
    swept.assigned += assigned
