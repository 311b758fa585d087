"""Service levels of a ticket through its life: what runs, rests, ends, and goes on."""

from datetime import datetime
from typing import Any

from core_api_factories import (
    CLIENTS,
    TICKETS,
    Person,
    make_client,
    make_ticket,
    without_request_id,
)
from core_api_records import Records
from sla_factories import MINUTE, kinds, levels, make_policy, timer

from chassis.data.database import Database
from core_api.modules.tickets.following_clients import follow_client
from devstack.people import AURORA
from shared_schemas.events import ClientUpdated
from shared_schemas.ids import OrganizationId


async def _say(person: Person, ticket_id: str, kind: str) -> None:
    await person.made(f"{TICKETS}/{ticket_id}/messages", {"kind": kind, "body": "Bom dia."})


async def _move(person: Person, ticket_id: str, move: str) -> dict[str, Any]:
    return await person.made(f"{TICKETS}/{ticket_id}/{move}", {})


async def test_a_new_ticket_runs_from_its_creation(ana: Person, bruno: Person) -> None:
    policy = await make_policy(ana)
    ticket = await make_ticket(bruno)

    seen = await levels(bruno, ticket["id"])
    created_at = datetime.fromisoformat(ticket["created_at"])
    assert {(one["metric"], one["state"], one["started_at"]) for one in seen["timers"]} == {
        ("first_response", "running", ticket["created_at"]),
        ("resolution", "running", ticket["created_at"]),
    }
    assert datetime.fromisoformat(seen["due_at"]) == created_at + 60 * MINUTE
    assert ticket["sla_due_at"] == seen["due_at"]
    assert ticket["version"] == 1
    assert {entry["policy_id"] for entry in seen["ledger"]} == {policy["id"]}
    assert [entry["kind"] for entry in seen["ledger"]] == ["start", "start"]


async def test_without_a_policy_nothing_is_measured(bruno: Person) -> None:
    ticket = await make_ticket(bruno)

    seen = await levels(bruno, ticket["id"])
    assert (seen["timers"], seen["ledger"], ticket["sla_due_at"]) == ([], [], None)


async def test_the_first_reply_stops_the_first_response_and_nothing_changes_it_again(
    ana: Person, bruno: Person
) -> None:
    await make_policy(ana)
    ticket = await make_ticket(bruno)
    await _say(bruno, ticket["id"], "note")
    assert (await timer(bruno, ticket["id"], "first_response"))["state"] == "running"
    await _say(bruno, ticket["id"], "reply")
    stopped = await timer(bruno, ticket["id"], "first_response")

    for step in ("resolve", "reopen"):
        await _move(bruno, ticket["id"], step)
    await _say(bruno, ticket["id"], "client")
    await _say(bruno, ticket["id"], "reply")

    assert stopped["state"] == "stopped"
    assert await timer(bruno, ticket["id"], "first_response") == stopped
    assert await kinds(bruno, ticket["id"], "first_response") == ["start", "stop"]
    read = await bruno.seen(f"{TICKETS}/{ticket['id']}")
    assert stopped["stopped_at"] == read["first_replied_at"]


async def test_what_the_client_says_starts_the_next_response_once(
    ana: Person, bruno: Person
) -> None:
    await make_policy(ana)
    ticket = await make_ticket(bruno)
    await _say(bruno, ticket["id"], "client")  # the first response is still waited for
    await _say(bruno, ticket["id"], "reply")
    for kind in ("client", "client", "reply", "client"):
        await _say(bruno, ticket["id"], kind)

    first = await timer(bruno, ticket["id"], "next_response", 1)
    second = await timer(bruno, ticket["id"], "next_response", 2)
    assert (first["state"], second["state"]) == ("stopped", "running")


async def test_no_time_passes_while_pending_and_it_goes_on_after(
    ana: Person, bruno: Person
) -> None:
    await make_policy(ana, pauses_in=["pending"])
    ticket = await make_ticket(bruno)
    await _move(bruno, ticket["id"], "pend")
    resting = await timer(bruno, ticket["id"], "resolution")
    pending = await bruno.seen(f"{TICKETS}/{ticket['id']}")
    await _move(bruno, ticket["id"], "hold")
    held = await timer(bruno, ticket["id"], "resolution")

    assert (resting["state"], resting["due_at"], pending["sla_due_at"]) == ("paused", None, None)
    assert held["state"] == "running"
    assert held["due_at"] is not None
    assert await kinds(bruno, ticket["id"], "resolution") == ["start", "pause", "resume"]


async def test_nothing_counts_on_after_resolving(ana: Person, bruno: Person) -> None:
    await make_policy(ana)
    ticket = await make_ticket(bruno)
    await _say(bruno, ticket["id"], "reply")
    await _say(bruno, ticket["id"], "client")
    resolved = await _move(bruno, ticket["id"], "resolve")

    states = {one["metric"]: one["state"] for one in (await levels(bruno, ticket["id"]))["timers"]}
    assert states == {
        "first_response": "stopped",
        "next_response": "cancelled",
        "resolution": "stopped",
    }
    assert resolved["sla_due_at"] is None
    stopped = await timer(bruno, ticket["id"], "resolution")
    assert stopped["stopped_at"] == resolved["resolved_at"]


