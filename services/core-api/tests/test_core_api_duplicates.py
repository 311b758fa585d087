"""Clients that are probably one: suggested with reasons, and dismissed for good."""

from typing import Any

from core_api_factories import CLIENTS, Person, generated_cpf, make_client
from core_api_records import Records

from core_api.folding import fold
from core_api.modules.clients.search.terms import name_words
from core_api.modules.duplicates.likeness import similar_names

PAIRS = "/api/v1/client-duplicates"
SAO_PAULO = {"cep": "01310-100", "uf": "SP", "city": "São Paulo", "primary": True}


async def reasons(person: Person, client_id: str) -> dict[str, list[str]]:
    found = await person.seen(f"{CLIENTS}/{client_id}/duplicates")
    return {entry["client"]["name"]: entry["reasons"] for entry in found}


async def all_pairs(person: Person, limit: int) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    params: dict[str, Any] = {"limit": limit}
    while True:
        answer = (await person.get(PAIRS, params=params)).json()
        assert len(answer["data"]) <= limit
        found += [(pair["client"]["id"], pair["other"]["id"]) for pair in answer["data"]]
        if not answer["meta"]["has_more"]:
            return found
        params["cursor"] = answer["meta"]["next_cursor"]


async def test_reasons_and_score_of_one_client(bruno: Person) -> None:
    cpf = generated_cpf(6)
    client = await make_client(
        bruno,
        name="Luiz de Souza Prado",
        email="luiz@casa.com",
        phone="11987654321",
        document=cpf,
        addresses=[SAO_PAULO],
    )
    await make_client(bruno, name="Outro", document=cpf)
    await make_client(bruno, name="Da mesma casa", email="a@b.com", phone="(11) 98765-4321")
    await make_client(
        bruno,
        name="Rita",
        emails=[{"address": "rita@casa.com", "primary": True}, {"address": "LUIZ@casa.com"}],
    )
    await make_client(bruno, name="Luis Sousa Prado", addresses=[SAO_PAULO])
    await make_client(bruno, name="Luis Sousa Prado Neto", addresses=[SAO_PAULO])
    await make_client(bruno, name="Luiz Souza Prado")  # there may be many of that name

    found = await bruno.seen(f"{CLIENTS}/{client['id']}/duplicates")

    assert [(entry["client"]["name"], entry["reasons"]) for entry in found] == [
        ("Outro", ["same_document"]),
        ("Rita", ["same_email"]),
        ("Luis Sousa Prado", ["similar_name", "same_city"]),
        ("Da mesma casa", ["same_phone"]),
    ]
    assert [entry["score"] for entry in found] == [0.97, 0.6, 0.55, 0.5]
    assert found[0]["client"]["document"].startswith("***.")


async def test_who_is_registered_again_is_named_at_once(
    bruno: Person, beto: Person, statements: list[str]
) -> None:
    cpf = generated_cpf(7)
    known = await make_client(bruno, name="Rita Prado", document=cpf, email="rita@casa.com")
    await make_client(bruno, name="Mesma casa", phone="11987654321")
    await make_client(bruno, name="Rita Prado")  # there may be many of that name
    await make_client(beto, name="Rita Prado", document=cpf, email="rita@casa.com")
    again = {"name": "Rita P.", "document": cpf, "email": "rita@casa.com", "phone": "11987654321"}
    statements.clear()
    first = await bruno.made(CLIENTS, {"name": "Ninguém", "email": "outra@casa.com"})
    alone = len(statements)
    statements.clear()

    made = await bruno.made(CLIENTS, again)

    assert len(statements) == alone + 1
    assert first["possible_duplicates"] == []
    found = made["possible_duplicates"]
    assert [(entry["client"]["name"], entry["reasons"]) for entry in found] == [
        ("Rita Prado", ["same_document", "same_email"]),
        ("Mesma casa", ["same_phone"]),
    ]
    assert found[0]["client"]["id"] == known["id"]
    assert found[0]["client"]["document"].startswith("***.")
    crowd = [
        await bruno.made(CLIENTS, {"name": f"Da casa {number}", "phone": "11987654321"})
        for number in range(6)
    ]
    assert len(crowd[-1]["possible_duplicates"]) == 5


async def test_reasons_add_up(bruno: Person) -> None:
    one = await make_client(bruno, name="Luiz Souza", phone="11987654321")
    await make_client(bruno, name="Souza, Luis", phone="11987654321")

    [found] = await bruno.seen(f"{CLIENTS}/{one['id']}/duplicates")

    assert (found["score"], found["reasons"]) == (0.7, ["same_phone", "similar_name"])


