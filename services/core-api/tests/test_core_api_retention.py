"""Retention looks at every client once a day; what is due becomes a request, exactly once."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from core_api_factories import (
    CLIENTS,
    INTERNAL_KEY,
    Person,
    make_client,
    make_consent,
    make_purpose,
    make_ticket,
    without_request_id,
)
from core_api_records import Records

from chassis.data.columns import utc_now
from chassis.data.database import Database
from core_api.modules.retention.running import RetentionSweep
from devstack.people import AURORA
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed
SERVICE = {"x-source-service": "worker-svc", "x-internal-key": INTERNAL_KEY}
PREVIEW, RUNS = "/api/v1/retention-preview", "/api/v1/retention-runs"


async def retention(person: Person, code: str, **changes: Any) -> dict[str, Any]:
    """A purpose on another basis than consent: it is about everybody."""
    given = {
        "code": code,
        "legal_basis": "contract",
        "retention_days": 100,
        "retention_from": "collection",
        "retention_then": "delete",
    }
    return await make_purpose(person, **(given | changes))


async def age(superuser: asyncpg.Connection, client: dict[str, Any], days: int) -> None:
    """As if everything about the client had happened so much earlier."""
    tickets = (
        "UPDATE crm.tickets SET created_at = created_at - $1 * interval '1 day',"
        " last_message_at = last_message_at - $1 * interval '1 day' WHERE client_id = $2"
    )
    clients = "UPDATE crm.clients SET created_at = created_at - $1 * interval '1 day' WHERE id = $2"
    for statement in (clients, tickets):
        await superuser.execute(statement, days, client["id"])


async def sweep(http: httpx.AsyncClient) -> dict[str, int]:
    answer = await http.post("/internal/v1/retention/sweep", headers=SERVICE)
    assert answer.status_code == 200, answer.text
    data: dict[str, int] = answer.json()["data"]
    return data


async def requests_of(person: Person) -> list[tuple[str, str, str]]:
    """Client, type and status of every request there is."""
    found = await person.seen("/api/v1/privacy-requests", limit=100)
    return sorted((each["client_id"], each["type"], each["status"]) for each in found)


async def hold(person: Person, client_id: str) -> None:
    day = (utc_now() + timedelta(days=30)).date().isoformat()
    await person.made(
        f"{CLIENTS}/{client_id}/legal-holds", {"reason": "Processo em curso", "review_on": day}
    )


async def test_dry_run_counts_names_and_changes_nothing(
    ana: Person, davi: Person, superuser: asyncpg.Connection
) -> None:
    await retention(ana, "cadastro")
    await retention(ana, "pesquisa", retention_days=10, retention_then="anonymize")
    await make_purpose(ana)
    old, held, young, agreeing = [await make_client(ana) for _ in range(4)]
    for client in (old, held, agreeing):
        await age(superuser, client, 101)
    await age(superuser, young, 50)
    await hold(davi, held["id"])
    await make_consent(ana, agreeing["id"])

    seen = await davi.seen(PREVIEW)

    outlook = {purpose.pop("code"): purpose for purpose in seen["purposes"]}
    assert (seen["clients"], seen["complete"]) == (4, True)
    assert (seen["to_delete"], seen["to_anonymize"], seen["held"]) == (1, 0, 1)
    assert outlook["cadastro"] == {
        "retention_days": 100,
        "retention_from": "collection",
        "retention_then": "delete",
        "applies": 4,
        "over": 3,
        "kept_for_others": 1,
        "held": 1,
        "due": 1,
        "sample": [old["id"]],
    }
    assert (outlook["pesquisa"]["over"], outlook["pesquisa"]["kept_for_others"]) == (4, 2)
    assert (outlook["novidades"]["applies"], outlook["novidades"]["over"]) == (1, 0)
    assert await requests_of(davi) == []
    assert await davi.seen(RUNS) == []


async def test_what_is_due_becomes_a_request_and_the_rest_stays(
    ana: Person,
    davi: Person,
    http: httpx.AsyncClient,
    superuser: asyncpg.Connection,
    records: Records,
) -> None:
    await retention(ana, "cadastro", retention_from="last_contact")
    old, active, held, young = [await make_client(ana) for _ in range(4)]
    for client in (old, active, held):
        await age(superuser, client, 101)
    await make_ticket(ana, active["id"])
    await hold(davi, held["id"])

    swept = await sweep(http)

    assert (swept["runs"], swept["deleted"], swept["failed"]) == (1, 1, 0)
    assert await requests_of(davi) == [(old["id"], "erasure", "executing")]
    (run,) = await davi.seen(RUNS)
    assert run["finished_at"] is not None
    assert {name: run[name] for name in ("clients", "due", "deleted", "held", "failed")} == {
        "clients": 4,
        "due": 2,
        "deleted": 1,
        "held": 1,
        "failed": 0,
    }
    assert (run["purposes"], run["errors"]) == ({"cadastro": 1}, [])
    assert await davi.seen(f"{RUNS}/{run['id']}") == run
    (noted,) = await records.audit("retention_run.client_due")
    assert (str(noted["about"]), noted["actor_id"]) == (old["id"], None)
    assert [each["subject_id"] for each in await records.audit("retention_run.finished")] == [
        run["id"]
    ]
    (erasure,) = await davi.seen("/api/v1/erasures")
    assert erasure["client_id"] == old["id"]
    assert (await ana.get(f"{CLIENTS}/{young['id']}")).status_code == 200


async def test_anonymising_purpose_anonymises(
    ana: Person, davi: Person, http: httpx.AsyncClient, superuser: asyncpg.Connection
) -> None:
    await retention(ana, "cadastro", retention_then="anonymize")
    client = await make_client(ana)
    await age(superuser, client, 101)

    swept = await sweep(http)

    assert swept["anonymized"] == 1
    assert await requests_of(davi) == [(client["id"], "anonymization", "executing")]


async def test_end_of_consent_is_what_counts_for_who_gave_it(
    ana: Person, davi: Person, http: httpx.AsyncClient, superuser: asyncpg.Connection
) -> None:
    await retention(
        ana, "novidades", legal_basis="consent", retention_days=10, retention_from="consent_end"
    )
    standing, ended, recent, never = [await make_client(ana) for _ in range(4)]
    for client in (standing, ended, recent):
        consent = await make_consent(ana, client["id"])
        if client is not standing:
            await ana.made(f"/api/v1/consents/{consent['id']}/revoke", {})
    await superuser.execute(
        "UPDATE crm.consent_revocations r SET revoked_at = now() - interval '11 days'"
        " FROM crm.consents c WHERE c.id = r.consent_id AND c.client_id = $1",
        ended["id"],
    )

    await sweep(http)

    assert await requests_of(davi) == [(ended["id"], "erasure", "executing")]
    assert never["id"] != ended["id"]


async def test_deleted_and_merged_clients_are_looked_at_as_well(
    ana: Person, davi: Person, http: httpx.AsyncClient, superuser: asyncpg.Connection
) -> None:
    await retention(ana, "cadastro", retention_from="last_contact")
    deleted, survivor, merged = [await make_client(ana) for _ in range(3)]
    for client in (deleted, survivor, merged):
        await age(superuser, client, 101)
    await ana.delete(f"{CLIENTS}/{deleted['id']}")
    ticket = await make_ticket(ana, merged["id"])
    await ana.made(f"{CLIENTS}/{survivor['id']}/merge", {"other_id": merged["id"]})

    first = await sweep(http)
    await superuser.execute(
        "UPDATE crm.tickets SET created_at = now() - interval '101 days',"
        " last_message_at = NULL WHERE id = $1",
        ticket["id"],
    )
    await davi.post(RUNS)
    second = await sweep(http)

    assert (first["clients"], first["deleted"]) == (2, 1)
    assert (second["clients"], second["deleted"]) == (2, 1)
    assert {client for client, _, _ in await requests_of(davi)} == {deleted["id"], survivor["id"]}


async def test_of_many_sweeps_in_small_batches_each_client_is_dealt_with_once(
    ana: Person, davi: Person, database: Database, superuser: asyncpg.Connection
) -> None:
    await retention(ana, "cadastro")
    clients = [await make_client(ana) for _ in range(12)]
    for client in clients[:9]:
        await age(superuser, client, 101)

    def one() -> RetentionSweep:
        return RetentionSweep(database=database, correlation_id=str(new_id()), page=4, actions=2)

    swept = await asyncio.gather(*(one().run() for _ in range(4)))
    again = await one().run()

    assert sum(each.runs for each in swept) == 1
    assert sum(each.deleted for each in swept) == 9
    assert sum(each.clients for each in swept) == 12
    assert (again.runs, again.clients) == (0, 0), "once a day"
    assert len(await requests_of(davi)) == 9
    (run,) = await davi.seen(RUNS)
    assert (run["clients"], run["deleted"], run["finished_at"] is not None) == (12, 9, True)


async def test_killed_in_a_batch_it_goes_on_where_it_was(
    ana: Person,
    davi: Person,
    database: Database,
    superuser: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await retention(ana, "cadastro")
    for _ in range(5):
        await age(superuser, await make_client(ana), 101)
    act, calls = RetentionSweep._act, 0

    async def dies(self: RetentionSweep, *given: Any) -> None:
        nonlocal calls
        calls += 1
        await act(self, *given)
        if calls == 3:
            raise RuntimeError("killed")

    monkeypatch.setattr(RetentionSweep, "_act", dies)
    sweeping = RetentionSweep(database=database, correlation_id="a", page=2)
    with pytest.raises(RuntimeError, match="killed"):
        await sweeping.run()
    between = len(await requests_of(davi))
    await RetentionSweep(database=database, correlation_id="b", page=2).run()

    assert between == 2, "the batch it died in has never happened"
    assert len(await requests_of(davi)) == 5
    (run,) = await davi.seen(RUNS)
    assert (run["clients"], run["deleted"]) == (5, 5)


async def test_run_is_asked_for_one_at_a_time(ana: Person, davi: Person) -> None:
    await retention(ana, "cadastro")
    answers = await asyncio.gather(*(davi.post(RUNS) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["code"] == "RETENTION_UNDER_WAY"


async def test_nothing_is_due_where_no_purpose_says_how_long(
    ana: Person, davi: Person, http: httpx.AsyncClient, superuser: asyncpg.Connection
) -> None:
    await make_purpose(ana, legal_basis="contract")
    await age(superuser, await make_client(ana), 5_000)

    assert (await sweep(http))["runs"] == 0
    assert (await davi.seen(PREVIEW))["to_delete"] == 0


async def test_trouble_in_one_organization_keeps_no_other_waiting(
    ana: Person,
    beto: Person,
    database: Database,
    superuser: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for person in (ana, beto):
        await retention(person, "cadastro")
        await age(superuser, await make_client(person), 101)
    act = RetentionSweep._act

    async def fails(self: RetentionSweep, tx: Any, run: Any, *given: Any) -> None:
        if run.organization_id == AURORA.id:  # whose turn is before boreal's
            raise RuntimeError("a row nobody thought of")
        await act(self, tx, run, *given)

    monkeypatch.setattr(RetentionSweep, "_act", fails)
    with pytest.raises(RuntimeError, match="nobody thought of"):
        await RetentionSweep(database=database, correlation_id="a").run()

    assert len(await requests_of(beto)) == 1
    assert await requests_of(ana) == []


async def test_other_organizations_are_dealt_with_by_their_own_rules(
    ana: Person, beto: Person, http: httpx.AsyncClient, superuser: asyncpg.Connection
) -> None:
    await retention(ana, "cadastro")
    theirs = await make_client(beto)
    await age(superuser, theirs, 5_000)
    await sweep(http)
    (run,) = await ana.seen(RUNS)

    foreign, unknown = [await beto.get(f"{RUNS}/{each}") for each in (run["id"], new_id())]

    assert (await beto.get(f"{CLIENTS}/{theirs['id']}")).status_code == 200
    assert await beto.seen(RUNS) == []
    assert foreign.status_code == 404
    assert without_request_id(foreign) == without_request_id(unknown)


async def test_statements_of_a_page_do_not_grow_with_its_clients(
    ana: Person, davi: Person, statements: list[str]
) -> None:
    await retention(ana, "cadastro")
    await davi.seen(PREVIEW)  # who is new is written down
    counts = []
    for _ in range(2):
        for _ in range(3):
            await make_client(ana)
        statements.clear()
        await davi.seen(PREVIEW)
        counts.append(len(statements))

    assert counts[0] == counts[1]
