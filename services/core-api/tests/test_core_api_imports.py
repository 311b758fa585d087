"""Imports of clients from CSV: what becomes of the rows, whatever happens on the way."""

import asyncio
import csv
import io
import re
import unicodedata
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import asyncpg
import pytest
from core_api_factories import (
    CLIENTS,
    INTERNAL_KEY,
    Person,
    generated_cnpj,
    generated_cpf,
    make_client,
    without_request_id,
)
from core_api_imports import HEADER, IMPORTS, Worker, imported, rows_of, upload
from core_api_records import Records
from fastapi import FastAPI

from chassis.data.database import Database
from core_api.modules.imports.applying import ImportQueue
from core_api.workplace import Workplace
from shared_schemas.ids import new_id
from worker_svc import client_import
from worker_svc.importing import import_run

pytestmark = pytest.mark.committed


@pytest.fixture
async def worker(app: FastAPI, database: Database, workplace: Workplace) -> AsyncIterator[Worker]:
    """A worker of this process."""
    worker = Worker(app, database, workplace.storage)
    yield worker
    await worker.core.close()


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten rows at a time, so that a short file has several batches."""
    monkeypatch.setattr(client_import, "ROWS_PER_BATCH", 10)


def counts(found: Any) -> dict[str, int]:
    return {
        name: found["run"]["rows"][name] for name in ("created", "updated", "unchanged", "failed")
    }


async def test_a_file_becomes_clients(ana: Person, worker: Worker, records: Records) -> None:
    found = await imported(ana, worker, rows_of(3))

    assert (found["status"], found["run"]["percent"]) == ("succeeded", 100)
    assert counts(found) == {"created": 3, "updated": 0, "unchanged": 0, "failed": 0}
    clients = await ana.seen(CLIENTS, sort="created_at")
    assert [(c["external_id"], c["name"], c["email"]) for c in clients] == [
        (f"C-{n}", f"Pessoa {n}", f"p{n}@example.com") for n in (1, 2, 3)
    ]
    assert len(await records.events("client.created")) == 3
    assert len(await records.events("client.import_finished")) == 1
    reasons = {row["reason"] for row in await records.audit("client.created")}
    assert reasons == {f"Importação {found['id']}"}


async def test_the_same_file_twice_changes_nothing_and_changed_rows_are_updated(
    ana: Person, worker: Worker
) -> None:
    await imported(ana, worker, rows_of(5))
    again = await imported(ana, worker, rows_of(5))
    changed = await imported(ana, worker, rows_of(5).replace("Pessoa 2", "Júlia"))

    assert counts(again) == {"created": 0, "updated": 0, "unchanged": 5, "failed": 0}
    assert counts(changed) == {"created": 0, "updated": 1, "unchanged": 4, "failed": 0}


async def test_a_code_is_the_same_however_its_accents_are_encoded(
    ana: Person, worker: Worker
) -> None:
    content = "codigo;nome\nAÇÃO-1;Júlia\n"
    await imported(ana, worker, content)
    again = await imported(ana, worker, unicodedata.normalize("NFD", content))

    assert counts(again) == {"created": 0, "updated": 0, "unchanged": 1, "failed": 0}


async def test_rows_about_a_merged_client_reach_the_one_that_answers_for_it(
    ana: Person, worker: Worker, superuser: asyncpg.Connection
) -> None:
    survivor = await make_client(ana, name="Júlia", external_id="S")
    merged = await make_client(ana, name="Julia", external_id="M")
    await ana.post(f"{CLIENTS}/{survivor['id']}/merge", {"other_id": merged["id"]})

    for lines, name in (
        (f"{merged['id']};;A", "A"),
        (";M;B", "B"),
        (f"{merged['id']};M;C", "C"),
        (f"{survivor['id']};M;D", "D"),
        (";S;E\n;M;F", "F"),
    ):
        found = await imported(ana, worker, f"id;codigo;nome\n{lines}\n")

        assert (counts(found)["failed"], counts(found)["created"]) == (0, 0)
        shown = await ana.seen(f"{CLIENTS}/{survivor['id']}")
        assert (shown["name"], shown["external_id"]) == (name, "S")
    codes = await superuser.fetch("SELECT id::text, external_id FROM crm.clients")
    assert dict(codes) == {survivor["id"]: "S", merged["id"]: "M"}


async def test_two_files_with_the_same_people_do_not_wait_for_each_other_in_a_circle(
    ana: Person, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names are new, and the files have them in opposite orders."""
    attempts, apply = list[bool](), ImportQueue._apply

    async def counted(queue: ImportQueue, *given: Any, one_by_one: bool) -> Any:
        attempts.append(one_by_one)
        return await apply(queue, *given, one_by_one=one_by_one)

    monkeypatch.setattr(ImportQueue, "_apply", counted)
    people = [f"{n};Nome{n} Novo{n};;" for n in range(150)]
    for lines in (people, people[::-1]):
        await upload(ana, "\n".join([HEADER, *lines]) + "\n", dry_run=False)

    jobs = [await worker.claim(), await worker.claim()]
    await asyncio.gather(*(import_run(worker.queue, worker.importing, job) for job in jobs))

    found = await ana.seen(IMPORTS)
    assert [each["status"] for each in found] == ["succeeded", "succeeded"]
    assert sum(counts(each)["created"] for each in found) == len(people)
    assert attempts == [False, False]


