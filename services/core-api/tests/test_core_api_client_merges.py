"""Two clients that are one: previewed, merged, and separated again."""

from datetime import timedelta
from typing import Any

import pytest
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
from core_api_records import Records

from core_api.client_relations import CLIENT_RELATIONS
from core_api.schema import METADATA

MERGES = "/api/v1/client-merges"
UNSTABLE = {"version", "updated_at"}


async def merge(person: Person, survivor: str, other: str, **given: Any) -> dict[str, Any]:
    return await person.made(f"{CLIENTS}/{survivor}/merge", {"other_id": other, **given})


async def undo(person: Person, merge_id: str, **given: Any) -> dict[str, Any]:
    return await person.made(f"{MERGES}/{merge_id}/undo", given)


async def shown(person: Person, client_id: str) -> dict[str, Any]:
    client: dict[str, Any] = await person.seen(f"{CLIENTS}/{client_id}")
    return {name: value for name, value in client.items() if name not in UNSTABLE}


async def two_clients(person: Person) -> tuple[dict[str, Any], dict[str, Any]]:
    one = await make_client(
        person, name="Júlia Prado", email="j@casa.com", tags=["vip"], external_id="A-1"
    )
    other = await make_client(
        person,
        name="Julia Prado Lima",
        email="j@obra.com",
        phone="11987654321",
        document=generated_cpf(5),
        tags=["vip", "idosa"],
        external_id="B-2",
    )
    return one, other


def test_everything_that_refers_to_a_client_is_known() -> None:
    keys = {
        f"{table.name}.{column.name}"
        for table in METADATA.tables.values()
        for key in table.foreign_key_constraints
        if key.referred_table.name == "clients"
        for column in key.columns
        if column.name != "organization_id"
    }

    assert sorted(rows.reference for rows in CLIENT_RELATIONS) == sorted(keys)
    assert len({rows.name for rows in CLIENT_RELATIONS}) == len(CLIENT_RELATIONS)


async def test_preview_shows_every_field_and_every_relation_and_changes_nothing(
    bruno: Person,
) -> None:
    one, other = await two_clients(bruno)
    await make_ticket(bruno, other["id"])

    preview = await bruno.made(f"{CLIENTS}/{one['id']}/merge-preview", {"other_id": other["id"]})

    fields = {field["field"]: field for field in preview["fields"]}
    assert fields["name"]["result"] == "Júlia Prado"
    assert fields["document"]["result"].startswith("***.")
    assert [entry["address"] for entry in fields["emails"]["result"]] == [
        "j@casa.com",
        "j@obra.com",
    ]
    assert fields["tags"]["result"] == ["vip", "idosa"]
    assert fields["phones"]["choice"] == "both"
    assert fields["external_id"] == {
        "field": "external_id",
        "this": "A-1",
        "other": "B-2",
        "choice": "this",
        "options": ["this", "other"],
        "result": "A-1",
        "differs": True,
    }
    relations = {relation["name"]: relation for relation in preview["relations"]}
    assert relations["tickets"] == {"name": "tickets", "count": 1, "moves": True}
    assert relations["consents"]["moves"] is False
    assert preview["version"] == one["version"]
    assert preview["other_version"] == other["version"]
    assert await shown(bruno, other["id"]) == {
        name: value for name, value in other.items() if name not in UNSTABLE
    }


