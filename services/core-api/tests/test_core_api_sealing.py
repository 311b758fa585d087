"""CPF and CNPJ: unreadable at rest, found by their index, masked but for who may reveal them."""

from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa
from core_api_factories import (
    CLIENTS,
    Person,
    PersonOf,
    generated_cnpj,
    generated_cpf,
    make_client,
)
from core_api_records import Records

from chassis.data.database import Database
from chassis.security.sealing import SealBroken
from core_api.modules.clients import documents
from core_api.modules.clients.models import Client
from core_api.workplace import Workplace
from devstack.people import AURORA, PEOPLE
from shared_schemas.ids import OrganizationId

AT = OrganizationId(AURORA.id)
CPF, MASKED = "529.982.247-25", "***.982.247-**"


async def row_of(database: Database, client_id: str) -> Client:
    async with database.transaction(AT) as tx:
        return (await tx.scalars(sa.select(Client).where(Client.id == UUID(client_id)))).one()


@pytest.mark.committed
@pytest.mark.parametrize("kind", ["person", "company"])
async def test_no_table_holds_a_readable_document(
    ana: Person, superuser: asyncpg.Connection, kind: str
) -> None:
    number = generated_cpf(7) if kind == "person" else generated_cnpj(7, alphanumeric=True)
    headers = {"idempotency-key": "once"}
    answer = await ana.post(
        CLIENTS, {"name": "Júlia", "kind": kind, "document": number}, headers=headers
    )
    client = answer.json()["data"]
    other = generated_cpf(8) if kind == "person" else generated_cnpj(8)
    await ana.patch(f"{CLIENTS}/{client['id']}", {"document": other})
    await ana.seen(f"{CLIENTS}/{client['id']}")

    tables = await superuser.fetch(
        "SELECT c.oid::regclass::text AS name FROM pg_class c"
        " WHERE c.relnamespace = 'crm'::regnamespace AND c.relkind = 'r'"
    )
    for table in tables:
        rows = await superuser.fetch(f"SELECT row_to_json(t)::text AS row FROM {table['name']} t")
        for row in rows:
            for hidden in (number, other):
                assert hidden not in row["row"], table["name"]
                assert hidden.encode().hex() not in row["row"], table["name"]
    stored = await superuser.fetchrow("SELECT document, document_sealed FROM crm.clients")
    assert stored["document"] is None
    assert not any(bytes([digit]) * 3 in stored["document_sealed"] for digit in b"0123456789")


async def test_document_of_another_row_does_not_open(
    ana: Person, database: Database, workplace: Workplace
) -> None:
    first = await row_of(database, (await make_client(ana, document=generated_cpf(1)))["id"])
    second = await row_of(database, (await make_client(ana, document=generated_cpf(2)))["id"])

    second.document_sealed = first.document_sealed

    assert documents.opened(workplace.vault, first) == generated_cpf(1)
    with pytest.raises(SealBroken):
        documents.opened(workplace.vault, second)


async def test_a_document_that_does_not_open_is_shown_to_nobody_and_breaks_no_list(
    ana: Person, bruno: Person, database: Database
) -> None:
    first = await make_client(ana, document=generated_cpf(1))
    second = await make_client(ana, document=generated_cpf(2))
    async with database.transaction(AT) as tx:
        await tx.execute(
            sa.text(
                "UPDATE crm.clients SET document_sealed ="
                " (SELECT document_sealed FROM crm.clients WHERE id = :other) WHERE id = :id"
            ),
            {"id": UUID(second["id"]), "other": UUID(first["id"])},
        )

    assert (await ana.seen(f"{CLIENTS}/{second['id']}"))["document"] is None
    shown = {row["id"]: row["document"] for row in await bruno.seen(CLIENTS)}
    assert shown == {first["id"]: first["document"], second["id"]: None}
    changed = await ana.patch(f"{CLIENTS}/{second['id']}", {"name": "Ainda se altera"})
    assert changed.status_code == 200


async def test_equal_documents_have_equal_indexes_within_an_organization_only(
    ana: Person, beto: Person, database: Database, workplace: Workplace
) -> None:
    rows = [
        await row_of(database, (await make_client(ana, document=generated_cpf(1)))["id"])
        for _ in range(2)
    ]
    elsewhere = documents.index_of(workplace.vault, UUID(int=1), generated_cpf(1))

    assert rows[0].document_index == rows[1].document_index != elsewhere
    assert rows[0].document_sealed != rows[1].document_sealed


