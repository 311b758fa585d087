"""Companies and their people; notes about clients."""

import asyncio

import pytest
from core_api_factories import CLIENTS, Person, make_client, without_request_id
from core_api_records import Records

from shared_schemas.ids import new_id


async def test_link_is_seen_from_both_sides(ana: Person, bruno: Person, vera: Person) -> None:
    company = await make_client(bruno, kind="company", name="Padaria Flor")
    person = await make_client(bruno, name="Júlia Prado")

    answer = await bruno.post(
        f"{CLIENTS}/{company['id']}/relations", {"client_id": person["id"], "role": " Sócia "}
    )

    assert answer.status_code == 201, answer.text
    made = answer.json()["data"]
    assert made["client"] == {"id": person["id"], "kind": "person", "name": "Júlia Prado"}
    assert (made["role"], made["version"], answer.headers["etag"]) == ("Sócia", 1, '"1"')
    (of_company,) = await vera.seen(f"{CLIENTS}/{company['id']}/relations")
    (of_person,) = await vera.seen(f"{CLIENTS}/{person['id']}/relations")
    assert of_company == made
    assert of_person["client"]["name"] == "Padaria Flor"
    assert of_person["id"] == made["id"]


async def test_link_may_be_made_from_the_persons_side_and_once(bruno: Person) -> None:
    company = await make_client(bruno, kind="company")
    person = await make_client(bruno)
    made = await bruno.made(f"{CLIENTS}/{person['id']}/relations", {"client_id": company["id"]})

    again = await bruno.post(
        f"{CLIENTS}/{company['id']}/relations", {"client_id": person["id"], "role": "Outra"}
    )

    assert made["client"]["id"] == company["id"]
    assert (again.status_code, again.json()["code"]) == (409, "CLIENT_RELATION_EXISTS")


async def test_link_needs_one_of_each_kind(bruno: Person) -> None:
    person = await make_client(bruno)
    for other in (person, await make_client(bruno)):
        answer = await bruno.post(f"{CLIENTS}/{person['id']}/relations", {"client_id": other["id"]})
        assert (answer.status_code, answer.json()["code"]) == (409, "CLIENT_RELATION_KINDS")


async def test_link_is_changed_and_removed_with_its_version(
    bruno: Person, records: Records
) -> None:
    company, person = await make_client(bruno, kind="company"), await make_client(bruno)
    made = await bruno.made(f"{CLIENTS}/{company['id']}/relations", {"client_id": person["id"]})
    path = f"{CLIENTS}/{person['id']}/relations/{made['id']}"

    changed = await bruno.patch(path, {"role": "Diretora"}, headers={"if-match": '"1"'})
    stale = await bruno.patch(path, {"role": "Outra"}, headers={"if-match": '"1"'})
    gone = await bruno.delete(path)

    assert changed.json()["data"]["role"] == "Diretora"
    assert (stale.status_code, gone.status_code) == (412, 204)
    assert (await bruno.delete(path)).json()["code"] == "CLIENT_RELATION_NOT_FOUND"
    assert await bruno.seen(f"{CLIENTS}/{company['id']}/relations") == []
    told = [event["payload"] for event in await records.events("client.updated")]
    assert {entry["client_id"] for entry in told} == {company["id"], person["id"]}
    assert {tuple(entry["changed"]) for entry in told} == {("relations",)}
    assert len(await records.audit("client_relation.deleted")) == 1


async def test_kind_stays_while_there_are_links(bruno: Person) -> None:
    company, person = await make_client(bruno, kind="company"), await make_client(bruno)
    made = await bruno.made(f"{CLIENTS}/{company['id']}/relations", {"client_id": person["id"]})

    refused = await bruno.patch(f"{CLIENTS}/{person['id']}", {"kind": "company", "name": "X"})
    await bruno.delete(f"{CLIENTS}/{person['id']}/relations/{made['id']}")
    allowed = await bruno.patch(f"{CLIENTS}/{person['id']}", {"kind": "company"})

    assert (refused.status_code, refused.json()["code"]) == (409, "CLIENT_HAS_RELATIONS")
    assert allowed.json()["data"]["name"] == person["name"]


async def test_deleted_clients_are_not_listed(ana: Person) -> None:
    company, person = await make_client(ana, kind="company"), await make_client(ana)
    await ana.made(f"{CLIENTS}/{company['id']}/relations", {"client_id": person["id"]})
    await ana.delete(f"{CLIENTS}/{person['id']}")

    assert await ana.seen(f"{CLIENTS}/{company['id']}/relations") == []
    assert (await ana.get(f"{CLIENTS}/{person['id']}/relations")).status_code == 404


@pytest.mark.committed
async def test_the_same_link_made_at_once_exists_once(bruno: Person) -> None:
    company, person = await make_client(bruno, kind="company"), await make_client(bruno)
    pairs = [(company, person), (person, company)] * 4

    answers = await asyncio.gather(
        *(
            bruno.post(f"{CLIENTS}/{one['id']}/relations", {"client_id": other["id"]})
            for one, other in pairs
        )
    )

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert len(await bruno.seen(f"{CLIENTS}/{company['id']}/relations")) == 1


