"""The audit log: one row per change, written with it, unchangeable, without personal data."""

import asyncpg
import pytest
import sqlalchemy as sa
from core_api_factories import (
    CLIENTS,
    TICKETS,
    Person,
    generated_cpf,
    make_client,
    make_consent,
    make_purpose,
    make_ticket,
)

from chassis.data.database import Database
from devstack.people import AURORA, PEOPLE
from shared_schemas.ids import OrganizationId

EVENTS = "/api/v1/audit-events"


async def test_every_change_is_listed_newest_first(ana: Person, davi: Person) -> None:
    client = await make_client(ana)
    await ana.patch(f"{CLIENTS}/{client['id']}", {"name": "Júlia Lima"})
    ticket = await make_ticket(ana, client["id"])
    await ana.post(f"{TICKETS}/{ticket['id']}/resolve")

    events = await davi.seen(EVENTS, actor_id=str(PEOPLE["ana"].sub))

    assert [event["action"] for event in events] == [
        "ticket.resolved",
        "ticket.created",
        "client.updated",
        "client.created",
        "member.provisioned",
        "organization.provisioned",
    ]
    resolved, _, updated, created, *_ = events
    assert resolved["subject_id"] == ticket["id"]
    assert resolved["subject_type"] == "ticket"
    assert resolved["changed"] == ["resolved_at", "status"]
    assert resolved["related"] == {"client_id": client["id"]}
    assert (updated["changed"], created["changed"]) == (["name"], ["kind", "name"])
    assert len({event["request_id"] for event in events[:4]}) == 4


async def test_request_id_of_the_caller_is_noted(ana: Person) -> None:
    answer = await ana.post(CLIENTS, {"name": "Júlia"}, headers={"x-request-id": "pedido-0001"})

    (event,) = await ana.seen(EVENTS, action="client.created")
    assert answer.headers["x-request-id"] == event["request_id"] == "pedido-0001"


async def test_filters_and_pages(ana: Person, bruno: Person) -> None:
    clients = [await make_client(person) for person in (ana, bruno, ana)]

    async def found(**params: str) -> list[str]:
        return [event["subject_id"] for event in await ana.seen(EVENTS, **params)]

    newest_first = [client["id"] for client in clients][::-1]
    created = {"action": "client.created"}
    assert await found(**created) == newest_first
    assert await found(**created, actor_id=str(PEOPLE["bruno"].sub)) == [clients[1]["id"]]
    assert await found(subject_id=clients[0]["id"]) == [clients[0]["id"]]
    assert await found(**created, since=clients[2]["created_at"]) in ([], newest_first[:1])
    assert await found(**created, until="2020-01-01T00:00:00Z") == []
    first = (await ana.get(EVENTS, params={**created, "limit": "2"})).json()
    rest = await found(**created, cursor=first["meta"]["next_cursor"])
    assert [event["subject_id"] for event in first["data"]] + rest == newest_first


@pytest.mark.parametrize("since", ["ontem", "2026-01-01T00:00:00"])
async def test_instant_without_time_zone_is_refused(ana: Person, since: str) -> None:
    answer = await ana.get(EVENTS, params={"since": since})

    assert answer.status_code == 422
    assert answer.json()["details"][0]["field"] == "query.since"


async def test_rows_hold_no_readable_personal_data(ana: Person, database: Database) -> None:
    client = await make_client(
        ana, name="Zoraide Quixadá", email="zoraide@example.com", document=generated_cpf(4)
    )
    await ana.patch(f"{CLIENTS}/{client['id']}", {"phone": "11912345678"})
    ticket = await make_ticket(ana, client["id"], subject="Sigilo", description="Segredo")
    await ana.post(f"{TICKETS}/{ticket['id']}/messages", {"kind": "note", "body": "Confidencial"})
    await make_purpose(ana)
    consent = await make_consent(ana, client["id"])
    await ana.post(f"/api/v1/consents/{consent['id']}/revoke", {"reason": "Motivo"})

    async with database.transaction(OrganizationId(AURORA.id)) as session:
        rows = await session.scalars(sa.text("SELECT row_to_json(e)::text FROM crm.audit_events e"))
        text = " ".join(rows)

    planted = ("Zoraide", "zoraide@", generated_cpf(4), "912345678", "Sigilo", "Segredo")
    assert not [value for value in (*planted, "Confidencial", "Motivo") if value in text]


async def test_refused_change_leaves_no_row(ana: Person) -> None:
    client = await make_client(ana, external_id="1")
    await ana.post(CLIENTS, {"name": "Outra", "external_id": "1"})
    await ana.patch(f"{CLIENTS}/{client['id']}", {"name": "X"}, headers={"if-match": '"9"'})

    assert len(await ana.seen(EVENTS, subject_id=client["id"])) == 1
    assert len(await ana.seen(EVENTS, action="client.created")) == 1


@pytest.mark.committed
@pytest.mark.parametrize(
    "table", ["audit_events", "consents", "consent_revocations", "consent_notices"]
)
@pytest.mark.parametrize("change", ["DELETE FROM crm.{}", "UPDATE crm.{} SET id = id"])
async def test_application_cannot_rewrite_what_is_on_record(
    ana: Person, database: Database, table: str, change: str
) -> None:
    await make_client(ana)

    with pytest.raises(sa.exc.ProgrammingError) as refused:
        async with database.transaction(OrganizationId(AURORA.id)) as session:
            await session.execute(sa.text(change.format(table)))

    assert refused.value.orig is not None
    assert isinstance(refused.value.orig.__cause__, asyncpg.InsufficientPrivilegeError)
