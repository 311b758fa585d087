"""Two at once, a process killed between core-api's answer and our row, core-api down: one write."""

import asyncio
from collections import Counter
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx
import pytest
from ai_svc_factories import Person
from ai_svc_with_core_api import Beside, killed
from core_api_factories import make_ticket
from proposal_factories import PATH, PersonOf

from ai_svc.modules.proposals import service as proposals

pytestmark = pytest.mark.committed
WRITES: Final = {"POST", "PATCH"}


@pytest.fixture
def bruno(person: PersonOf) -> Person:
    """Attendant at aurora, at ai-svc."""
    return person("bruno")


class Case:
    """A proposal of one kind, and how often it was done."""

    def __init__(self, both: Beside, skill: str, ticket: dict[str, Any], proposal_id: UUID) -> None:
        self.both = both
        self.skill = skill
        self.ticket = ticket
        self.proposal_id = proposal_id

    async def done(self) -> int:
        """How often core-api has done it."""
        at = self.both.at_core_api("bruno")
        path = f"/api/v1/tickets/{self.ticket['id']}"
        if self.skill == "draft_reply":
            return len(await at.seen(f"{path}/messages"))
        if self.skill == "create_ticket":
            return len(await at.seen("/api/v1/tickets")) - 1
        now = await at.seen(path)
        assert now["version"] - self.ticket["version"] in {0, 1}
        return int(now["version"] - self.ticket["version"])

    async def confirm(self) -> Any:
        """By its own function, as bruno."""
        workshop = self.both.workshop
        return await proposals.confirm(
            workshop.database,
            workshop.core_api,
            self.both.actor("bruno"),
            self.both.token("bruno"),
            self.proposal_id,
        )


@pytest.fixture(params=["draft_reply", "create_ticket", "propose_triage"])
async def case(request: pytest.FixtureRequest, both: Beside) -> Case:
    """Each kind of change."""
    ticket = await make_ticket(both.at_core_api("bruno"))
    given: dict[str, Any] = {
        "draft_reply": {"ticket_id": ticket["id"], "body": "Olá, Júlia."},
        "create_ticket": {"client_id": ticket["client_id"], "subject": "A", "description": "B"},
        "propose_triage": {"ticket_id": ticket["id"], "priority": "urgent"},
    }[request.param]
    proposal_id = await both.proposed("bruno", request.param, **given)
    return Case(both, request.param, ticket, proposal_id)


async def free(superuser: asyncpg.Connection) -> None:
    """The leases of killed processes have run out."""
    await superuser.execute("UPDATE ai.proposals SET leased_until = now() - interval '1 second'")


async def test_of_many_at_once_one_executes(case: Case, bruno: Person) -> None:
    path = f"{PATH}/{case.proposal_id}/confirm"

    answers = await asyncio.gather(*(bruno.post(path) for _ in range(10)))

    said = Counter(answer.status_code for answer in answers)
    assert set(said) <= {200, 409}
    assert said[200] >= 1
    assert len(case.both.wire.writes()) == 1
    assert await case.done() == 1
    assert (await bruno.post(path)).json()["data"]["status"] == "confirmed"


async def test_confirmed_and_declined_at_once_is_one_of_both(case: Case, bruno: Person) -> None:
    path = f"{PATH}/{case.proposal_id}"

    confirmed, declined = await asyncio.gather(
        bruno.post(f"{path}/confirm"), bruno.post(f"{path}/decline")
    )

    assert {confirmed.status_code, declined.status_code} == {200, 409}
    assert await case.done() == int(confirmed.status_code == 200)


async def test_killed_after_core_api_has_done_it(
    case: Case, superuser: asyncpg.Connection, bruno: Person
) -> None:
    path = f"{PATH}/{case.proposal_id}"
    case.both.wire.after = lambda request: (
        asyncio.CancelledError() if request.method in WRITES else None
    )
    await killed(case.confirm())
    assert await case.done() == 1
    case.both.wire.after = lambda _: None
    busy = await bruno.post(f"{path}/confirm")
    await free(superuser)

    again = await bruno.post(f"{path}/confirm")

    assert (busy.status_code, busy.json()["code"]) == (409, "PROPOSAL_BUSY")
    assert again.json()["data"]["status"] == "confirmed"
    assert again.json()["data"]["result"]
    assert await case.done() == 1


