"""The audit log as a file: the events of the list, whole, and noted itself."""

import csv
import io
import json
from typing import Any
from urllib.parse import quote

import pytest
from core_api_factories import CLIENTS, Person, generated_cpf, make_client

EVENTS = "/api/v1/audit-events"
EXPORT = f"{EVENTS}/export"


async def lines(person: Person, **params: str) -> list[dict[str, Any]]:
    answer = await person.get(EXPORT, params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/jsonl"
    assert answer.headers["cache-control"] == "no-store"
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_export_says_what_the_list_says(ana: Person, davi: Person) -> None:
    client = await make_client(ana, email="julia@example.com", document=generated_cpf(4))
    reason = {"x-change-reason": quote("A pedido da Júlia")}
    await ana.patch(f"{CLIENTS}/{client['id']}", {"name": "Júlia Lima"}, headers=reason)

    listed = await davi.seen(EVENTS, about=client["id"])
    exported = await lines(davi, about=client["id"])

    assert exported == listed
    assert exported[0]["values"]["name"] == {
        "from": "Júlia Prado",
        "to": "Júlia Lima",
        "erased": False,
        "withheld": False,
    }
    assert exported[0]["reason"] == "A pedido da Júlia"
    assert generated_cpf(4) not in json.dumps(exported)


async def test_export_is_an_event_itself(ana: Person, davi: Person) -> None:
    client = await make_client(ana)
    await lines(davi, about=client["id"], since="2026-01-01T00:00:00Z", format="jsonl")

    (event,) = await ana.seen(EVENTS, action="audit_export.started")

    told = {name: value["to"] for name, value in event["values"].items()}
    assert told == {
        "events": 1,
        "format": "jsonl",
        "filters": {"about": client["id"], "since": "2026-01-01T00:00:00+00:00"},
    }


async def test_export_as_a_table_holds_no_formula(ana: Person) -> None:
    client = await make_client(ana)
    reason = {"x-change-reason": quote("=1+1")}
    await ana.patch(f"{CLIENTS}/{client['id']}", {"name": "Júlia Lima"}, headers=reason)

    answer = await ana.get(EXPORT, params={"about": client["id"], "format": "csv"})

    table = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")), delimiter=";"))
    assert [row["Ação"] for row in table] == ["client.updated", "client.created"]
    assert table[0]["Motivo"] == "'=1+1"
    assert table[0]["Registro"] == table[0]["Titular"] == client["id"]
    assert json.loads(table[0]["Valores"])["name"]["to"] == "Júlia Lima"


async def test_export_goes_on_beyond_one_batch(
    ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core_api.modules.audit.exporting._ROWS_AT_ONCE", 2)
    created = [(await make_client(ana))["id"] for _ in range(5)]

    exported = await lines(ana, action="client.created")

    assert [event["subject_id"] for event in exported] == created[::-1]


async def test_filter_by_kind_of_thing(ana: Person) -> None:
    client = await make_client(ana)

    events = await ana.seen(EVENTS, subject_type="client")

    assert [event["subject_id"] for event in events] == [client["id"]]


async def test_only_auditors_export(bruno: Person, beto: Person, ana: Person) -> None:
    client = await make_client(ana)

    assert (await bruno.get(EXPORT)).status_code == 403
    assert await lines(beto, about=client["id"]) == []
    assert (await ana.get(EXPORT, params={"format": "xml"})).status_code == 422