@pytest.mark.committed
async def test_link_and_change_of_kind_at_once_never_both_happen(bruno: Person) -> None:
    for _ in range(5):
        company, person = await make_client(bruno, kind="company"), await make_client(bruno)
        linked, changed = await asyncio.gather(
            bruno.post(f"{CLIENTS}/{company['id']}/relations", {"client_id": person["id"]}),
            bruno.patch(f"{CLIENTS}/{person['id']}", {"kind": "company"}),
        )
        assert sorted((linked.status_code, changed.status_code)) in ([200, 409], [201, 409])


async def test_lists_are_paged_with_a_fixed_number_of_statements(
    bruno: Person, statements: list[str]
) -> None:
    company = await make_client(bruno, kind="company")
    path = f"{CLIENTS}/{company['id']}"
    for number in range(5):
        person = await make_client(bruno, name=f"Pessoa {number}")
        await bruno.made(f"{path}/relations", {"client_id": person["id"]})
        await bruno.made(f"{path}/notes", {"body": f"Anotação {number}"})
    for kind, names in (("relations", range(5)), ("notes", range(4, -1, -1))):
        seen, cursor = [], None
        while True:
            statements.clear()
            params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
            page = (await bruno.get(f"{path}/{kind}", params=params)).json()
            assert len(statements) == 2
            seen += [row.get("body") or row["client"]["name"] for row in page["data"]]
            cursor = page["meta"]["next_cursor"]
            if not page["meta"]["has_more"]:
                break
        assert [int(text.split()[-1]) for text in seen] == list(names)


async def test_notes_are_written_changed_and_deleted(
    bruno: Person, vera: Person, ana: Person
) -> None:
    client = await make_client(bruno)
    path = f"{CLIENTS}/{client['id']}/notes"

    made = await bruno.post(path, {"body": "Prefere ligações à tarde.\nNão às sextas."})
    note = made.json()["data"]
    changed = await bruno.patch(
        f"{path}/{note['id']}", {"body": "Prefere e-mail."}, headers={"if-match": '"1"'}
    )
    stale = await bruno.patch(f"{path}/{note['id']}", {"body": "x"}, headers={"if-match": '"1"'})

    assert (made.status_code, changed.status_code, stale.status_code) == (201, 200, 412)
    assert await vera.seen(path) == [changed.json()["data"]]
    assert (await bruno.delete(f"{path}/{note['id']}")).status_code == 204
    assert await vera.seen(path) == []
    actions = ("client_note.deleted", "client_note.updated", "client_note.created")
    bodies = []
    for action in actions:
        (event,) = await ana.seen("/api/v1/audit-events", about=client["id"], action=action)
        bodies.append((event["values"]["body"]["from"], event["values"]["body"]["to"]))
    assert bodies == [
        ("Prefere e-mail.", None),
        (note["body"], "Prefere e-mail."),
        (None, note["body"]),
    ]


@pytest.mark.parametrize("body", ["", "  ", "a\x00b", "x" * 10_001, None])
async def test_bad_note_is_refused(bruno: Person, body: str | None) -> None:
    client = await make_client(bruno)

    assert (await bruno.post(f"{CLIENTS}/{client['id']}/notes", {"body": body})).status_code == 422


async def test_readers_do_not_write_and_strangers_find_nothing(
    ana: Person, vera: Person, beto: Person
) -> None:
    company, person = await make_client(ana, kind="company"), await make_client(ana)
    theirs = await make_client(beto)
    relation = await ana.made(f"{CLIENTS}/{company['id']}/relations", {"client_id": person["id"]})
    note = await ana.made(f"{CLIENTS}/{person['id']}/notes", {"body": "Nota"})
    paths = [
        ("GET", "notes", None),
        ("POST", "notes", {"body": "x"}),
        ("PATCH", f"notes/{note['id']}", {"body": "x"}),
        ("DELETE", f"notes/{note['id']}", None),
        ("GET", "relations", None),
        ("POST", "relations", {"client_id": theirs["id"]}),
        ("PATCH", f"relations/{relation['id']}", {"role": "x"}),
        ("DELETE", f"relations/{relation['id']}", None),
    ]
    for method, path, body in paths:
        own = await vera.call(method, f"{CLIENTS}/{person['id']}/{path}", json=body)
        assert own.status_code == (200 if method == "GET" else 403), (method, path)
        guessed = await beto.call(method, f"{CLIENTS}/{person['id']}/{path}", json=body)
        unknown = await beto.call(method, f"{CLIENTS}/{new_id()}/{path}", json=body)
        assert guessed.status_code == unknown.status_code == 404
        assert without_request_id(guessed) == without_request_id(unknown)
    crossing = await ana.post(f"{CLIENTS}/{company['id']}/relations", {"client_id": theirs["id"]})
    assert (crossing.status_code, crossing.json()["code"]) == (404, "CLIENT_NOT_FOUND")
