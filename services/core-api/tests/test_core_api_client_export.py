"""Clients as a file: complete, harmless in a spreadsheet, and imported back without a change."""

import csv
import io
from typing import Any

import pytest
from core_api_factories import CLIENTS, Person, generated_cnpj, generated_cpf, make_client
from core_api_imports import Worker, imported
from core_api_records import Records
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from chassis.data.database import Database
from core_api.csv_export import neutralize, restore
from core_api.modules.clients.export import streaming as export
from core_api.workplace import Workplace

EXPORT = f"{CLIENTS}/export.csv"

pytestmark = pytest.mark.committed


async def exported(person: Person, **params: Any) -> list[dict[str, str]]:
    """The rows, by column."""
    answer = await person.get(EXPORT, params=params)
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"\xef\xbb\xbf")
    text = answer.text.removeprefix("\ufeff")
    return list(csv.DictReader(io.StringIO(text), delimiter=";"))


async def test_an_exported_file_imports_back_without_a_change(
    ana: Person, app: FastAPI, database: Database, workplace: Workplace
) -> None:
    field = {"entity": "client", "key": "plano", "label": "Plano", "type": "text"}
    await ana.made("/api/v1/custom-fields", field)
    await make_client(
        ana,
        name="=HYPERLINK(1)",
        document=generated_cpf(1),
        emails=[
            {"address": "a@example.com", "label": "casa"},
            {"address": "b@example.com", "primary": True},
        ],
        phones=[{"number": "(11) 98765-4321"}, {"number": "(11) 3333-4444", "label": "fixo"}],
        addresses=[{"cep": "01310-100", "uf": "SP", "city": "São Paulo", "street": "Av. Paulista"}],
        tags=["a", "centro, sul; =1"],
        custom_fields={"plano": "Ouro; +1"},
    )
    await make_client(
        ana, name="-Empresa", kind="company", document=generated_cnpj(2, alphanumeric=True)
    )
    worker = Worker(app, database, workplace.storage)
    for params in ({}, {"documents": "full"}, {"separator": "tab"}):
        content = (await ana.get(EXPORT, params=params)).content
        for blank in ("keep", "clear"):
            found = await imported(ana, worker, content, blank=blank)
            assert found["run"]["rows"]["unchanged"] == 2, found
            assert found["warnings"] == []
    await worker.core.close()


async def test_documents_are_masked_unless_asked_for_by_who_may(
    ana: Person, davi: Person, records: Records
) -> None:
    await make_client(ana, document="529.982.247-25")

    assert (await exported(davi))[0]["CPF/CNPJ"] == "***.982.247-**"
    assert (await exported(davi, documents="full"))[0]["CPF/CNPJ"] == "529.982.247-25"
    noted = await records.audit("client_export.started")
    assert [row["values"]["documents"]["to"] for row in noted] == ["masked", "full"]


async def test_formulas_are_neutralized(ana: Person) -> None:
    for name in ("=1+1", "+1", "-1", "@SUM(A1)", 'x";=1', "a,=2", "D'Ávila"):
        await make_client(ana, name=name)

    names = [row["Nome"] for row in await exported(ana)]

    assert names == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "x\";'=1", "a,'=2", "D'Ávila"]


async def test_filters_hold_and_are_noted_without_personal_data(
    ana: Person, records: Records
) -> None:
    await make_client(ana, name="Júlia", email="julia@example.com", tags=["vip"])
    await make_client(ana, name="Caio")

    assert [row["Nome"] for row in await exported(ana, tag="VIP")] == ["Júlia"]
    assert [row["Nome"] for row in await exported(ana, email="julia@example.com")] == ["Júlia"]
    by_tag, by_email = await records.audit("client_export.started")
    assert by_tag["values"]["rows"]["to"] == 1
    assert by_tag["values"]["filters"]["to"] == {"tag": "vip"}
    assert by_email["values"]["filters"]["to"] == {"email": True}


async def test_every_client_comes_once_over_many_batches(
    ana: Person, beto: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_ROWS_AT_ONCE", 3)
    for number in range(10):
        await make_client(ana, name=f"Pessoa {number}")
    await make_client(beto, name="Alheia")

    assert [row["Nome"] for row in await exported(ana)] == [f"Pessoa {n}" for n in range(10)]


async def test_only_who_may_export_does(bruno: Person, vera: Person) -> None:
    assert [(await who.get(EXPORT)).status_code for who in (bruno, vera)] == [403, 403]


@given(st.text(alphabet="'=+-@\t\r\n;,|\"a ＝", max_size=8))
def test_what_was_neutralized_is_restored(text: str) -> None:
    assert restore(neutralize(text)) == text
