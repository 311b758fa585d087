"""Fields of an organization's own: defined, held to, and kept when their definition changes."""

import asyncio
from typing import Any

import pytest
from core_api_factories import CLIENTS, Person, make_client, without_request_id
from core_api_records import Records

from shared_schemas.ids import new_id

FIELDS = "/api/v1/custom-fields"


async def make_field(person: Person, **changes: Any) -> dict[str, Any]:
    """A text field of clients."""
    given = {"entity": "client", "key": "matricula", "label": "Matrícula", "type": "text"}
    return await person.made(FIELDS, given | changes)


async def test_field_is_defined_listed_in_order_and_filtered(ana: Person, vera: Person) -> None:
    second = await make_field(ana, position=2)
    first = await make_field(
        ana, key="plano", label="Plano", type="choice", choices=["Ouro", "Prata"], position=1
    )
    of_tickets = await make_field(ana, entity="ticket")

    assert [field["id"] for field in await vera.seen(FIELDS)] == [
        first["id"],
        second["id"],
        of_tickets["id"],
    ]
    assert await vera.seen(FIELDS, entity="ticket") == [of_tickets]
    assert (first["choices"], first["required"], first["version"]) == (["Ouro", "Prata"], False, 1)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"key": "Matrícula"}, "body.key"),
        ({"key": "1a"}, "body.key"),
        ({"label": " "}, "body.label"),
        ({"type": "boolean"}, "body.type"),
        ({"type": "choice"}, "body"),
        ({"type": "choice", "choices": ["a", "A"]}, "body.choices"),
        ({"choices": ["a"]}, "body"),
        ({"entity": "company"}, "body.entity"),
        ({"position": -1}, "body.position"),
    ],
)
async def test_bad_definition_is_refused(ana: Person, change: dict[str, Any], field: str) -> None:
    given = {"entity": "client", "key": "matricula", "label": "Matrícula", "type": "text"}

    answer = await ana.post(FIELDS, given | change)

    assert answer.status_code == 422, answer.text
    assert answer.json()["details"][0]["field"] == field


async def test_key_is_taken_once_per_entity_and_organization(ana: Person, beto: Person) -> None:
    await make_field(ana)
    again = await ana.post(
        FIELDS, {"entity": "client", "key": "matricula", "label": "X", "type": "text"}
    )

    assert (again.status_code, again.json()["code"]) == (409, "CUSTOM_FIELD_KEY_TAKEN")
    await make_field(ana, entity="ticket")
    await make_field(beto)


@pytest.mark.parametrize(
    ("kind", "sent", "stored"),
    [
        ("text", "  A-1020 ", "A-1020"),
        ("number", 12, 12),
        ("number", 1.5, 1.5),
        ("number", "1.234,50", 1234.5),
        ("number", "1234", 1234),
        ("number", "-7,25", -7.25),
        ("date", "2026-02-28", "2026-02-28"),
        ("date", "28/02/2026", "2026-02-28"),
        ("choice", "ouro", "Ouro"),
    ],
)
async def test_value_is_stored_as_its_type_wants_it(
    ana: Person, kind: str, sent: Any, stored: Any
) -> None:
    choices = {"choices": ["Ouro", "Prata"]} if kind == "choice" else {}
    await make_field(ana, key="campo", type=kind, **choices)

    client = await make_client(ana, custom_fields={"campo": sent})

    assert client["custom_fields"] == {"campo": stored}
    assert (await ana.seen(f"{CLIENTS}/{client['id']}"))["custom_fields"] == {"campo": stored}


@pytest.mark.parametrize(
    ("kind", "sent", "message"),
    [
        ("text", 5, "Campo: informe um texto."),
        ("text", "x" * 2001, "Campo: use até 2000 caracteres."),
        ("text", "a\x07b", "Campo: remova os caracteres de controle."),
        ("number", "doze", "Campo: informe um número."),
        ("number", True, "Campo: informe um número."),
        ("number", 1e300, "Campo: o número é grande demais."),
        ("number", [1], "Campo: informe um número."),
        ("date", "2026-02-30", "Campo: informe uma data, por exemplo 2026-11-21."),
        ("date", "ontem", "Campo: informe uma data, por exemplo 2026-11-21."),
        ("date", "20260228", "Campo: informe uma data, por exemplo 2026-11-21."),
        ("choice", "Bronze", "Campo: escolha entre Ouro, Prata."),
    ],
)
async def test_bad_value_is_refused_in_one_line(
    ana: Person, kind: str, sent: Any, message: str
) -> None:
    choices = {"choices": ["Ouro", "Prata"]} if kind == "choice" else {}
    await make_field(ana, key="campo", label="Campo", type=kind, **choices)
    client = await make_client(ana)

    created = await ana.post(CLIENTS, {"name": "X", "custom_fields": {"campo": sent}})
    changed = await ana.patch(
        f"{CLIENTS}/{client['id']}", {"name": "Y", "custom_fields": {"campo": sent}}
    )

    for answer in (created, changed):
        assert answer.status_code == 422, answer.text
        (detail,) = answer.json()["details"]
        assert (detail["field"], detail["message"]) == ("body.custom_fields.campo", message)
    assert (await ana.seen(f"{CLIENTS}/{client['id']}"))["name"] == client["name"]


