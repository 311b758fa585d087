"""Canned replies: variables of one table, filled in once, and nothing that runs."""

from typing import Any

import pytest
from core_api_factories import TICKETS, Person, make_client, make_ticket, without_request_id
from core_api_records import Records

from core_api.modules.macros.variables import VARIABLES, checked, rendered
from shared_schemas.ids import new_id

REPLIES = "/api/v1/canned-replies"


def _given(**changes: Any) -> dict[str, Any]:
    return {"name": "Saudação", "body": "Olá, {{cliente.primeiro_nome}}!"} | changes


def test_values_are_put_in_once_and_never_looked_at_again() -> None:
    values = {"cliente.nome": "{{atendente.nome}} {% x %}", "atendente.nome": "Bruno"}

    text = rendered("{{ cliente.nome }}/{{atendente.nome}}/{{chamado.equipe}}.", values)

    assert text == "{{atendente.nome}} {% x %}/Bruno/."


@pytest.mark.parametrize("name", list(VARIABLES))
def test_every_variable_of_the_table_is_known(name: str) -> None:
    assert checked(f"a {{{{  {name} }}}} b") == f"a {{{{{name}}}}} b"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{cliente.cpf}}", "{{cliente.cpf}}"),
        ("{{cliente}} {{x}} {{x}}", "{{cliente}}, {{x}}."),
        ("{{cliente.__class__}}", "{{cliente.__class__}}"),
        ("{{7*7}}", "{{7*7}}"),
        ("{{}}", "{{}}"),
        ("{{cliente.nome}", "sem par"),
        ("cliente.nome}}", "sem par"),
        ("{{{cliente.nome}}}", "{{{cliente.nome}}"),
        ("{{ {{cliente.nome}} }}", "Variável desconhecida"),
    ],
)
def test_whatever_is_not_a_variable_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        checked(text)

    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["{um} {dois}", "{% if x %}", "${HOME} %(x)s {0}", "a { b } c"])
def test_other_braces_are_only_text(text: str) -> None:
    assert rendered(checked(text), {}) == text


async def test_text_is_filled_in_for_a_ticket(ana: Person, bruno: Person) -> None:
    client = await make_client(ana, name="Júlia {{atendente.nome}} Prado")
    ticket = await make_ticket(ana, client["id"], priority="urgent", subject="IPTU {{x}}")
    names = "|".join(f"{{{{{name}}}}}" for name in VARIABLES if name != "data.hoje")
    reply = await bruno.made(REPLIES, _given(body=names))

    found = await bruno.seen(f"{TICKETS}/{ticket['id']}/canned-replies/{reply['id']}")

    assert found["body"].split("|") == [
        "Júlia {{atendente.nome}} Prado",
        "Júlia",
        "1",
        "IPTU {{x}}",
        "novo",
        "urgente",
        "",
        "",
        "Bruno Tavares",
        "Bruno",
        "Aurora",
    ]


async def test_unknown_variable_is_refused_when_saving(ana: Person) -> None:
    made = await ana.post(REPLIES, _given(body="Oi {{cliente.cpf}}"))
    reply = await ana.made(REPLIES, _given())
    changed = await ana.patch(f"{REPLIES}/{reply['id']}", {"body": "{{x}}"})

    for answer in (made, changed):
        assert answer.status_code == 422
        (detail,) = answer.json()["details"]
        assert detail["field"] == "body.body"
        assert "Variável desconhecida" in detail["message"]
        assert "{{cliente.nome}}" in detail["message"] or "cliente.nome" in detail["message"]


async def test_table_of_variables_is_served(ana: Person) -> None:
    table = await ana.seen(f"{REPLIES}/variables")

    assert {row["name"] for row in table} == set(VARIABLES)
    assert all(row["description"] and row["example"] for row in table)


async def test_text_is_written_changed_and_deleted(ana: Person, records: Records) -> None:
    reply = await ana.made(REPLIES, _given())
    path = f"{REPLIES}/{reply['id']}"

    changed = await ana.patch(path, {"name": "Oi"}, headers={"if-match": '"1"'})
    stale = await ana.patch(path, {"name": "Tchau"}, headers={"if-match": '"1"'})
    again = await ana.post(REPLIES, _given(name="Oi"))
    gone = await ana.delete(path)

    assert (changed.json()["data"]["name"], changed.headers["etag"]) == ("Oi", '"2"')
    assert (stale.status_code, gone.status_code) == (412, 204)
    assert again.json()["code"] == "CANNED_REPLY_NAME_TAKEN"
    assert (await records.audit("canned_reply.updated"))[0]["values"] == {
        "name": {"from": "Saudação", "to": "Oi"}
    }
    assert await ana.seen(REPLIES) == []


async def test_own_texts_are_ones_own(ana: Person, bruno: Person, vera: Person) -> None:
    own = await bruno.made(REPLIES, _given())
    shared = await ana.made(REPLIES, _given(shared=True))

    listed = await bruno.seen(REPLIES)
    assert {one["id"] for one in listed} == {own["id"], shared["id"]}
    assert [one["id"] for one in await ana.seen(REPLIES)] == [shared["id"]]
    assert (await ana.get(f"{REPLIES}/{own['id']}")).status_code == 404
    assert (await ana.patch(f"{REPLIES}/{own['id']}", {"name": "x"})).status_code == 404
    refused = [
        await bruno.patch(f"{REPLIES}/{shared['id']}", {"name": "x"}),
        await bruno.delete(f"{REPLIES}/{shared['id']}"),
        await bruno.post(REPLIES, _given(name="x", shared=True)),
        await vera.post(REPLIES, _given()),
    ]
    assert {answer.status_code for answer in refused} == {403}


async def test_text_of_another_organization_is_not_there(ana: Person, beto: Person) -> None:
    reply = await ana.made(REPLIES, _given(shared=True))
    ticket, theirs = await make_ticket(ana), await make_ticket(beto)

    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        foreign = await beto.call(method, f"{REPLIES}/{reply['id']}", json=body)
        unknown = await beto.call(method, f"{REPLIES}/{new_id()}", json=body)
        assert foreign.status_code == unknown.status_code == 404
        assert without_request_id(foreign) == without_request_id(unknown)
    path = f"{TICKETS}/{theirs['id']}/canned-replies/{reply['id']}"
    assert (await beto.get(path)).status_code == 404
    own = await beto.made(REPLIES, _given())
    path = f"{TICKETS}/{ticket['id']}/canned-replies/{own['id']}"
    assert (await beto.get(path)).status_code == 404