async def test_reopening_resumes_what_remains(ana: Person, bruno: Person) -> None:
    await make_policy(ana)
    ticket = await make_ticket(bruno)
    for step in ("resolve", "reopen"):
        await _move(bruno, ticket["id"], step)

    going_on = await timer(bruno, ticket["id"], "resolution")
    assert (going_on["state"], going_on["stopped_at"]) == ("running", None)
    assert await kinds(bruno, ticket["id"], "resolution") == ["start", "stop", "resume"]
    # Nobody has ever answered: that is still waited for, and measured from creation.
    assert await kinds(bruno, ticket["id"], "first_response") == ["start", "cancel", "resume"]


async def test_a_merged_ticket_waits_for_nothing_any_more(ana: Person, bruno: Person) -> None:
    await make_policy(ana)
    client = await make_client(bruno)
    source = await make_ticket(bruno, client["id"])
    target = await make_ticket(bruno, client["id"])
    path = f"{TICKETS}/{source['id']}/merge"
    merged = await bruno.post(path, {"into_ticket_id": target["id"]})

    assert merged.status_code == 200, merged.text
    of_source, of_target = await levels(bruno, source["id"]), await levels(bruno, target["id"])
    assert {one["state"] for one in of_source["timers"]} == {"cancelled"}
    assert {one["state"] for one in of_target["timers"]} == {"running"}
    assert (await bruno.seen(f"{TICKETS}/{source['id']}"))["sla_due_at"] is None


async def test_a_draft_answers_nobody_until_it_is_sent(ana: Person, bruno: Person) -> None:
    await make_policy(ana)
    ticket = await make_ticket(bruno)
    path = f"{TICKETS}/{ticket['id']}/messages"
    draft = await bruno.made(path, {"kind": "draft", "body": "Talvez."})
    before = await timer(bruno, ticket["id"], "first_response")
    sent = await bruno.made(f"{path}/{draft['id']}/send", {})

    after = await timer(bruno, ticket["id"], "first_response")
    assert (before["state"], after["state"]) == ("running", "stopped")
    assert after["stopped_at"] == sent["created_at"]


async def test_another_priority_brings_another_policy_from_now_on(
    ana: Person, bruno: Person
) -> None:
    await make_policy(ana)
    urgent = await make_policy(
        ana, name="Urgentes", is_default=False, priorities=["urgent"], resolution_minutes=30
    )
    ticket = await make_ticket(bruno)
    answer = await bruno.patch(f"{TICKETS}/{ticket['id']}", {"priority": "urgent"})

    now = await timer(bruno, ticket["id"], "resolution")
    assert (now["policy_id"], now["target_seconds"]) == (urgent["id"], 1800)
    created_at = datetime.fromisoformat(ticket["created_at"])
    assert datetime.fromisoformat(now["due_at"]) == created_at + 30 * MINUTE
    assert answer.json()["data"]["sla_due_at"] == now["due_at"]
    assert await kinds(bruno, ticket["id"], "resolution") == ["start", "policy"]


async def test_policies_look_at_the_client_s_tags_and_the_category_s_ancestors(
    ana: Person, bruno: Person
) -> None:
    parent = await ana.made("/api/v1/categories", {"name": "Rede"})
    child = await ana.made("/api/v1/categories", {"name": "Wi-Fi", "parent_id": parent["id"]})
    vip = await make_policy(ana, name="VIP", is_default=False, client_tags=["vip"])
    network = await make_policy(ana, name="Rede", is_default=False, category_ids=[parent["id"]])
    client = await make_client(bruno, tags=["vip"])

    of_vip = await make_ticket(bruno, client["id"], category_id=child["id"])
    of_network = await make_ticket(bruno, category_id=child["id"])
    of_nothing = await make_ticket(bruno)

    assert (await timer(bruno, of_vip["id"], "resolution"))["policy_id"] == vip["id"]
    assert (await timer(bruno, of_network["id"], "resolution"))["policy_id"] == network["id"]
    assert (await levels(bruno, of_nothing["id"]))["timers"] == []


async def test_tickets_are_found_and_sorted_by_due_time(ana: Person, bruno: Person) -> None:
    await make_policy(ana)
    await make_policy(
        ana, name="Urgentes", is_default=False, priorities=["urgent"], first_response_minutes=5
    )
    later, sooner = await make_ticket(bruno), await make_ticket(bruno, priority="urgent")
    done = await make_ticket(bruno)
    await _move(bruno, done["id"], "resolve")

    by_due = await bruno.seen(TICKETS, sort="sla_due_at")
    assert [one["id"] for one in by_due] == [sooner["id"], later["id"]]
    assert await bruno.seen(TICKETS, sla="breached") == []
    assert await bruno.seen(TICKETS, sla="warning") == []


