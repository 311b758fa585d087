"""The sweep: goes on with every erasure that is not done, asks again who has not answered, and ends
what everybody has done.

Any number may run at once and any may be killed: each step is a transaction that does nothing the
second time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
import structlog

from chassis.data.columns import utc_now
from chassis.messaging.endurance import describe
from core_api.anchoring import Signer
from core_api.modules.erasure.finishing import finish
from core_api.modules.erasure.models import Erasure
from core_api.modules.erasure.repository import Erasures
from core_api.modules.erasure.running import HeldBack, NotGone, OutOfTime, own_part
from core_api.modules.erasure.starting import ASSISTANT, OWN_PART, ask
from core_api.modules.erasure.suppression import SuppressionLedger
from core_api.subject_stores import StoreBusy, Workshop
from shared_schemas.ids import OrganizationId

_log = structlog.get_logger(__name__)

ASK_AGAIN: Final = timedelta(minutes=15)
"""Who was down hears of it when it is back; who gave up on the event hears of it again."""
_BUDGET: Final = timedelta(seconds=40)
"""The caller waits a minute; what is left is the next sweep's."""


@dataclass(kw_only=True)
class Swept:
    """What a sweep did."""

    erased: int = 0
    """Parts of core-api's own that were finished."""
    completed: int = 0
    asked_again: int = 0
    waiting: int = 0
    """Held, busy, or in trouble: their parts say which."""


async def sweep_erasures(workshop: Workshop, signer: Signer) -> Swept:
    """Every organization's, the oldest first."""
    swept, until = Swept(), monotonic() + _BUDGET.total_seconds()
    for organization_id, erasure_id in await _open(workshop):
        if monotonic() > until:
            break
        await advance(workshop, signer, organization_id, erasure_id, swept, until=until)
    return swept


async def advance(
    workshop: Workshop,
    signer: Signer,
    organization_id: OrganizationId,
    erasure_id: UUID,
    swept: Swept,
    *,
    until: float = float("inf"),
) -> None:
    """One erasure, as far as it goes now. What stops it is noted and no error of the others'."""
    ledger = SuppressionLedger(workshop.storage, signer)
    try:
        part = await own_part(workshop, ledger, organization_id, erasure_id, until=until)
        if not part.is_done:
            await part.run()
            swept.erased += 1
        if await part.others_answered():
            await part.destroy_key()
        swept.asked_again += await _ask_again(workshop, organization_id, erasure_id)
        swept.completed += await finish(workshop, signer, organization_id, erasure_id)
    except OutOfTime:
        return
    except Exception as error:  # noqa: BLE001 - whatever stopped it is shown, and tried again
        swept.waiting += 1
        await _note_problem(workshop, organization_id, erasure_id, error)


async def _open(workshop: Workshop) -> Sequence[tuple[OrganizationId, UUID]]:
    statement = (
        sa.select(Erasure.organization_id, Erasure.id)
        .where(Erasure.completed_at.is_(None))
        .order_by(Erasure.id)
    )
    rows: Sequence[Any] = await workshop.database.worker_statement(statement)
    return [(OrganizationId(row.organization_id), row.id) for row in rows]


async def _note_problem(
    workshop: Workshop, organization_id: OrganizationId, erasure_id: UUID, error: Exception
) -> None:
    problem = _problem(error)
    _log.warning(
        "erasure_waits",
        erasure_id=str(erasure_id),
        problem=problem,
        cause=describe(error),
        exc_info=None if problem != "unavailable" else error,
    )
    async with workshop.database.transaction(organization_id) as tx:
        part = await Erasures(tx, organization_id).part_for_update(erasure_id, OWN_PART)
        if part is not None:
            part.attempts += 1
            part.tried_at = utc_now()
            part.problem = problem


def _problem(error: Exception) -> str:
    """A code people and programs can read; never what an error says."""
    match error:
        case HeldBack():
            return "legal_hold"
        case StoreBusy():
            return "busy"
        case NotGone():
            return f"not_gone:{error.store}"
        case _:
            return "unavailable"


async def _ask_again(workshop: Workshop, organization_id: OrganizationId, erasure_id: UUID) -> int:
    """The others, when they have not answered for a while; how many."""
    async with workshop.database.transaction(organization_id) as tx:
        erasures = Erasures(tx, organization_id)
        part = await erasures.part_for_update(erasure_id, ASSISTANT)
        if part is None or part.done_at is not None:
            return 0
        if part.tried_at is not None and utc_now() - part.tried_at < ASK_AGAIN:
            return 0
        part.problem = "no_answer"
        await ask(tx, await erasures.get(erasure_id))
        return 1
