"""What a killed process had set aside for the triage of a ticket: ended by who goes on with it."""

import asyncpg
import pytest
from access_factories import AURORA
from ai_svc_triaging import NO_PAUSE, Desk
from ai_svc_usage import Caller
from ai_svc_with_core_api import Beside

from ai_svc.modules.triage.working import TRIAGES_TABLE
from ai_svc.modules.usage.service import Reservation, settle
from chassis.messaging.job_queue import JobQueue
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed


@pytest.fixture
async def desk(both: Beside, superuser: asyncpg.Connection) -> Desk:
    """aurora's, where the assistant may use what clients say."""
    desk = Desk(both, superuser)
    await desk.allow()
    return desk


async def lost(desk: Desk) -> Reservation:
    """A ticket's, whose process died while the model was asked."""
    await desk.ticket("IPTU", "Onde imprimo o boleto?")
    queue = JobQueue(desk.both.workshop.database, TRIAGES_TABLE, backoff=NO_PAUSE)
    (job,) = await queue.claim("killed", 1)
    return await nobodys(desk).reserves(use="triage", run_id=job.id)


def nobodys(desk: Desk) -> Caller:
    """Calls for no person."""
    return Caller(desk.both.workshop.database, AURORA, None)


async def states(desk: Desk) -> dict[str, tuple[str, int]]:
    rows = await desk.superuser.fetch("SELECT * FROM ai.usage_entries")
    return {str(row["id"]): (row["state"], row["input_tokens"]) for row in rows}


async def test_who_takes_the_ticket_over_ends_what_was_set_aside(desk: Desk) -> None:
    reservation = await lost(desk)
    another = await nobodys(desk).reserves(use="triage", run_id=new_id())
    await desk.triage()
    assert (await states(desk))[str(reservation.id)] == ("reserved", 60)  # its lease holds

    await desk.revived()
    await desk.triage()

    assert await states(desk) == {
        str(reservation.id): ("expired", 60),
        str(another.id): ("reserved", 60),
    }
    assert await desk.states() == [("proposed", None, "succeeded")]


async def test_who_was_only_slow_settles_what_was_really_used(desk: Desk) -> None:
    reservation = await lost(desk)
    await desk.revived()
    await desk.triage()

    await settle(desk.both.workshop.database, reservation, input_tokens=7, output_tokens=3)

    assert await states(desk) == {str(reservation.id): ("settled", 7)}