async def test_of_another_organization_there_is_nothing_to_see(ana: Person, beto: Person) -> None:
    await make_policy(ana)
    ticket = await make_ticket(ana)

    theirs = await beto.get(f"{TICKETS}/{ticket['id']}/sla")
    none = await beto.get(f"{TICKETS}/0192a000-0000-7000-8000-0000000000fe/sla")
    assert theirs.status_code == 404
    assert without_request_id(theirs) == without_request_id(none)


async def test_a_ticket_s_service_levels_take_a_fixed_number_of_queries(
    ana: Person, bruno: Person, statements: list[str]
) -> None:
    await make_policy(ana)
    ticket = await make_ticket(bruno)
    await levels(bruno, ticket["id"])
    statements.clear()
    await levels(bruno, ticket["id"])
    few = len(statements)
    for kind in ("reply", "client", "reply", "client"):
        await _say(bruno, ticket["id"], kind)
    statements.clear()
    await levels(bruno, ticket["id"])

    assert len(statements) == few == 4


async def test_who_may_read_tickets_sees_their_service_levels(
    ana: Person, vera: Person, davi: Person
) -> None:
    await make_policy(ana)
    ticket = await make_ticket(ana)

    for reader in (vera, davi):
        assert len((await levels(reader, ticket["id"]))["timers"]) == 2


async def test_a_ledger_row_names_who_and_why(ana: Person, bruno: Person, records: Records) -> None:
    await make_policy(ana)
    ticket = await make_ticket(bruno)
    await _move(bruno, ticket["id"], "resolve")

    me = await bruno.seen("/api/v1/me")
    last = (await levels(bruno, ticket["id"]))["ledger"][-1]
    assert (last["cause"], last["actor_id"]) == ("ticket.resolved", me["id"])
    assert await records.events("sla.breached") == []


async def test_a_reply_that_a_split_takes_along_is_the_new_tickets_first_response(
    ana: Person, bruno: Person
) -> None:
    await make_policy(ana)
    ticket = await make_ticket(bruno)
    said = {
        kind: await bruno.made(f"{TICKETS}/{ticket['id']}/messages", {"kind": kind, "body": "Sim."})
        for kind in ("client", "reply", "note")
    }

    async def split_off(kind: str) -> str:
        given = {"subject": "Outro assunto", "message_ids": [said[kind]["id"]]}
        new = await bruno.made(f"{TICKETS}/{ticket['id']}/split", given)
        return str(new["id"])

    answered, unanswered = await split_off("reply"), await split_off("note")

    assert await kinds(bruno, answered, "first_response") == ["start", "stop"]
    assert (await timer(bruno, answered, "resolution"))["state"] == "running"
    read = await bruno.seen(f"{TICKETS}/{answered}")
    due_at = (await timer(bruno, answered, "resolution"))["due_at"]
    assert (read["first_replied_at"], read["sla_due_at"]) == (said["reply"]["created_at"], due_at)
    assert await kinds(bruno, unanswered, "first_response") == ["start"]
    assert await kinds(bruno, ticket["id"], "first_response") == ["start", "stop"]


async def test_other_tags_of_a_client_reach_its_open_tickets(
    ana: Person, bruno: Person, database: Database
) -> None:
    normal = await make_policy(ana)
    quick = await make_policy(
        ana, name="VIP", is_default=False, client_tags=["vip"], first_response_minutes=15
    )
    client = await make_client(bruno)
    ticket, done = [await make_ticket(bruno, client["id"]) for _ in range(2)]
    other = (await make_ticket(bruno))["id"]
    await _move(bruno, done["id"], "resolve")
    before = [await kinds(bruno, each, "first_response") for each in (done["id"], other)]
    created_at = datetime.fromisoformat(ticket["created_at"])

    async def retag(*tags: str) -> dict[str, Any]:
        await bruno.patch(f"{CLIENTS}/{client['id']}", {"tags": tags})
        event = ClientUpdated.caused(
            organization_id=OrganizationId(AURORA.id),
            correlation_id="test",
            client_id=client["id"],
            changed=("tags",),
        )
        for _ in range(2):  # told twice
            async with database.transaction(OrganizationId(AURORA.id)) as tx:
                await follow_client(tx, event)
        return await timer(bruno, ticket["id"], "first_response")

    hurried = await retag("vip")
    read = await bruno.seen(f"{TICKETS}/{ticket['id']}")
    calmed = await retag()

    assert datetime.fromisoformat(hurried["due_at"]) == created_at + 15 * MINUTE
    assert datetime.fromisoformat(calmed["due_at"]) == created_at + 60 * MINUTE
    ledger = (await levels(bruno, ticket["id"]))["ledger"]
    terms = [entry["policy_id"] for entry in ledger if entry["metric"] == "first_response"]
    assert terms == [normal["id"], quick["id"], normal["id"]]
    assert (read["sla_due_at"], read["version"]) == (hurried["due_at"], ticket["version"])
    after = [await kinds(bruno, each, "first_response") for each in (done["id"], other)]
    assert after == before