async def test_killed_before_core_api_was_asked(
    case: Case, superuser: asyncpg.Connection, bruno: Person
) -> None:
    case.both.wire.before = lambda request: (
        asyncio.CancelledError() if request.method in WRITES else None
    )
    await killed(case.confirm())
    assert await case.done() == 0
    case.both.wire.before = lambda _: None
    await free(superuser)

    again = await bruno.post(f"{PATH}/{case.proposal_id}/confirm")

    assert again.json()["data"]["status"] == "confirmed"
    assert await case.done() == 1


async def test_an_answer_that_is_lost_is_asked_for_again(case: Case, bruno: Person) -> None:
    path = f"{PATH}/{case.proposal_id}/confirm"
    case.both.wire.after = lambda request: (
        httpx.ReadError("cut") if request.method in WRITES else None
    )
    lost = await bruno.post(path)
    case.both.wire.after = lambda _: None

    again = await bruno.post(path)

    assert lost.status_code == 503
    assert again.json()["data"]["status"] == "confirmed"
    assert await case.done() == 1


async def test_core_api_being_down_leaves_it_to_be_confirmed(case: Case, bruno: Person) -> None:
    path = f"{PATH}/{case.proposal_id}"
    case.both.wire.before = lambda _: httpx.ConnectError("down")
    down = await bruno.post(f"{path}/confirm")
    case.both.wire.before = lambda _: None

    again = await bruno.post(f"{path}/confirm")

    assert down.status_code == 503
    assert again.json()["data"]["status"] == "confirmed"
    assert await case.done() == 1


@pytest.mark.parametrize("status", [401, 429])
async def test_a_refusal_for_now_leaves_it_pending(case: Case, bruno: Person, status: int) -> None:
    path = f"{PATH}/{case.proposal_id}"
    refused = httpx.Response(status, json={"code": "X", "message": "Y"})
    case.both.wire.before = lambda _: refused

    answer = await bruno.post(f"{path}/confirm")

    shown = await bruno.get(path)
    assert answer.status_code == status
    assert shown.json()["data"]["status"] == "pending"


async def test_who_was_late_writes_nothing(
    case: Case, superuser: asyncpg.Connection, bruno: Person
) -> None:
    """A process that slept past its lease finds that another has ended it."""
    path = f"{PATH}/{case.proposal_id}/confirm"
    slept, awake = asyncio.Event(), asyncio.Event()
    forward = case.both.wire.handle_async_request

    async def slowly(request: httpx.Request) -> httpx.Response:
        answer = await forward(request)
        if request.method in WRITES and not slept.is_set():
            slept.set()
            await awake.wait()
        return answer

    case.both.wire.handle_async_request = slowly  # type: ignore[method-assign]  # only here
    first = asyncio.create_task(bruno.post(path))
    await slept.wait()
    await free(superuser)
    second = await bruno.post(path)
    awake.set()

    assert second.json()["data"]["status"] == "confirmed"
    assert (await first).json()["data"] == second.json()["data"]
    assert await case.done() == 1
    assert (await bruno.post(path)).json()["data"] == second.json()["data"]


async def test_who_was_late_does_not_put_back_what_another_executes(
    case: Case, superuser: asyncpg.Connection, bruno: Person
) -> None:
    path = f"{PATH}/{case.proposal_id}"
    arrived = [asyncio.Event(), asyncio.Event()]
    go_on = [asyncio.Event(), asyncio.Event()]
    forward = case.both.wire.handle_async_request
    turns = iter(range(2))

    async def in_turns(request: httpx.Request) -> httpx.Response:
        if request.method not in WRITES:
            return await forward(request)
        turn = next(turns)
        arrived[turn].set()
        await go_on[turn].wait()
        return await forward(request) if turn else httpx.Response(401, json={})

    case.both.wire.handle_async_request = in_turns  # type: ignore[method-assign]  # only here
    late = asyncio.create_task(bruno.post(f"{path}/confirm"))
    await arrived[0].wait()
    await free(superuser)
    other = asyncio.create_task(bruno.post(f"{path}/confirm"))
    await arrived[1].wait()
    go_on[0].set()
    refused = await late
    meanwhile = (await bruno.get(path)).json()["data"]["status"]
    go_on[1].set()

    assert refused.status_code == 401
    assert meanwhile == "executing"
    assert (await other).json()["data"]["status"] == "confirmed"
    assert await case.done() == 1


