"""What the audit log answers: who changed what, from what to what, when and why."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa
from core_api_factories import CLIENTS, Person, generated_cpf, make_client, make_ticket

from chassis.data.database import Database
from core_api.changes import Change, Changes
from core_api.modules.audit import service as audit
from core_api.modules.audit.models import AuditEvent, SubjectKey
from devstack.people import AURORA
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, UserId, new_id
from shared_schemas.permissions import Role

EVENTS = "/api/v1/audit-events"
AT = OrganizationId(AURORA.id)
_WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%subject_keys%'
"""
ACTOR = Actor(AT, UserId(UUID(int=7)), frozenset(), "pedido-0001")


def plain(values: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (value["from"], value["to"]) for name, value in values.items()}


async def test_change_is_shown_from_what_to_what(ana: Person, davi: Person) -> None:
    client = await make_client(ana, email="julia@example.com", tags=["a"])
    path = f"{CLIENTS}/{client['id']}"
    await ana.patch(path, {"name": "Júlia Lima", "email": "lima@example.com", "tags": ["b"]})

    (event,) = await davi.seen(EVENTS, action="client.updated")

    assert event["about"] == event["subject_id"] == client["id"]
    assert plain(event["values"]) == {
        "name": ("Júlia Prado", "Júlia Lima"),
        "email": ("julia@example.com", "lima@example.com"),
        "tags": (["a"], ["b"]),
    }
    assert event["changed"] == ["email", "name", "tags"]
    assert not any(value["erased"] for value in event["values"].values())


async def test_what_is_new_is_shown_from_nothing(ana: Person) -> None:
    await make_client(ana, email="julia@example.com")

    (event,) = await ana.seen(EVENTS, action="client.created")

    assert plain(event["values"]) == {
        "kind": (None, "person"),
        "name": (None, "Júlia Prado"),
        "email": (None, "julia@example.com"),
    }


async def test_document_is_masked_in_the_log(ana: Person, davi: Person) -> None:
    client = await make_client(ana, document="529.982.247-25")
    await ana.patch(f"{CLIENTS}/{client['id']}", {"document": generated_cpf(5)})

    answer = await davi.get(EVENTS, params={"about": client["id"]})

    assert "52998224725" not in answer.text
    assert generated_cpf(5) not in answer.text
    (changed,) = [e for e in answer.json()["data"] if e["action"] == "client.updated"]
    assert changed["values"]["document"]["from"] == "***.982.247-**"


async def test_contacts_are_masked_for_who_may_not_see_them(
    ana: Person, database: Database
) -> None:
    await make_client(
        ana, emails=[{"address": "julia@b.test"}, {"address": "z@b.test"}], phone="11987654321"
    )
    reader = Actor(AT, UserId(UUID(int=7)), frozenset({Role.VIEWER}), "pedido-0001")
    async with database.transaction(AT, read_only=True) as tx:
        created = sa.select(AuditEvent).where(AuditEvent.action == "client.created")
        (values,) = await audit.visible_values(tx, reader, (await tx.scalars(created)).all())

    assert values["email"] == {"from": None, "to": "j***@b.test"}
    assert [entry["address"] for entry in values["emails"]["to"]] == ["j***@b.test", "z***@b.test"]
    assert values["phone"]["to"] == "+*********4321"
    assert values["name"]["to"] == "Júlia Prado"


async def test_events_about_a_client_are_found_by_it(ana: Person) -> None:
    client = await make_client(ana)
    ticket = await make_ticket(ana, client["id"])
    await make_client(ana)

    events = await ana.seen(EVENTS, about=client["id"])

    assert {event["subject_id"] for event in events} == {client["id"], ticket["id"]}


async def test_reason_of_the_caller_is_kept(ana: Person) -> None:
    client = await make_client(ana)
    path, reason = f"{CLIENTS}/{client['id']}", "A pedido da própria cliente, por telefone"
    await ana.patch(path, {"name": "Júlia"}, headers={"x-change-reason": quote(reason)})
    await ana.patch(path, {"name": "Lima"}, headers={"x-change-reason": "%20"})

    second, first = await ana.seen(EVENTS, action="client.updated")

    assert (first["reason"], second["reason"]) == (reason, None)


@pytest.mark.parametrize("reason", ["%FF", "a" * 301, "a%00b", quote("á" * 301), "%0A x %1B"])
async def test_reason_that_cannot_be_kept_is_refused(ana: Person, reason: str) -> None:
    answer = await ana.post(CLIENTS, {"name": "X"}, headers={"x-change-reason": reason})

    assert answer.status_code == 422
    assert answer.json()["details"][0]["field"] == "header.x-change-reason"


async def test_three_hundred_accented_characters_are_a_reason(ana: Person) -> None:
    reason = "á" * 300
    answer = await ana.post(CLIENTS, {"name": "X"}, headers={"x-change-reason": quote(reason)})

    assert answer.status_code == 201
    (event,) = await ana.seen(EVENTS, action="client.created")
    assert event["reason"] == reason