async def test_every_bad_value_is_named_at_once(ana: Person) -> None:
    await make_field(ana, key="a", label="A", type="number")
    await make_field(ana, key="b", label="B", required=True)

    answer = await ana.post(CLIENTS, {"name": "X", "custom_fields": {"a": "x", "c": 1}})

    assert {detail["field"]: detail["message"] for detail in answer.json()["details"]} == {
        "body.custom_fields.a": "A: informe um número.",
        "body.custom_fields.b": "B: preenchimento obrigatório.",
        "body.custom_fields.c": "Campo desconhecido. Confira os campos da organização.",
    }


async def test_change_touches_the_values_that_are_sent(ana: Person, records: Records) -> None:
    for key in ("a", "b", "c"):
        await make_field(ana, key=key)
    client = await make_client(ana, custom_fields={"a": "1", "b": "2"})

    changed = await ana.patch(f"{CLIENTS}/{client['id']}", {"custom_fields": {"b": None, "c": "3"}})

    assert changed.json()["data"]["custom_fields"] == {"a": "1", "c": "3"}
    (audited,) = await records.audit("client.updated")
    assert audited["changed"] == ["custom_fields"]


async def test_required_binds_new_clients_and_never_those_that_exist(ana: Person) -> None:
    old = await make_client(ana)
    path = f"{CLIENTS}/{old['id']}"
    field = await make_field(ana, required=True)

    missing = await ana.post(CLIENTS, {"name": "Nova"})
    assert missing.status_code == 422
    assert (await ana.patch(path, {"name": "Ainda serve"})).status_code == 200
    assert (await ana.patch(path, {"custom_fields": {"matricula": "1"}})).status_code == 200
    emptied = await ana.patch(path, {"custom_fields": {"matricula": None}})
    assert emptied.json()["details"][0]["message"] == "Matrícula: preenchimento obrigatório."
    await ana.patch(f"{FIELDS}/{field['id']}", {"required": False})
    assert (await ana.patch(path, {"custom_fields": {"matricula": ""}})).status_code == 200


async def test_archived_field_keeps_its_values_and_takes_no_new_ones(
    ana: Person, vera: Person
) -> None:
    field = await make_field(ana, required=True)
    client = await make_client(ana, custom_fields={"matricula": "1"})
    path = f"{CLIENTS}/{client['id']}"

    archived = await ana.post(f"{FIELDS}/{field['id']}/archive")
    assert archived.json()["data"]["archived_at"] is not None
    assert await vera.seen(FIELDS) == []
    assert len(await vera.seen(FIELDS, archived="true")) == 1
    assert (await ana.seen(path))["custom_fields"] == {"matricula": "1"}
    assert (await ana.patch(path, {"custom_fields": {"matricula": "1"}})).status_code == 200
    refused = await ana.patch(path, {"custom_fields": {"matricula": "2"}})
    assert refused.json()["details"][0]["message"] == "Matrícula: o campo está arquivado."
    await make_client(ana)  # no longer required
    await ana.post(f"{FIELDS}/{field['id']}/restore")
    assert (await ana.patch(path, {"custom_fields": {"matricula": "2"}})).status_code == 200


async def test_choice_that_is_taken_away_stays_where_it_was_chosen(ana: Person) -> None:
    field = await make_field(ana, key="plano", type="choice", choices=["Ouro", "Prata"])
    client = await make_client(ana, custom_fields={"plano": "Ouro"})
    path = f"{CLIENTS}/{client['id']}"

    await ana.patch(f"{FIELDS}/{field['id']}", {"choices": ["Prata", "Bronze"]})

    assert (await ana.seen(path))["custom_fields"] == {"plano": "Ouro"}
    assert (await ana.patch(path, {"custom_fields": {"plano": "Ouro"}})).status_code == 200
    assert (await ana.post(CLIENTS, {"name": "X", "custom_fields": {"plano": "Ouro"}})).json()[
        "details"
    ][0]["message"] == "Matrícula: escolha entre Prata, Bronze."


@pytest.mark.parametrize("change", [{"key": "outra"}, {"type": "number"}, {"entity": "ticket"}])
async def test_what_gives_values_their_meaning_cannot_change(
    ana: Person, change: dict[str, str]
) -> None:
    field = await make_field(ana)

    assert (await ana.patch(f"{FIELDS}/{field['id']}", change)).status_code == 422