async def test_a_ticket_that_somebody_changed_meanwhile_is_not_changed(
    both: Beside, bruno: Person
) -> None:
    at = both.at_core_api("ana")
    ticket = await make_ticket(at)
    path = f"/api/v1/tickets/{ticket['id']}"
    proposal_id = await both.proposed(
        "bruno", "propose_triage", ticket_id=ticket["id"], priority="urgent"
    )
    await at.patch(path, {"priority": "low"})

    done = (await bruno.post(f"{PATH}/{proposal_id}/confirm")).json()["data"]

    assert (done["status"], done["error_code"]) == ("failed", "PROPOSAL_OUTDATED")
    assert (await at.seen(path))["priority"] == "low"


async def test_a_ticket_that_was_changed_elsewhere_is_changed(both: Beside, bruno: Person) -> None:
    at = both.at_core_api("ana")
    ticket = await make_ticket(at)
    path = f"/api/v1/tickets/{ticket['id']}"
    proposal_id = await both.proposed(
        "bruno", "propose_triage", ticket_id=ticket["id"], priority="urgent"
    )
    await at.patch(path, {"tags": ["certidão"]})

    done = (await bruno.post(f"{PATH}/{proposal_id}/confirm")).json()["data"]

    after = await at.seen(path)
    assert done["status"] == "confirmed"
    assert (after["priority"], after["tags"]) == ("urgent", ["certidão"])


@pytest.mark.parametrize(
    ("change", "status", "priority"),
    [({"priority": "low"}, "failed", "low"), ({"tags": ["x"]}, "confirmed", "urgent")],
)
async def test_a_ticket_that_is_changed_in_that_very_moment(
    both: Beside, bruno: Person, change: dict[str, Any], status: str, priority: str
) -> None:
    at = both.at_core_api("ana")
    ticket = await make_ticket(at)
    path = f"/api/v1/tickets/{ticket['id']}"
    proposal_id = await both.proposed(
        "bruno", "propose_triage", ticket_id=ticket["id"], priority="urgent"
    )
    forward = both.wire.handle_async_request
    changes = iter([change])

    async def overtaken(request: httpx.Request) -> httpx.Response:
        if request.method in WRITES and (first := next(changes, None)):
            await at.patch(path, first)
        return await forward(request)

    both.wire.handle_async_request = overtaken  # type: ignore[method-assign]  # only here

    done = (await bruno.post(f"{PATH}/{proposal_id}/confirm")).json()["data"]

    assert done["status"] == status
    assert (await at.seen(path))["priority"] == priority


async def test_a_change_that_was_taken_back_after_a_crash_is_not_made_again(
    both: Beside, bruno: Person, superuser: asyncpg.Connection
) -> None:
    at = both.at_core_api("ana")
    ticket = await make_ticket(at)
    path = f"/api/v1/tickets/{ticket['id']}"
    proposal_id = await both.proposed(
        "bruno", "propose_triage", ticket_id=ticket["id"], priority="urgent"
    )
    case = Case(both, "propose_triage", ticket, proposal_id)
    both.wire.after = lambda request: asyncio.CancelledError() if request.method in WRITES else None
    await killed(case.confirm())
    both.wire.after = lambda _: None
    await at.patch(path, {"priority": "normal"})
    await free(superuser)

    done = (await bruno.post(f"{PATH}/{proposal_id}/confirm")).json()["data"]

    assert (done["status"], done["error_code"]) == ("failed", "PROPOSAL_OUTDATED")
    assert (await at.seen(path))["priority"] == "normal"