async def test_nothing_is_lost_and_both_ids_answer(bruno: Person, ana: Person) -> None:
    one, other = await two_clients(bruno)
    ticket = await make_ticket(bruno, other["id"])
    await bruno.made(f"{CLIENTS}/{other['id']}/notes", {"body": "Prefere manhãs."})
    company = await make_client(bruno, kind="company", name="Oficina")
    await bruno.made(f"{CLIENTS}/{other['id']}/relations", {"client_id": company["id"]})
    await make_purpose(ana)
    consent = await make_consent(ana, other["id"])

    done = await merge(bruno, one["id"], other["id"], reason="Cadastro em dobro")

    assert done["moved"] == {"tickets": 1, "notes": 1, "companies": 1}
    survivor = await shown(bruno, one["id"])
    assert await shown(bruno, other["id"]) == survivor
    assert survivor["id"] == one["id"]
    assert [entry["address"] for entry in survivor["emails"]] == ["j@casa.com", "j@obra.com"]
    assert survivor["email"] == "j@casa.com"
    assert survivor["phone"] == "+5511987654321"
    assert survivor["document"].startswith("***.")
    assert survivor["tags"] == ["vip", "idosa"]
    assert (await bruno.seen(f"{TICKETS}/{ticket['id']}"))["client_id"] == one["id"]
    for client_id in (one["id"], other["id"]):
        assert len(await bruno.seen(f"{CLIENTS}/{client_id}/notes")) == 1
        assert len(await bruno.seen(f"{CLIENTS}/{client_id}/relations")) == 1
        [receipt] = await bruno.seen(f"{CLIENTS}/{client_id}/consents")
        assert receipt["id"] == consent["id"]
    for text in ("B-2", "prado lima", generated_cpf(5), "j@obra.com"):
        found = await bruno.seen(f"{CLIENTS}/search", q=text)
        assert [client["id"] for client in found] in ([one["id"]], []), text
    assert {client["id"] for client in await bruno.seen(CLIENTS)} == {one["id"], company["id"]}


async def test_choices_decide(bruno: Person) -> None:
    one, other = await two_clients(bruno)
    choices = {"name": "other", "external_id": "other", "tags": "this", "emails": "other"}

    await merge(bruno, one["id"], other["id"], choices=choices)

    survivor = await shown(bruno, one["id"])
    assert survivor["name"] == "Julia Prado Lima"
    assert survivor["external_id"] == "B-2"
    assert survivor["tags"] == ["vip"]
    assert survivor["email"] == "j@obra.com"
    found = await bruno.seen(f"{CLIENTS}/search", q="b-2")
    assert [client["id"] for client in found] == [one["id"]]


async def test_undo_restores_both_exactly(bruno: Person) -> None:
    one, other = await two_clients(bruno)
    before = [await shown(bruno, client["id"]) for client in (one, other)]
    ticket = await make_ticket(bruno, other["id"])
    choices = {"name": "other", "external_id": "other", "emails": "other", "document": "other"}
    done = await merge(bruno, one["id"], other["id"], choices=choices)
    later = await make_ticket(bruno, one["id"])

    undone = await undo(bruno, done["id"], reason="São irmãs")

    assert undone["undone_at"] is not None
    assert [await shown(bruno, client["id"]) for client in (one, other)] == before
    assert (await bruno.seen(f"{TICKETS}/{ticket['id']}"))["client_id"] == other["id"]
    assert (await bruno.seen(f"{TICKETS}/{later['id']}"))["client_id"] == one["id"]
    found = await bruno.seen(f"{CLIENTS}/search", q="prado lima")
    assert [client["id"] for client in found] == [other["id"]]