async def test_client_is_found_by_its_whole_document_in_any_notation(ana: Person) -> None:
    client = await make_client(ana, name="Procurada", document=CPF)
    await make_client(ana, name="Outra", document=generated_cpf(3))

    for text in (CPF, CPF.replace(".", "").replace("-", "")):
        found = await ana.seen(f"{CLIENTS}/search", q=text)
        assert [row["id"] for row in found] == [client["id"]]
    assert await ana.seen(f"{CLIENTS}/search", q="52998224") == []


@pytest.mark.parametrize(
    ("who", "document", "email", "phone"),
    [
        ("ana", CPF, "julia@example.com", "+5511987654321"),
        ("davi", CPF, "julia@example.com", "+5511987654321"),
        ("bruno", MASKED, "julia@example.com", "+5511987654321"),
        ("vera", MASKED, "j***@example.com", "+*********4321"),
    ],
)
async def test_each_role_sees_what_it_may(
    ana: Person, person: PersonOf, who: str, document: str, email: str, phone: str
) -> None:
    given = {"document": CPF, "email": "julia@example.com", "phone": "11987654321"}
    client = await make_client(ana, **given)
    reader = person(who)

    one = await reader.seen(f"{CLIENTS}/{client['id']}")
    listed = await reader.seen(CLIENTS)
    found = await reader.seen(f"{CLIENTS}/search", q="Júlia")

    assert one["document"] == document
    for shown in (one, *listed, *found):
        assert (shown["email"], shown["phone"]) == (email, phone)
        assert [entry["address"] for entry in shown["emails"]] == [email]
        assert [entry["number"] for entry in shown["phones"]] == [phone]
        assert shown["phone_display"] == shown["phones"][0]["display"]
        assert ("98765" in shown["phone_display"]) is (who != "vera")
    assert {row["document"] for row in (*listed, *found)} == {MASKED}


async def test_revealing_is_noted_and_nothing_else_is(
    ana: Person, bruno: Person, davi: Person, records: Records
) -> None:
    client = await make_client(bruno, document=CPF)
    bare = await make_client(bruno)
    for read in (bruno.seen, ana.seen, davi.seen):
        await read(f"{CLIENTS}/{client['id']}")
    await ana.seen(f"{CLIENTS}/{bare['id']}")
    await ana.seen(CLIENTS)
    await ana.seen(f"{CLIENTS}/search", q="Júlia")

    noted = await records.audit("client.revealed")

    assert [(row["actor_id"], row["subject_id"]) for row in noted] == [
        (PEOPLE["ana"].sub, client["id"]),
        (PEOPLE["davi"].sub, client["id"]),
    ]
    assert {row["about"] for row in noted} == {UUID(client["id"])}


async def test_answers_to_changes_do_not_reveal(ana: Person, records: Records) -> None:
    client = await make_client(ana, document=CPF)
    changed = await ana.patch(f"{CLIENTS}/{client['id']}", {"name": "Júlia Lima"})

    assert client["document"] == changed.json()["data"]["document"] == MASKED
    assert await records.audit("client.revealed") == []


async def test_reading_costs_who_cannot_reveal_one_statement(
    bruno: Person, statements: list[str]
) -> None:
    client = await make_client(bruno, document=CPF)
    statements.clear()

    await bruno.seen(f"{CLIENTS}/{client['id']}")

    assert len(statements) == 1


async def test_document_that_is_sent_back_masked_is_refused(bruno: Person) -> None:
    client = await make_client(bruno, document=CPF)

    answer = await bruno.patch(f"{CLIENTS}/{client['id']}", {"document": client["document"]})

    assert answer.status_code == 422
    assert answer.json()["details"][0]["message"] == "CPF inválido. Confira os 11 dígitos."


async def test_the_same_document_again_is_no_change(ana: Person, records: Records) -> None:
    client = await make_client(ana, document=CPF)

    same = await ana.patch(f"{CLIENTS}/{client['id']}", {"document": "52998224725"})
    gone = await ana.patch(f"{CLIENTS}/{client['id']}", {"document": None})

    assert same.json()["data"]["version"] == client["version"]
    assert gone.json()["data"]["document"] is None
    assert len(await records.audit("client.updated")) == 1