async def test_bad_rows_stop_nothing_and_are_reported(ana: Person, worker: Worker) -> None:
    cpf = generated_cpf(1)
    lines = [
        HEADER,
        f"1;Ana;ana@example.com;{cpf}",
        "2;;sem-nome@example.com;",
        "3;Bia;não é e-mail;111",
        "1;Outra Ana;;",
        '4;"Caio\nda Silva";caio@example.com;',
    ]
    found = await imported(ana, worker, "\n".join(lines))

    assert counts(found) == {"created": 2, "updated": 0, "unchanged": 0, "failed": 3}
    report = await ana.get(f"{IMPORTS}/{found['id']}/errors.csv")
    header, *rows = csv.reader(io.StringIO(report.text.removeprefix("\ufeff")), delimiter=";")
    assert header == ["codigo", "nome", "email", "cpf", *header[4:]]
    assert [(row[4], row[5]) for row in rows] == [("3", "nome"), ("4", "email"), ("5", "")]
    assert rows[0][6] == "Campo obrigatório."
    assert rows[1][6] == "E-mail inválido. Confira o endereço."
    assert rows[2][6] == "A linha 2 do arquivo já é deste mesmo cliente."


async def test_what_a_spreadsheet_took_away_is_given_back(ana: Person, worker: Worker) -> None:
    cpf = next(number for seed in count() if (number := generated_cpf(seed))[0] == "0")
    cnpj = next(number for seed in count() if (number := generated_cnpj(seed))[0] == "0")
    lines = [
        "codigo;nome;tipo;cpf;cep;uf;cidade",
        f"1;Ana;pessoa;{cpf.lstrip('0')};1310100;São Paulo;São Paulo",
        f"2;Banco;;{cnpj.lstrip('0')};70040912;;Brasília",
        "3;Caio;Pessoa Física;;;amazonas;Manaus",
        "4;Duda;marciano;;;;",
        "5;Edu;pessoa;1234;1310100;RJ;Niterói",
    ]

    found = await imported(ana, worker, "\n".join(lines))

    assert counts(found) == {"created": 3, "updated": 0, "unchanged": 0, "failed": 2}
    clients = {each["external_id"]: each for each in await ana.seen(CLIENTS)}
    assert await _document(ana, clients["1"]) == cpf
    assert await _document(ana, clients["2"]) == cnpj
    assert [clients[code]["kind"] for code in "123"] == ["person", "company", "person"]
    addresses = [clients[code]["addresses"][0] for code in "123"]
    assert [(each["cep"], each["uf"]) for each in addresses] == [
        ("01310-100", "SP"),
        ("70040-912", "DF"),
        (None, "AM"),
    ]
    report = await ana.get(f"{IMPORTS}/{found['id']}/errors.csv")
    _, *rows = csv.reader(io.StringIO(report.text.removeprefix("\ufeff")), delimiter=";")
    assert [(row[0], row[8], row[9]) for row in rows] == [
        ("4", "tipo", "Tipo desconhecido. Use pessoa ou empresa."),
        ("5", "cep", "CEP inválido. Informe os 8 dígitos, por exemplo 01310-100."),
    ]