async def test_choices_belong_to_choice_fields(ana: Person) -> None:
    text = await make_field(ana)
    choice = await make_field(ana, key="plano", type="choice", choices=["Ouro"])

    for field, choices in ((text, ["a"]), (choice, [])):
        answer = await ana.patch(f"{FIELDS}/{field['id']}", {"choices": choices})
        assert answer.status_code == 422


async def test_only_who_configures_the_desk_defines_fields(
    ana: Person, bruno: Person, davi: Person, beto: Person
) -> None:
    field = await make_field(ana)
    for who in (bruno, davi):
        assert (await who.post(FIELDS, {})).status_code == 403
        assert (await who.patch(f"{FIELDS}/{field['id']}", {})).status_code == 403
        assert (await who.post(f"{FIELDS}/{field['id']}/archive")).status_code == 403
    guessed = await beto.post(f"{FIELDS}/{field['id']}/archive")
    unknown = await beto.post(f"{FIELDS}/{new_id()}/archive")
    assert guessed.status_code == 404
    assert without_request_id(guessed) == without_request_id(unknown)
    assert await beto.seen(FIELDS) == []


async def test_stale_version_of_a_field_is_refused(ana: Person, records: Records) -> None:
    field = await make_field(ana)
    path, seen = f"{FIELDS}/{field['id']}", {"if-match": '"1"'}

    changed = await ana.patch(path, {"label": "Nova"}, headers=seen)
    stale = await ana.patch(path, {"label": "Outra"}, headers=seen)
    archived = await ana.post(f"{path}/archive", headers=seen)

    assert (changed.headers["etag"], stale.status_code, archived.status_code) == ('"2"', 412, 412)
    (audited,) = await records.audit("custom_field.updated")
    assert audited["values"] == {"label": {"from": "Matrícula", "to": "Nova"}}


@pytest.mark.committed
async def test_the_same_key_defined_at_once_exists_once(ana: Person) -> None:
    given = {"entity": "client", "key": "a", "label": "A", "type": "text"}

    answers = await asyncio.gather(*(ana.post(FIELDS, given) for _ in range(6)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5


async def test_clients_are_listed_by_tag_and_custom_values(ana: Person, bruno: Person) -> None:
    await make_field(ana, key="plano", type="choice", choices=["Ouro", "Prata"])
    await make_field(ana, key="saldo", type="number")
    given: list[dict[str, Any]] = [
        {"tags": ["vip"], "custom_fields": {"plano": "Ouro", "saldo": 1.5}},
        {"tags": ["vip", "novo"], "custom_fields": {"plano": "Prata"}},
        {"tags": ["novo"], "custom_fields": {"plano": "Ouro"}},
    ]
    clients = [(await make_client(ana, **each))["id"] for each in given]

    async def found(**params: Any) -> list[str]:
        return [row["id"] for row in await bruno.seen(CLIENTS, **params)]

    assert await found(tag="vip") == [clients[1], clients[0]]
    assert await found(custom="plano:Ouro", sort="created_at") == [clients[0], clients[2]]
    assert await found(custom=["plano:Ouro", "saldo:1.5"]) == [clients[0]]
    assert await found(tag="novo", custom="plano:Ouro") == [clients[2]]
    assert await found(custom="plano:Bronze") == []
    page = await bruno.get(CLIENTS, params={"tag": "vip", "page": "1", "per_page": "1"})
    assert page.json()["meta"]["total"] == 2
    await ana.patch(f"{CLIENTS}/{clients[0]}", {"tags": [], "custom_fields": {"plano": "Prata"}})
    assert await found(tag="vip") == [clients[1]]
    assert await found(custom="plano:Prata") == [clients[1], clients[0]]
    assert (await bruno.get(CLIENTS, params={"custom": "plano"})).status_code == 422


async def test_who_sees_addresses_masked_cannot_ask_for_one(bruno: Person, vera: Person) -> None:
    client = await make_client(bruno, email="julia@example.com")

    asked = {"email": "julia@example.com"}
    assert [row["id"] for row in await bruno.seen(CLIENTS, **asked)] == [client["id"]]
    assert (await vera.get(CLIENTS, params=asked)).status_code == 403


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "name", "-updated_at"])
async def test_filtered_list_is_paged_by_cursor_in_its_order(
    ana: Person, statements: list[str], sort: str
) -> None:
    for number in range(5):
        await make_client(ana, name=f"Cliente {number}", tags=["vip"] if number != 2 else [])
    seen, cursor = [], None
    while True:
        statements.clear()
        params = {"tag": "vip", "sort": sort, "limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await ana.get(CLIENTS, params=params)).json()
        (statement,) = statements
        assert ("ORDER BY client_facets" in statement) is ("created_at" in sort)
        seen += [int(row["name"].split()[-1]) for row in page["data"]]
        cursor = page["meta"]["next_cursor"]
        if not page["meta"]["has_more"]:
            break

    assert seen == ([4, 3, 1, 0] if sort.startswith("-") else [0, 1, 3, 4])