async def test_without_the_clients_key_the_log_is_whole_and_the_values_are_gone(
    ana: Person, database: Database
) -> None:
    client, other = await make_client(ana), await make_client(ana, name="Outra")
    await ana.patch(f"{CLIENTS}/{client['id']}", {"name": "Júlia Lima", "kind": "company"})

    async with database.transaction(AT) as tx:
        await tx.execute(sa.delete(SubjectKey).where(SubjectKey.client_id == UUID(client["id"])))
    updated, created = await ana.seen(EVENTS, about=client["id"])
    (untouched,) = await ana.seen(EVENTS, about=other["id"])

    assert updated["changed"] == ["kind", "name"]
    gone = {"from": None, "to": None, "erased": True, "withheld": False}
    assert updated["values"]["name"] == gone
    assert plain(updated["values"])["kind"] == ("person", "company")
    assert updated["values"]["kind"]["erased"] is False
    assert created["values"]["name"]["erased"] is True
    assert untouched["values"]["name"]["to"] == "Outra"


async def test_a_new_key_does_not_bring_erased_values_back(ana: Person, database: Database) -> None:
    client = await make_client(ana)
    async with database.transaction(AT) as tx:
        await tx.execute(sa.delete(SubjectKey))
    await ana.patch(f"{CLIENTS}/{client['id']}", {"name": "Depois"})

    updated, created = await ana.seen(EVENTS, about=client["id"])

    assert created["values"]["name"]["erased"] is True
    assert plain(updated["values"]) == {"name": ("Júlia Prado", "Depois")}


async def test_sealed_values_moved_to_another_event_do_not_open(
    ana: Person, database: Database
) -> None:
    await make_client(ana)
    async with database.transaction(AT) as tx:
        created = sa.select(AuditEvent).where(AuditEvent.action == "client.created")
        event = (await tx.scalars(created)).one()
        moved = SimpleNamespace(id=new_id(), values=event.values)
        as_written, forged = await audit.opened_values(tx, AT, [event, moved])

    assert as_written["name"]["to"] == "Júlia Prado"
    assert forged["name"]["erased"] is True
    assert forged["kind"]["to"] == "person"


async def test_personal_values_need_somebody_they_are_about(database: Database) -> None:
    async with database.transaction(AT) as tx:
        with pytest.raises(ValueError, match="about"):
            await audit.record(
                tx,
                ACTOR,
                "client.updated",
                new_id(),
                changes=Changes(name=Change("a", "b")),
                personal=frozenset({"name"}),
            )


async def test_a_page_of_the_log_is_two_statements(ana: Person, statements: list[str]) -> None:
    for number in range(5):
        client = await make_client(ana, name=f"Cliente {number}")
        await ana.patch(f"{CLIENTS}/{client['id']}", {"name": "Outra"})
    statements.clear()

    await ana.seen(EVENTS)

    assert len(statements) == 2


@pytest.mark.committed
async def test_two_first_changes_at_once_share_one_key(
    ana: Person, database: Database, superuser: asyncpg.Connection
) -> None:
    client = await make_client(ana)
    await superuser.execute("DELETE FROM crm.subject_keys")
    client_id = UUID(client["id"])

    async def change(name: str) -> None:
        async with database.transaction(AT) as tx:
            await audit.record(
                tx,
                ACTOR,
                "client.noted",
                client_id,
                changes=Changes(name=Change(None, name)),
                about=client_id,
                personal=frozenset({"name"}),
            )

    async with database.transaction(AT) as tx:
        await audit.SubjectKeys(tx, AT).of(client_id)
        others = [asyncio.create_task(change(f"n{number}")) for number in range(2)]
        while await superuser.fetchval(_WAITING) < len(others):
            pass  # asking is a pause by itself
    await asyncio.gather(*others)

    events = await ana.seen(EVENTS, action="client.noted")
    assert {event["values"]["name"]["to"] for event in events} == {"n0", "n1"}
    assert await superuser.fetchval("SELECT count(*) FROM crm.subject_keys") == 1


@pytest.mark.committed
async def test_values_are_sealed_in_the_table(ana: Person, superuser: asyncpg.Connection) -> None:
    client = await make_client(ana, name="Zoraide Quixadá")
    await ana.patch(f"{CLIENTS}/{client['id']}", {"name": "Zoraide Lima"})

    rows = await superuser.fetch("SELECT values::text AS values FROM crm.audit_events")

    assert not [row for row in rows if row["values"] and "Zoraide" in row["values"]]
    sealed = json.loads(rows[-1]["values"])["name"]
    assert set(sealed) == {"key", "sealed"}


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        (Changes(a=Change(1, 2)), Changes(b=Change(1, 2)), {"a": (1, 2), "b": (1, 2)}),
        (Changes(a=Change(1, 2)), Changes(a=Change(2, 3)), {"a": (1, 3)}),
        (Changes(a=Change(1, 2)), Changes(a=Change(2, 1)), {}),
    ],
)
def test_changes_one_after_the_other(
    first: Changes, second: Changes, both: dict[str, tuple[int, int]]
) -> None:
    merged = first | second

    assert {name: (change.old, change.new) for name, change in merged.items()} == both
    assert isinstance(merged, Changes)