async def test_a_person_is_never_a_company(bruno: Person) -> None:
    one = await make_client(bruno, name="Padaria Luz", email="a@b.com")
    await make_client(bruno, kind="company", name="Padaria Luz", email="a@b.com")

    assert await reasons(bruno, one["id"]) == {}


async def test_all_pairs_of_the_organization_page_by_page(bruno: Person, beto: Person) -> None:
    a = [await make_client(bruno, name=f"Ana {n}", email="a@b.com") for n in range(4)]
    await make_client(bruno, name="Rui", email="r@b.com")
    await make_client(beto, name="Ana", email="a@b.com")
    ids = [client["id"] for client in a]
    expected = sorted((one, other) for place, one in enumerate(ids) for other in ids[place + 1 :])

    for limit in (1, 2, 5, 6, 100):
        assert await all_pairs(bruno, limit) == expected, limit
    assert await all_pairs(beto, 5) == []


async def test_a_page_takes_a_fixed_number_of_queries(bruno: Person, statements: list[str]) -> None:
    for n in range(2):
        await make_client(bruno, name=f"Ana {n}", email="a@b.com")
    statements.clear()
    await bruno.seen(PAIRS)
    few = len(statements)
    for n in range(6):
        await make_client(bruno, name=f"Rui {n}", email="r@b.com")
    statements.clear()

    await bruno.seen(PAIRS)

    assert len(statements) == few <= 4


async def test_a_dismissed_pair_stays_dismissed(bruno: Person, records: Records) -> None:
    one = await make_client(bruno, name="Ana", email="a@b.com")
    other = await make_client(bruno, name="Eva", email="a@b.com")
    path = f"{CLIENTS}/{other['id']}/distinctions/{one['id']}"

    for _ in range(2):
        assert (await bruno.call("PUT", path)).status_code == 204

    assert await reasons(bruno, one["id"]) == await reasons(bruno, other["id"]) == {}
    assert await all_pairs(bruno, 10) == []
    await bruno.patch(f"{CLIENTS}/{one['id']}", {"phone": "1133334444"})
    assert await all_pairs(bruno, 10) == []
    assert len(await records.audit("client.distinguished")) == 1

    for _ in range(2):
        assert (await bruno.delete(path)).status_code == 204
    assert await all_pairs(bruno, 10) == [(one["id"], other["id"])]
    assert len(await records.audit("client.distinction_removed")) == 1


async def test_merged_and_deleted_clients_are_not_suggested(bruno: Person, ana: Person) -> None:
    one, other, third = [
        await make_client(bruno, name=name, email="a@b.com") for name in ("Ana", "Eva", "Isa")
    ]
    await bruno.made(f"{CLIENTS}/{one['id']}/merge", {"other_id": other["id"]})
    await ana.delete(f"{CLIENTS}/{third['id']}")

    assert await reasons(bruno, one["id"]) == {}
    assert await all_pairs(bruno, 10) == []


async def test_refusals(bruno: Person, vera: Person, beto: Person) -> None:
    one = await make_client(bruno)
    other = await make_client(bruno)
    paths = {
        "duplicates": f"{CLIENTS}/{one['id']}/duplicates",
        "pair": f"{CLIENTS}/{one['id']}/distinctions/{other['id']}",
        "itself": f"{CLIENTS}/{one['id']}/distinctions/{one['id']}",
    }

    assert (await vera.get(paths["duplicates"])).status_code == 403
    assert (await vera.get(PAIRS)).status_code == 403
    assert (await vera.call("PUT", paths["pair"])).status_code == 403
    for answer in (await beto.get(paths["duplicates"]), await beto.call("PUT", paths["pair"])):
        assert (answer.status_code, answer.json()["code"]) == (404, "CLIENT_NOT_FOUND")
    assert (await bruno.call("PUT", paths["itself"])).status_code == 422
    assert (await bruno.get(PAIRS, params={"cursor": "garbage"})).status_code == 422


def test_names_are_similar_but_for_typing_errors() -> None:
    def similar(one: str, other: str) -> bool:
        return similar_names(*(sorted(name_words(fold(name))) for name in (one, other)))

    assert similar("Thiago Sousa", "Souza Tiago")
    assert similar("Conceição Magalhães", "Conceisão Magalhaens")
    assert not similar("Ana Souza", "Eva Souza")
    assert not similar("Ana Souza", "Ana Maria Souza")
    assert not similar("Rita", "Rita")
