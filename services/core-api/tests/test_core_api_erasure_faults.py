"""Erasing is killed at every boundary, done by two at once, held back, and left waiting: it ends
once, and claims nothing that did not happen."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from core_api_factories import CLIENTS, INTERNAL_KEY, Person
from core_api_records import Records
from erasure_factories import (
    CPF,
    ERASURES,
    MARKERS,
    answer_of,
    execute,
    go_on,
    import_file,
    lift_hold,
    place_hold,
    plant,
    rows_with,
    sweep,
)
from privacy_factories import REQUESTS, make_proven

from chassis.data.database import Database
from chassis.data.object_storage import ObjectStorage
from core_api.modules.erasure import running
from core_api.modules.erasure.finishing import note_answer
from core_api.modules.erasure.suppression import SuppressionLedger
from core_api.subject_stores import Store, Subject, Tally, Workshop
from core_api.workplace import Workplace
from devstack.people import AURORA
from shared_schemas.ids import OrganizationId, new_id

pytestmark = pytest.mark.committed
TENANT = OrganizationId(AURORA.id)
ASSISTANT = {"x-internal-key": INTERNAL_KEY, "x-source-service": "worker-svc"}


class Killed(BaseException):
    """The process is gone: nothing of ours catches it."""


@dataclass(frozen=True)
class Deadly:
    """A store during or after whose work the process is killed, once."""

    store: Store
    kills: list[str]
    when: str

    @property
    def name(self) -> str:
        return self.store.name

    @property
    def label(self) -> str:
        return self.store.label

    @property
    def action(self) -> Any:
        return self.store.action

    @property
    def ground(self) -> str | None:
        return self.store.ground

    async def count(self, workshop: Workshop, subject: Subject) -> int:
        return await self.store.count(workshop, subject)

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        if self.when == "before":
            self._maybe_die()
        done = await self.store.erase_batch(workshop, subject, tally)
        if self.when == "after" and done:
            self._maybe_die()
        return done

    async def prove(self, workshop: Workshop, subject: Subject) -> int:
        if self.when == "proving":
            self._maybe_die()
        return await self.store.prove(workshop, subject)

    def _maybe_die(self) -> None:
        if self.name in self.kills:
            self.kills.remove(self.name)
            raise Killed(self.name)


@pytest.fixture(autouse=True)
async def _empty(workplace: Workplace) -> None:
    await workplace.storage.delete_prefix("")


@pytest.fixture
def deadly(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Puts a killer before, after or behind every store."""

    def arm(when: str) -> list[str]:
        kills = [store.name for store in running.FIRST_STORES] + [running.LAST_STORE.name]
        stores = tuple(Deadly(store, kills, when) for store in running.FIRST_STORES)
        monkeypatch.setattr(running, "FIRST_STORES", stores)
        monkeypatch.setattr(running, "LAST_STORE", Deadly(running.LAST_STORE, kills, when))
        return kills

    return arm


async def answered(database: Database, erasure: dict[str, Any], **changes: Any) -> None:
    async with database.transaction(TENANT) as tx:
        await note_answer(tx, answer_of(erasure, **changes))


@pytest.mark.parametrize("when", ["before", "after", "proving"])
async def test_killed_at_every_boundary_it_ends_once_with_the_right_counts(
    ana: Person,
    workshop: Workshop,
    workplace: Workplace,
    database: Database,
    superuser: asyncpg.Connection,
    records: Records,
    deadly: Callable[[str], list[str]],
    when: str,
) -> None:
    planted = await plant(ana)
    erasure = await execute(ana, planted)
    kills, deaths = deadly(when), 0
    await answered(database, erasure)

    while True:
        try:
            swept = await go_on(workshop, workplace, erasure["id"])
        except Killed:
            deaths += 1
            continue
        assert swept.waiting == 0
        break

    assert deaths >= 10
    assert swept.completed == 1
    if when != "after":
        assert kills == []
    done = await ana.seen(f"{ERASURES}/{erasure['id']}")
    own = next(part for part in done["parts"] if part["service"] == "core-api")
    assert (own["erased"]["tickets"], own["erased"]["ticket_messages"]) == (3, 3)
    assert (own["erased"]["attachments"], own["erased"]["client_notes"]) == (3, 1)
    assert own["erased"]["subject_keys"] == 1
    for place in ("name", "former name", "subject", "message", "edited"):
        assert await rows_with(superuser, MARKERS[place]) == {}, place
    assert len(await records.events("privacy.erasure_completed")) == 1
    assert (await sweep(workshop, workplace)).completed == 0


