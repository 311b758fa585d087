"""Sources over HTTP: set up by an admin, looked at when it is time, credentials never shown."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from ai_svc_factories import DOCUMENTS, INTERNAL_KEY, Person
from fastapi import FastAPI
from pydantic import SecretStr

from ai_svc.workshop import Workshop
from devstack.testing import DatabaseUrls
from knowledge.settings import SourceSettings
from knowledge.sources.credentials import CredentialSafe
from knowledge.sources.rows import place_of

pytestmark = pytest.mark.committed

SOURCES = "/api/v1/rag/sources"
SWEEP = "/internal/v1/sources/sweep"
WORKER = {"x-internal-key": INTERNAL_KEY, "x-source-service": "worker-svc"}
PAGE: dict[str, Any] = {"name": "Portal", "kind": "url", "address": "https://www.gov.br/a"}
BUCKET: dict[str, Any] = {
    "name": "Manuais",
    "kind": "s3",
    "address": "s3://manuais/publicados/",
    "options": {"endpoint": "https://s3.example.org", "region": "sa-east-1"},
    "credentials": {"access_key_id": "AKIATENANT", "secret_access_key": "segredo-guardado"},
}
KEY = SecretStr(base64.b64encode(bytes(range(32))).decode())


@pytest.fixture
def keeps_credentials(app: FastAPI) -> Iterator[None]:
    """As if SOURCE_KEYS had one."""
    workshop: Workshop = app.state.workshop
    settings = replace(workshop.settings, sources=SourceSettings(keys={1: KEY}))
    app.state.workshop = replace(workshop, settings=settings)
    yield
    app.state.workshop = workshop


async def created(person: Person, **changes: Any) -> dict[str, Any]:
    answer = await person.post(SOURCES, json={**PAGE, **changes})
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def run_sql(urls: DatabaseUrls, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(urls.superuser)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


async def test_a_source_is_set_up_changed_listed_and_removed(ana: Person) -> None:
    answer = await ana.post(SOURCES, json={**PAGE, "tags": ["Site"], "every_minutes": 60})
    source = answer.json()["data"]
    path = answer.headers["location"]
    changed = await ana.call(
        "PATCH", path, json={"every_minutes": None, "tags": []}, headers={"if-match": '"1"'}
    )
    stale = await ana.call("PATCH", path, json={"name": "X"}, headers={"if-match": '"1"'})
    listed = (await ana.get(SOURCES)).json()["data"]
    removed = await ana.call("DELETE", path)

    assert answer.status_code == 201, answer.text
    assert (source["tags"], source["every_minutes"], source["last_run"]) == (["site"], 60, None)
    assert source["next_sync_at"] is not None
    assert source["has_credentials"] is False
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert (changed.json()["data"]["next_sync_at"], changed.json()["data"]["tags"]) == (None, [])
    assert stale.status_code == 412
    assert [one["id"] for one in listed] == [source["id"]]
    assert removed.status_code == 204
    assert (await ana.get(path)).status_code == 404


async def test_credentials_are_sealed_and_never_shown(
    ana: Person, keeps_credentials: None, database_urls: DatabaseUrls
) -> None:
    answer = await ana.post(SOURCES, json=BUCKET)
    path = answer.headers["location"]
    shown = [answer, await ana.get(path), await ana.get(SOURCES)]
    (row,) = await run_sql(database_urls, "SELECT * FROM ai.sources")
    place = place_of(row["organization_id"], row["id"])
    opened = CredentialSafe({1: bytes(range(32))}).open(row["sealed_credentials"], place)
    without = await ana.call("PATCH", path, json={"credentials": None})

    assert answer.status_code == 201, answer.text
    assert answer.json()["data"]["has_credentials"] is True
    assert not any("segredo" in each.text or "AKIATENANT" in each.text for each in shown)
    assert "segredo" not in str(row)
    assert "AKIATENANT" not in str(row)
    assert (opened.access_key_id, opened.secret_access_key) == ("AKIATENANT", "segredo-guardado")
    assert without.json()["data"]["has_credentials"] is False


async def test_without_a_key_no_credentials_are_kept(ana: Person) -> None:
    answer = await ana.post(SOURCES, json=BUCKET)

    assert (answer.status_code, answer.json()["code"]) == (409, "SOURCE_CREDENTIALS_NOT_KEPT")
    assert (await ana.get(SOURCES)).json()["data"] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"address": "http://127.0.0.1/"},
        {"address": "http://core-api:8000/"},
        {"address": "file:///etc/passwd"},
        {"kind": "s3", "address": "https://bucket"},
        {"kind": "s3", "address": "s3://b"},
        {
            "kind": "s3",
            "address": "s3://bucket/x",
            "options": {"endpoint": "http://169.254.169.254"},
        },
        {"kind": "ftp"},
        {"every_minutes": 14},
        {"every_minutes": 10**9},
        {"options": {"max_items": 5_001}},
        {"options": {"under": "ajuda"}},
        {"options": {"outra": 1}},
        {"credentials": {"access_key_id": "a", "secret_access_key": "b"}},
        {"visibility": "client"},
        {"allowed_roles": ["agent"]},
        {"name": " "},
        {"tags": [""]},
        {"surpresa": 1},
    ],
)
async def test_what_is_no_source_is_refused(ana: Person, changes: dict[str, Any]) -> None:
    answer = await ana.post(SOURCES, json={**PAGE, **changes})

    assert answer.status_code == 422, answer.text
    assert (await ana.get(SOURCES)).json()["data"] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"name": None},
        {"tags": None},
        {"allowed_roles": ["agent"]},
        {"visibility": "client"},
        {"address": "https://www.gov.br/b"},
        {"credentials": {"access_key_id": "a", "secret_access_key": "b"}},
        {"options": {"endpoint": "http://10.0.0.1"}},
    ],
)
async def test_a_change_applies_whole_or_not_at_all(ana: Person, changes: dict[str, Any]) -> None:
    source = await created(ana)
    answer = await ana.call(
        "PATCH", f"{SOURCES}/{source['id']}", json={"language": "en", **changes}
    )

    assert answer.status_code == 422, answer.text
    assert (await ana.get(f"{SOURCES}/{source['id']}")).json()["data"] == source


async def brought(
    superuser: asyncpg.Connection, source: dict[str, Any], document_id: UUID, name: str
) -> None:
    """The document as if the source had brought it."""
    await superuser.execute(
        "INSERT INTO ai.source_items"
        " (id, organization_id, source_id, address, document_id, state, misses)"
        " SELECT gen_random_uuid(), organization_id, id, $2, $3, 'active', 0"
        " FROM ai.sources WHERE id = $1",
        UUID(source["id"]),
        f"https://www.gov.br/{name}",
        document_id,
    )


async def test_whom_it_is_for_holds_for_what_it_has_brought(
    ana: Person, vera: Person, superuser: asyncpg.Connection
) -> None:
    source = await created(ana)
    page, opened, other = [
        await ana.index(f"A senha do cofre {name} é azul.", allow_duplicate=True)
        for name in ("um", "dois", "três")
    ]
    await brought(superuser, source, page, "a")
    await brought(superuser, source, opened, "b")
    for visibility in ("restricted", "organization"):
        await ana.call("PATCH", f"{DOCUMENTS}/{opened}", json={"visibility": visibility})
    await ana.call("PATCH", f"{DOCUMENTS}/{other}", json={"tags": ["cofre"]})

    closed = await ana.call(
        "PATCH",
        f"{SOURCES}/{source['id']}",
        json={"visibility": "restricted", "allowed_roles": ["dpo"]},
    )
    seen = {passage["document_id"] for passage in await vera.search("senha do cofre")}
    events = await superuser.fetch(
        "SELECT envelope::json->'payload' AS said FROM ai.outbox"
        " WHERE event_type = 'document.changed' ORDER BY id"
    )

    assert closed.status_code == 200, closed.text
    assert seen == {str(other)}
    last = (await ana.get(f"{DOCUMENTS}/{page}")).json()["data"]
    assert (last["visibility"], last["allowed_roles"]) == ("restricted", ["dpo"])
    assert {json.loads(row["said"])["document_id"] for row in events[-2:]} == {
        str(page),
        str(opened),
    }


async def test_what_somebody_has_said_of_one_document_stays(
    ana: Person, vera: Person, superuser: asyncpg.Connection
) -> None:
    source = await created(ana, visibility="restricted", allowed_roles=["dpo"])
    document_id = await ana.index("O cofre é azul.", visibility="restricted")
    await brought(superuser, source, document_id, "a")

    await ana.call(
        "PATCH",
        f"{SOURCES}/{source['id']}",
        json={"visibility": "organization", "allowed_roles": []},
    )

    assert await vera.search("cofre azul") == []


async def test_names_are_one_organizations_own(ana: Person, beto: Person) -> None:
    await created(ana)
    other = await created(ana, name="Outro")
    again = await ana.post(SOURCES, json=PAGE)
    renamed = await ana.call("PATCH", f"{SOURCES}/{other['id']}", json={"name": "Portal"})
    await created(beto)

    assert (again.status_code, again.json()["code"]) == (409, "SOURCE_NAME_TAKEN")
    assert (renamed.status_code, renamed.json()["code"]) == (409, "SOURCE_NAME_TAKEN")


async def test_another_organizations_is_not_there(ana: Person, beto: Person) -> None:
    source = await created(ana)
    path = f"{SOURCES}/{source['id']}"
    answers = [
        await beto.get(path),
        await beto.call("PATCH", path, json={"name": "X"}),
        await beto.call("DELETE", path),
        await beto.post(f"{path}/sync"),
        await beto.get(f"{path}/runs"),
        await beto.get(f"{path}/items"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 6
    assert {answer.json()["code"] for answer in answers} == {"SOURCE_NOT_FOUND"}
    assert (await beto.get(SOURCES)).json()["data"] == []


async def test_only_an_admin_configures(person: Callable[[str], Person]) -> None:
    for name in ("bruno", "vera", "davi"):
        who = person(name)
        answers = [await who.get(SOURCES), await who.post(SOURCES, json=PAGE)]
        assert [answer.status_code for answer in answers] == [403, 403]


async def test_one_look_at_a_time(ana: Person) -> None:
    source = await created(ana)
    path = f"{SOURCES}/{source['id']}"
    answers = await asyncio.gather(*(ana.post(f"{path}/sync") for _ in range(4)))
    runs = (await ana.get(f"{path}/runs")).json()["data"]
    shown = (await ana.get(path)).json()["data"]["last_run"]

    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    assert [(run["state"], run["trigger"]) for run in runs] == [("pending", "person")]
    assert shown == runs[0]


async def test_what_is_due_is_asked_for_once(
    ana: Person, beto: Person, database_urls: DatabaseUrls
) -> None:
    mine = await created(ana)
    await created(ana, name="Nunca", every_minutes=None)
    await created(beto)
    answers = await asyncio.gather(*(ana.http.post(SWEEP, headers=WORKER) for _ in range(4)))
    later = await ana.http.post(SWEEP, headers=WORKER)
    rows = await run_sql(database_urls, "SELECT trigger, requested_by FROM ai.source_runs")
    again = (await ana.get(f"{SOURCES}/{mine['id']}")).json()["data"]

    assert sum(answer.json()["data"]["asked"] for answer in answers) == 2
    assert later.json()["data"] == {"asked": 0}
    assert [(row["trigger"], row["requested_by"]) for row in rows] == [("schedule", None)] * 2
    assert again["next_sync_at"] > mine["next_sync_at"]
    assert (await ana.http.post(SWEEP, headers=ana.headers)).status_code in (401, 403)


async def test_items_and_runs_come_page_by_page(ana: Person, database_urls: DatabaseUrls) -> None:
    source = await created(ana)
    await run_sql(
        database_urls,
        "INSERT INTO ai.source_items (id, organization_id, source_id, address, state, misses) "
        f"SELECT gen_random_uuid(), organization_id, id, 'https://x/' || n, "
        f"CASE WHEN n = 2 THEN 'failed' ELSE 'active' END, 0 "
        f"FROM ai.sources, generate_series(1, 3) n WHERE id = '{source['id']}' RETURNING 1",
    )
    path = f"{SOURCES}/{source['id']}/items"
    first = (await ana.get(path, params={"limit": 2})).json()
    rest = (await ana.get(path, params={"cursor": first["meta"]["next_cursor"]})).json()
    failed = (await ana.get(path, params={"state": "failed"})).json()

    assert [item["address"] for item in first["data"] + rest["data"]] == [
        "https://x/1",
        "https://x/2",
        "https://x/3",
    ]
    assert [item["address"] for item in failed["data"]] == ["https://x/2"]