async def _document(person: Person, client: dict[str, Any]) -> str:
    shown = (await person.seen(f"{CLIENTS}/{client['id']}"))["document"]
    return re.sub(r"\D", "", shown)


async def test_an_emptied_name_says_that_it_may_not_be(ana: Person, worker: Worker) -> None:
    await imported(ana, worker, "codigo;nome;uf;cidade\n1;Ana;SP;Santos\n")

    found = await imported(ana, worker, "codigo;nome;uf;cidade\n1;;;Santos\n", blank="clear")

    report = await ana.get(f"{IMPORTS}/{found['id']}/errors.csv")
    assert "O texto não pode ficar em branco. | Campo obrigatório." in report.text


async def test_a_dry_run_reports_the_same_and_writes_nothing(
    ana: Person, worker: Worker, superuser: asyncpg.Connection
) -> None:
    await imported(ana, worker, rows_of(2))
    content = rows_of(4).replace("Pessoa 1", "Outra") + "9;;;\n"
    before = await superuser.fetch("SELECT * FROM crm.clients ORDER BY id")
    traces = await superuser.fetchval("SELECT count(*) FROM crm.client_words")

    dry = await imported(ana, worker, content, dry_run=True)

    assert await superuser.fetch("SELECT * FROM crm.clients ORDER BY id") == before
    assert await superuser.fetchval("SELECT count(*) FROM crm.client_words") == traces
    await ana.post(f"{IMPORTS}/{dry['id']}/start", {"dry_run": False})
    await worker.drain()
    real = await ana.seen(f"{IMPORTS}/{dry['id']}")
    assert counts(dry) == counts(real) == {"created": 2, "updated": 1, "unchanged": 1, "failed": 1}