async def test_killed_before_the_tombstone_it_is_written_and_the_key_goes_after_it(
    ana: Person,
    workshop: Workshop,
    workplace: Workplace,
    database: Database,
    superuser: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planted = await plant(ana, tickets=1)
    erasure = await execute(ana, planted)
    await answered(database, erasure)

    async def dies(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(SuppressionLedger, "keep", dies)
        with pytest.raises(Killed):
            await go_on(workshop, workplace, erasure["id"])
    keys = "SELECT count(*) FROM crm.subject_keys WHERE client_id = $1::uuid"
    assert await superuser.fetchval(keys, planted.id) == 1

    await go_on(workshop, workplace, erasure["id"])

    assert await superuser.fetchval(keys, planted.id) == 0
    folder = f"suppression-ledger/{AURORA.id}"
    assert [listed.key async for listed in workplace.storage.list(folder)] != []


async def test_until_the_last_service_has_answered_the_key_is_kept_and_says_who_it_was(
    ana: Person,
    workshop: Workshop,
    workplace: Workplace,
    database: Database,
    superuser: asyncpg.Connection,
) -> None:
    planted = await plant(ana, tickets=1)
    erasure = await execute(ana, planted)
    keys = "SELECT count(*) FROM crm.subject_keys WHERE client_id = $1::uuid"
    query = {
        "organization_id": str(AURORA.id),
        "privacy_request_id": erasure["privacy_request_id"],
    }

    async def told() -> dict[str, Any]:
        answer = await ana.http.post(
            "/internal/v1/erasures/known-values", headers=ASSISTANT, json=query
        )
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    await go_on(workshop, workplace, erasure["id"])

    (waiting,) = await ana.seen(ERASURES, client_id=planted.id)
    done = {part["service"]: part["done_at"] is not None for part in waiting["parts"]}
    assert done == {"core-api": True, "ai-svc": False}
    assert await superuser.fetchval(keys, planted.id) == 1
    known = await told()
    assert known == {
        "names": [f"{MARKERS['former name']} da Silva", f"{MARKERS['name']} da Silva"],
        "documents": [CPF],
        "emails": [MARKERS["email"]],
        "phones": [{"country": "55", "national": MARKERS["phone"][2:]}],
        "ceps": [],
    }

    await answered(database, erasure)
    await go_on(workshop, workplace, erasure["id"])

    assert await superuser.fetchval(keys, planted.id) == 0
    assert not any((await told()).values())


async def test_two_at_once_erase_once(
    ana: Person,
    workshop: Workshop,
    workplace: Workplace,
    database: Database,
    records: Records,
) -> None:
    planted = await plant(ana, tickets=5)
    erasure = await execute(ana, planted)
    await answered(database, erasure)

    await asyncio.gather(*(go_on(workshop, workplace, erasure["id"]) for _ in range(3)))
    await sweep(workshop, workplace)

    done = await ana.seen(f"{ERASURES}/{erasure['id']}")
    assert done["status"] == "completed"
    own = next(part for part in done["parts"] if part["service"] == "core-api")
    assert (own["erased"]["tickets"], own["erased"]["ticket_messages"]) == (5, 5)
    assert own["erased"]["attachments"] == 5
    assert len(await records.events("privacy.erasure_completed")) == 1
    assert len(await records.audit("erasure.completed")) == 1


async def test_a_service_that_does_not_answer_keeps_the_request_open_and_is_asked_again(
    ana: Person,
    workshop: Workshop,
    workplace: Workplace,
    database: Database,
    superuser: asyncpg.Connection,
    records: Records,
) -> None:
    planted = await plant(ana, tickets=1)
    erasure = await execute(ana, planted)

    assert (await sweep(workshop, workplace)).erased == 1

    request = await ana.seen(f"{REQUESTS}/{planted.request_id}")
    assert (request["status"], request["receipt"]) == ("executing", None)
    waiting = await ana.seen(f"{ERASURES}/{erasure['id']}")
    done = {part["service"]: part["done_at"] is not None for part in waiting["parts"]}
    assert (waiting["status"], done) == ("erasing", {"ai-svc": False, "core-api": True})
    assert len(await records.events("privacy.erasure_requested")) == 1
    await superuser.execute("UPDATE crm.erasure_parts SET tried_at = now() - interval '16 minutes'")
    assert (await sweep(workshop, workplace)).asked_again == 1
    first, second = await records.events("privacy.erasure_requested")
    assert first["payload"] == second["payload"]
    await answered(database, erasure)
    await answered(database, erasure, erased={"chunks": 99})  # told twice
    assert (await sweep(workshop, workplace)).completed == 1
    receipt = (await ana.seen(f"{REQUESTS}/{planted.request_id}"))["receipt"]
    assert receipt["statement"]["services"][0]["erased"] == {"chunks": 3}


async def test_an_answer_to_something_else_changes_nothing(
    ana: Person, workshop: Workshop, workplace: Workplace, database: Database
) -> None:
    planted = await plant(ana, tickets=1)
    erasure = await execute(ana, planted)
    await sweep(workshop, workplace)

    await answered(database, erasure, privacy_request_id=new_id())
    await answered(database, erasure, client_id=new_id())
    await answered(database, erasure, service="another")
    await answered(database, erasure, service="core-api")

    assert (await sweep(workshop, workplace)).completed == 0


async def test_a_legal_hold_stops_an_erasure_before_it_begins(
    ana: Person, workshop: Workshop, workplace: Workplace
) -> None:
    planted = await plant(ana, tickets=1)
    hold = await place_hold(ana, planted.id)
    request = await make_proven(ana, client_id=planted.id, type="erasure")

    refused = await ana.post(f"{REQUESTS}/{request['id']}/execute", {})

    assert (refused.status_code, refused.json()["code"]) == (409, "LEGAL_HOLD_STANDS")
    assert MARKERS["hold"] not in refused.text
    assert await ana.seen(ERASURES) == []
    preview = await ana.seen(f"{CLIENTS}/{planted.id}/erasure-preview")
    assert preview["obstacles"] == ["legal_hold"]
    assert preview["legal_holds"][0]["id"] == hold["id"]
    await lift_hold(ana, hold["id"])
    await ana.made(f"{REQUESTS}/{request['id']}/execute", {})
    assert (await sweep(workshop, workplace)).erased == 1


async def test_a_legal_hold_stops_an_erasure_that_has_begun_and_is_seen_to(
    ana: Person,
    workshop: Workshop,
    workplace: Workplace,
    database: Database,
    superuser: asyncpg.Connection,
) -> None:
    planted = await plant(ana)
    erasure = await execute(ana, planted)
    hold = await place_hold(ana, planted.id)

    swept = await sweep(workshop, workplace)

    assert (swept.waiting, swept.erased) == (1, 0)
    shown = await ana.seen(f"{ERASURES}/{erasure['id']}")
    assert (shown["status"], shown["legal_holds"][0]["id"]) == ("held", hold["id"])
    own = next(part for part in shown["parts"] if part["service"] == "core-api")
    assert (own["problem"], own["done_at"]) == ("legal_hold", None)
    assert await rows_with(superuser, MARKERS["subject"]) != {}
    await lift_hold(ana, hold["id"])
    await answered(database, erasure)
    assert (await sweep(workshop, workplace)).completed == 1
    for place in ("subject", "hold"):
        assert await rows_with(superuser, MARKERS[place]) == {}


async def test_who_is_being_erased_does_not_become_another_client(ana: Person) -> None:
    planted = await plant(ana, tickets=1)
    other = await ana.made(CLIENTS, {"name": "Outra Pessoa"})
    await execute(ana, planted)

    into, taken = (
        await ana.post(f"{CLIENTS}/{other['id']}/merge", {"other_id": planted.id}),
        await ana.post(f"{CLIENTS}/{planted.id}/merge", {"other_id": other["id"]}),
    )

    for refused in (into, taken):
        assert (refused.status_code, refused.json()["code"]) == (409, "ERASURE_UNDER_WAY")


async def test_a_storage_that_is_down_leaves_it_open_and_nothing_claimed(
    ana: Person,
    workshop: Workshop,
    workplace: Workplace,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planted = await plant(ana)
    erasure = await execute(ana, planted)
    await answered(database, erasure)

    async def fails(*_: Any) -> None:
        raise OSError("no storage")

    with monkeypatch.context() as patched:
        patched.setattr(ObjectStorage, "delete", fails)
        swept = await sweep(workshop, workplace)

    assert (swept.waiting, swept.completed) == (1, 0)
    shown = await ana.seen(f"{ERASURES}/{erasure['id']}")
    own = next(part for part in shown["parts"] if part["service"] == "core-api")
    assert (own["problem"], own["done_at"], own["attempts"]) == ("unavailable", None, 1)
    steps = {step["store"]: step for step in shown["steps"]}
    assert steps["clients"]["proven_at"] is not None
    assert "attachments" not in steps
    assert (await sweep(workshop, workplace)).completed == 1


async def test_what_is_still_there_is_not_said_to_be_gone(
    ana: Person,
    workshop: Workshop,
    workplace: Workplace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planted = await plant(ana, tickets=1)
    erasure = await execute(ana, planted)

    async def says_nothing_is_left(*_: Any) -> int:
        return 0

    notes = next(store for store in running.FIRST_STORES if store.name == "client_notes")
    with monkeypatch.context() as patched:
        patched.setattr(type(notes), "erase_batch", says_nothing_is_left)
        await sweep(workshop, workplace)

    shown = await ana.seen(f"{ERASURES}/{erasure['id']}")
    own = next(part for part in shown["parts"] if part["service"] == "core-api")
    assert own["done_at"] is None
    assert own["problem"].startswith("not_gone:")


async def test_a_file_that_is_being_imported_is_waited_for(
    ana: Person,
    workshop: Workshop,
    workplace: Workplace,
    database: Database,
    superuser: asyncpg.Connection,
) -> None:
    planted = await plant(ana, tickets=1)
    import_id = await import_file(ana)
    plan = {"dry_run": True}
    started = await ana.post(f"/api/v1/client-imports/{import_id}/start", plan)
    assert started.status_code == 202, started.text
    erasure = await execute(ana, planted)
    await answered(database, erasure)

    await sweep(workshop, workplace)

    shown = await ana.seen(f"{ERASURES}/{erasure['id']}")
    own = next(part for part in shown["parts"] if part["service"] == "core-api")
    assert own["problem"] == "busy"
    await superuser.execute(
        "UPDATE crm.client_import_runs SET state = 'succeeded', finished_at = now()"
    )
    assert (await sweep(workshop, workplace)).completed == 1