async def test_undo_keeps_what_was_done_since_and_asks_where_it_cannot_know(bruno: Person) -> None:
    one, other = await two_clients(bruno)
    done = await merge(bruno, one["id"], other["id"], choices={"name": "other"})
    emails = [
        {"address": "j@casa.com", "primary": True},
        {"address": "j@obra.com"},
        {"address": "nova@casa.com"},
    ]
    changed = {"name": "Júlia P. Lima", "emails": emails, "tags": ["vip", "idosa", "surda"]}
    assert (await bruno.patch(f"{CLIENTS}/{one['id']}", changed)).status_code == 200

    refused = await bruno.post(f"{MERGES}/{done['id']}/undo", {})
    outlook = await bruno.seen(f"{MERGES}/{done['id']}")

    assert refused.status_code == 409
    assert refused.json()["code"] == "CLIENT_MERGE_UNDO_CONFLICTS"
    assert [detail["field"] for detail in refused.json()["details"]] == ["body.choices.name"]
    assert outlook["conflicts"] == [
        {
            "field": "name",
            "before": "Júlia Prado",
            "merged": "Julia Prado Lima",
            "now": "Júlia P. Lima",
        }
    ]
    assert (await shown(bruno, other["id"]))["id"] == one["id"]

    await undo(bruno, done["id"], choices={"name": "keep"})

    client = await shown(bruno, one["id"])
    assert client["name"] == "Júlia P. Lima"
    assert [entry["address"] for entry in client["emails"]] == ["j@casa.com", "nova@casa.com"]
    assert client["tags"] == ["vip", "surda"]
    assert client["phones"] == []
    assert client["document"] is None