async def test_a_worker_killed_between_batches_doubles_no_row(
    ana: Person,
    worker: Worker,
    superuser: asyncpg.Connection,
    small_batches: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without an external id nothing but the run's own book-keeping keeps rows from doubling."""
    content = "nome\n" + "".join(f"Pessoa {n}\n" for n in range(35))
    answer = await upload(ana, content, dry_run=False)
    import_id = answer.json()["data"]["id"]
    taken, second, tell = 0, asyncio.Event(), worker.importing._tell

    async def dies(path: str, *rest: Any) -> Any:
        nonlocal taken
        result = await tell(path, *rest)
        taken += path.endswith("/batches")
        if taken == 2:
            second.set()
            await asyncio.Event().wait()  # the batch is committed; its worker hears nothing of it
        return result

    with monkeypatch.context() as patch:
        patch.setattr(worker.importing, "_tell", dies)
        job = await worker.claim()
        dying = asyncio.create_task(worker.importing.import_clients(job))
        await second.wait()
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
    await superuser.execute("UPDATE crm.client_import_runs SET lease_expires_at = now()")
    await worker.drain()

    found = await ana.seen(f"{IMPORTS}/{import_id}")
    assert (found["status"], counts(found)["created"]) == ("succeeded", 35)
    names = await superuser.fetch("SELECT name FROM crm.clients")
    assert sorted(row["name"] for row in names) == sorted(f"Pessoa {n}" for n in range(35))
    late = await _batch(ana, job, import_id, number=1)
    assert late.json()["code"] == "CLIENT_IMPORT_LEASE_LOST"


async def test_a_batch_that_comes_twice_is_applied_once(
    ana: Person, worker: Worker, superuser: asyncpg.Connection
) -> None:
    import_id = (await upload(ana, rows_of(3), dry_run=False)).json()["data"]["id"]
    job = await worker.claim()

    first, again, early = [await _batch(ana, job, import_id, number=number) for number in (1, 1, 3)]

    assert first.json()["data"] == again.json()["data"] == {"next_batch": 2, "rows_done": 1}
    assert early.json()["code"] == "CLIENT_IMPORT_BATCH_OUT_OF_TURN"
    assert await superuser.fetchval("SELECT count(*) FROM crm.clients") == 1


async def test_a_cancelled_import_stops_and_keeps_what_it_has(
    ana: Person, worker: Worker, small_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = (await upload(ana, rows_of(35), dry_run=False)).json()["data"]["id"]
    tell = worker.importing._tell

    async def cancelled_after_the_first(path: str, *rest: Any) -> Any:
        result = await tell(path, *rest)
        if path.endswith("/batches"):
            await ana.post(f"{IMPORTS}/{import_id}/cancel")
        return result

    monkeypatch.setattr(worker.importing, "_tell", cancelled_after_the_first)
    await import_run(worker.queue, worker.importing, await worker.claim())

    found = await ana.seen(f"{IMPORTS}/{import_id}")
    assert (found["status"], counts(found)["created"]) == ("cancelled", 10)
    again = await ana.post(f"{IMPORTS}/{import_id}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "CLIENT_IMPORT_NOT_UNDER_WAY")


async def test_mapping_is_proposed_with_sample_rows_and_can_be_chosen(
    ana: Person, worker: Worker
) -> None:
    answer = await upload(ana, "Coisa,Full Name,E-mail\nx,Júlia,j@example.com\n")
    shown = await ana.seen(f"{IMPORTS}/{answer.json()['data']['id']}")
    assert [column["field"] for column in shown["columns"]] == [None, "name", "email"]
    assert shown["sample"] == [["x", "Júlia", "j@example.com"]]
    assert len(shown["warnings"]) == 1

    mapping = [{"column": 0, "field": "external_id"}, {"column": 1, "field": "name"}]
    started = await ana.post(f"{IMPORTS}/{shown['id']}/start", {"mapping": mapping})
    assert (started.status_code, started.json()["data"]["warnings"]) == (202, [])
    again = await ana.post(f"{IMPORTS}/{shown['id']}/start", {})
    assert again.json()["code"] == "CLIENT_IMPORT_UNDER_WAY"
    await worker.drain()
    (client,) = await ana.seen(CLIENTS)
    assert (client["external_id"], client["email"]) == ("x", None)


@pytest.mark.parametrize(
    "mapping",
    [
        [{"column": 9, "field": "name"}],
        [{"column": 0, "field": "nome"}],
        [{"column": 0, "field": "name"}, {"column": 0, "field": "email"}],
        [{"column": 0, "field": "name"}, {"column": 1, "field": "name"}],
        [{"column": 0, "field": "email"}],
    ],
)
async def test_a_mapping_that_cannot_be_is_refused(ana: Person, mapping: Any) -> None:
    import_id = (await upload(ana, rows_of(1))).json()["data"]["id"]

    answer = await ana.post(f"{IMPORTS}/{import_id}/start", {"mapping": mapping})

    assert answer.status_code == 422, answer.text


async def test_another_organization_sees_nothing(ana: Person, beto: Person) -> None:
    import_id = (await upload(ana, rows_of(1))).json()["data"]["id"]

    for method, rest in (
        ("GET", ""),
        ("POST", "/start"),
        ("POST", "/cancel"),
        ("GET", "/errors.csv"),
    ):
        body: dict[str, Any] | None = {} if rest == "/start" else None
        theirs = await beto.call(method, f"{IMPORTS}/{import_id}{rest}", json=body)
        nobody = await beto.call(method, f"{IMPORTS}/{new_id()}{rest}", json=body)
        assert theirs.status_code == 404
        assert without_request_id(theirs) == without_request_id(nobody)
    assert await beto.seen(IMPORTS) == []


async def test_only_who_may_import_does(bruno: Person, vera: Person, davi: Person) -> None:
    statuses = [(await upload(who, rows_of(1))).status_code for who in (bruno, vera, davi)]

    assert statuses == [403, 403, 403]


async def _batch(person: Person, job: Any, import_id: str, *, number: int) -> Any:

    return await person.http.post(
        f"/internal/v1/client-imports/{import_id}/batches",
        headers={"x-internal-key": INTERNAL_KEY, "x-source-service": "worker-svc"},
        json={
            "organization_id": str(job.organization_id),
            "lease_token": job.lease_token,
            "run_id": str(job.id),
            "number": number,
            "rows_total": 3,
            "is_last": False,
            "rows": [{"number": 1 + number, "cells": [f"C-{number}", "Nome", "", ""]}],
        },
    )
