"""Registering, reading, changing and deleting clients."""

import pytest
from core_api_factories import CLIENTS, Person, generated_cnpj, generated_cpf, make_client
from core_api_records import Records

from shared_schemas.ids import new_id


async def test_client_is_registered_with_everything_it_was_given(ana: Person) -> None:
    given = {
        "kind": "person",
        "name": "  Júlia   Prado ",
        "email": "Julia.Prado@Example.com",
        "phone": "(11) 98765-4321",
        "document": generated_cpf(1),
        "tags": ["Munícipe", "munícipe", "VIP"],
        "external_id": "SGM-001",
    }

    answer = await ana.post(CLIENTS, given)

    assert answer.status_code == 201, answer.text
    client = answer.json()["data"]
    assert client["name"] == "Júlia Prado"
    assert client["email"] == "julia.prado@example.com"
    assert (client["phone"], client["phone_display"]) == ("+5511987654321", "(11) 98765-4321")
    assert client["tags"] == ["munícipe", "vip"]
    assert client["external_id"] == "SGM-001"
    assert client["version"] == 1
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["location"] == f"{CLIENTS}/{client['id']}"
    read = await ana.seen(f"{CLIENTS}/{client['id']}")
    assert client["document"] != read["document"]  # whole only where reading it is noted
    assert read | {"document": client["document"], "possible_duplicates": []} == client


async def test_name_alone_makes_a_person(ana: Person) -> None:
    client = await make_client(ana, email="", phone=None)

    assert (client["kind"], client["email"], client["document"]) == ("person", None, None)


async def test_registering_publishes_and_audits_without_personal_data(
    ana: Person, records: Records
) -> None:
    client = await make_client(ana, email="julia@example.com", document=generated_cpf(2))

    (event,) = await records.events("client.created")
    (audited,) = await records.audit("client.created")
    assert event["payload"] == {"client_id": client["id"]}
    assert (audited["subject_id"], audited["changed"]) == (
        client["id"],
        ["document", "email", "kind", "name"],
    )
    for text in (str(event), str(audited)):
        assert not any(value in text for value in ("Júlia", "julia@", generated_cpf(2)))


@pytest.mark.parametrize(
    ("kind", "number", "masked"),
    [
        ("person", "529.982.247-25", "***.982.247-**"),
        ("company", "12.abc.345/01de-35", "**.ABC.345/01DE-**"),
        ("company", "16.727.230/0001-97", "**.727.230/0001-**"),
    ],
)
async def test_document_is_masked_for_who_may_not_reveal_it(
    ana: Person, bruno: Person, davi: Person, kind: str, number: str, masked: str
) -> None:
    client = await make_client(bruno, kind=kind, document=number)

    path = f"{CLIENTS}/{client['id']}"
    assert client["document"] == masked
    assert (await bruno.seen(path))["document"] == masked
    assert (await ana.seen(path))["document"] == number.upper()
    assert (await davi.seen(path))["document"] == number.upper()
    for who in (ana, bruno, davi):
        assert [row["document"] for row in await who.seen(CLIENTS)] == [masked]
        found = await who.seen(f"{CLIENTS}/search", q="Júlia")
        assert [row["document"] for row in found] == [masked]


async def test_change_applies_what_was_sent_and_leaves_the_rest(
    ana: Person, records: Records
) -> None:
    client = await make_client(ana, email="julia@example.com", phone="11987654321")

    answer = await ana.patch(f"{CLIENTS}/{client['id']}", {"name": "Júlia Lima", "phone": None})

    changed = answer.json()["data"]
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"2"'
    assert (changed["name"], changed["phone"]) == ("Júlia Lima", None)
    assert (changed["email"], changed["version"]) == ("julia@example.com", 2)
    assert changed["updated_at"] > client["updated_at"]
    (event,) = await records.events("client.updated")
    (audited,) = await records.audit("client.updated")
    assert event["payload"]["changed"] == audited["changed"] == ["name", "phone"]


async def test_change_to_the_same_values_is_no_change(ana: Person, records: Records) -> None:
    client = await make_client(ana)

    answer = await ana.patch(f"{CLIENTS}/{client['id']}", {"name": client["name"]})

    assert answer.json()["data"] == client
    assert await records.events("client.updated") == []
    assert await records.audit("client.updated") == []


async def test_stale_version_is_refused_and_changes_nothing(ana: Person) -> None:
    client = await make_client(ana)
    path = f"{CLIENTS}/{client['id']}"
    await ana.patch(path, {"name": "Primeira"}, headers={"if-match": '"1"'})

    late = await ana.patch(path, {"name": "Segunda"}, headers={"if-match": '"1"'})
    deletion = await ana.delete(path, headers={"if-match": '"1"'})

    assert (late.status_code, deletion.status_code) == (412, 412)
    assert late.json()["code"] == "PRECONDITION_FAILED"
    assert (await ana.seen(path))["name"] == "Primeira"


async def test_document_must_fit_the_kind_also_after_a_change(ana: Person) -> None:
    client = await make_client(ana, document=generated_cpf(3))
    path = f"{CLIENTS}/{client['id']}"

    refused = await ana.patch(path, {"kind": "company"})
    accepted = await ana.patch(path, {"kind": "company", "document": generated_cnpj(3)})

    assert refused.status_code == 422
    assert refused.json()["details"][0]["field"] == "body.document"
    assert accepted.json()["data"]["kind"] == "company"


async def test_deleted_client_is_nowhere(ana: Person, records: Records) -> None:
    client = await make_client(ana, external_id="SGM-9")
    path = f"{CLIENTS}/{client['id']}"

    answer = await ana.delete(path)

    assert (answer.status_code, answer.content) == (204, b"")
    for gone in (await ana.get(path), await ana.patch(path, {"name": "X"}), await ana.delete(path)):
        assert (gone.status_code, gone.json()["code"]) == (404, "CLIENT_NOT_FOUND")
    assert await ana.seen(CLIENTS) == []
    assert await ana.seen(f"{CLIENTS}/search", q="Júlia") == []
    (event,) = await records.events("client.updated")
    assert event["payload"]["changed"] == ["deleted_at"]
    (deleted,) = await records.events("client.deleted")
    assert deleted["payload"] == {"client_id": client["id"]}
    assert len(await records.audit("client.deleted")) == 1
    await make_client(ana, external_id="SGM-9")  # free again


async def test_external_id_belongs_to_one_client(ana: Person, beto: Person) -> None:
    await make_client(ana, external_id="SGM-1")
    other = await make_client(ana)

    again = await ana.post(CLIENTS, {"name": "Outra", "external_id": "SGM-1"})
    changed = await ana.patch(f"{CLIENTS}/{other['id']}", {"external_id": "SGM-1"})

    for answer in (again, changed):
        assert (answer.status_code, answer.json()["code"]) == (409, "CLIENT_EXTERNAL_ID_TAKEN")
    await make_client(beto, external_id="SGM-1")  # another organization's ids are its own


async def test_unknown_client_is_not_found(ana: Person) -> None:
    answer = await ana.get(f"{CLIENTS}/{new_id()}")

    assert answer.status_code == 404
    assert answer.json()["message"] == "Cliente não encontrado. Confira o identificador."


async def test_reading_one_client_is_one_query(ana: Person, statements: list[str]) -> None:
    client = await make_client(ana)
    statements.clear()

    await ana.seen(f"{CLIENTS}/{client['id']}")

    assert len(statements) == 1