async def test_undo_twice_and_after_thirty_days(
    bruno: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await two_clients(bruno)
    done = await merge(bruno, one["id"], other["id"])
    await undo(bruno, done["id"])
    again = await bruno.post(f"{MERGES}/{done['id']}/undo", {})
    assert (again.status_code, again.json()["code"]) == (409, "CLIENT_MERGE_UNDONE")

    second = await merge(bruno, one["id"], other["id"])
    monkeypatch.setattr("core_api.modules.duplicates.models.REVERSIBLE", timedelta(0))
    late = await bruno.post(f"{MERGES}/{second['id']}/undo", {})
    assert (late.status_code, late.json()["code"]) == (409, "CLIENT_MERGE_TOO_OLD")
    history = await bruno.seen(MERGES, client_id=other["id"])
    assert [entry["id"] for entry in history] == [second["id"], done["id"]]


async def test_chains_answer_with_the_last_and_come_apart_in_order(bruno: Person) -> None:
    first, second, third = [await make_client(bruno, name=f"Rui {n}") for n in ("A", "B", "C")]
    one = await merge(bruno, second["id"], first["id"])
    two = await merge(bruno, third["id"], second["id"])

    assert two["moved"] == {"merged_clients": 1}
    for client in (first, second, third):
        assert (await shown(bruno, client["id"]))["id"] == third["id"]
    early = await bruno.post(f"{MERGES}/{one['id']}/undo", {})
    assert (early.status_code, early.json()["code"]) == (409, "CLIENT_SURVIVOR_MERGED")

    await undo(bruno, two["id"])
    assert (await shown(bruno, first["id"]))["id"] == second["id"]
    await undo(bruno, one["id"])
    assert (await shown(bruno, first["id"]))["id"] == first["id"]


async def test_a_merged_client_is_not_written_to(bruno: Person, ana: Person) -> None:
    one, other = await two_clients(bruno)
    await merge(bruno, one["id"], other["id"])
    path = f"{CLIENTS}/{other['id']}"
    ticket = {"client_id": other["id"], "subject": "Oi", "description": "Olá"}

    for refused in (
        await bruno.patch(path, {"name": "Outra"}),
        await ana.delete(path),
        await bruno.post(TICKETS, ticket),
        await bruno.post(f"{path}/notes", {"body": "Oi"}),
        await bruno.post(f"{path}/merge", {"other_id": one["id"]}),
        await bruno.post(f"{CLIENTS}/{one['id']}/merge", {"other_id": other["id"]}),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "CLIENT_MERGED")
        assert one["id"] in refused.json()["message"]


async def test_relations_both_had_are_not_doubled(bruno: Person) -> None:
    one, other = await two_clients(bruno)
    company = await make_client(bruno, kind="company", name="Oficina")
    for client in (one, other):
        await bruno.made(f"{CLIENTS}/{client['id']}/relations", {"client_id": company["id"]})

    done = await merge(bruno, one["id"], other["id"])

    assert "companies" not in done["moved"]
    [person] = await bruno.seen(f"{CLIENTS}/{company['id']}/relations")
    assert person["client"]["id"] == one["id"]
    await undo(bruno, done["id"])
    assert len(await bruno.seen(f"{CLIENTS}/{company['id']}/relations")) == 2


async def test_refusals(bruno: Person, vera: Person, beto: Person, davi: Person) -> None:
    one, other = await two_clients(bruno)
    company = await make_client(bruno, kind="company", name="Oficina")
    theirs = await make_client(beto)
    path = f"{CLIENTS}/{one['id']}/merge"

    async def refusal(person: Person, given: dict[str, Any], **options: Any) -> tuple[int, str]:
        answer = await person.post(path, given, **options)
        return answer.status_code, answer.json()["code"]

    wanted = {"other_id": other["id"]}
    assert await refusal(vera, wanted) == await refusal(davi, wanted) == (403, "FORBIDDEN")
    assert await refusal(beto, wanted) == (404, "CLIENT_NOT_FOUND")
    assert await refusal(bruno, {"other_id": theirs["id"]}) == (404, "CLIENT_NOT_FOUND")
    assert await refusal(bruno, {"other_id": one["id"]}) == (422, "VALIDATION_ERROR")
    assert await refusal(bruno, {"other_id": company["id"]}) == (409, "CLIENT_KINDS_DIFFER")
    both = {**wanted, "choices": {"name": "both"}}
    assert await refusal(bruno, both) == (422, "VALIDATION_ERROR")
    assert await refusal(bruno, {**wanted, "choices": {"id": "this"}}) == (422, "VALIDATION_ERROR")
    stale = {"if-match": '"7"'}
    assert await refusal(bruno, wanted, headers=stale) == (412, "PRECONDITION_FAILED")
    assert await refusal(bruno, {**wanted, "other_version": 7}) == (412, "PRECONDITION_FAILED")
    done = await merge(bruno, one["id"], other["id"])
    for person in (beto,):
        hidden = await person.get(f"{MERGES}/{done['id']}")
        assert (hidden.status_code, hidden.json()["code"]) == (404, "CLIENT_MERGE_NOT_FOUND")
        assert (await person.post(f"{MERGES}/{done['id']}/undo", {})).status_code == 404
        assert await person.seen(MERGES) == []
    undo_stale = await bruno.post(f"{MERGES}/{done['id']}/undo", {}, headers=stale)
    assert undo_stale.status_code == 412


async def test_both_are_told_and_written_down(bruno: Person, records: Records) -> None:
    one, other = await two_clients(bruno)
    done = await merge(bruno, one["id"], other["id"], reason="Cadastro em dobro")
    await undo(bruno, done["id"], reason="São irmãs")
    ids = {"client_id": one["id"], "merged_id": other["id"], "merge_id": done["id"]}

    for event in ("client.merged", "client.merge_undone"):
        [told] = await records.events(event)
        assert told["payload"] == ids
    [merged] = await records.audit("client.merged")
    [undone] = await records.audit("client.merge_undone")
    assert (merged["reason"], undone["reason"]) == ("Cadastro em dobro", "São irmãs")
    assert set(merged["changed"]) >= {"document", "emails", "phone", "tags"}
    assert merged["related"] == {"merged_id": other["id"], "merge_id": done["id"]}
    assert "j@obra.com" not in str(merged["values"])


async def test_tickets_are_listed_and_found_by_either_id(ana: Person) -> None:
    one, other = await make_client(ana), await make_client(ana)
    ticket = await make_ticket(ana, other["id"], subject="Certidão atrasada")
    await merge(ana, one["id"], other["id"])

    for client_id in (one["id"], other["id"]):
        listed = await ana.seen(TICKETS, client_id=client_id)
        found = await ana.seen(f"{TICKETS}/search", q="certidão", client_id=client_id)
        assert [row["id"] for row in listed] == [ticket["id"]]
        assert [row["id"] for row in found] == [ticket["id"]]
