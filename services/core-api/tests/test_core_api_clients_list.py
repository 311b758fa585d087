"""Listing and searching clients."""

from itertools import chain
from typing import Any

import pytest
import sqlalchemy as sa
from core_api_factories import CLIENTS, TICKETS, Person, generated_cpf, make_client, make_ticket

from chassis.data.database import Database
from core_api.folding import fold, singular
from devstack.people import AURORA
from shared_schemas.ids import OrganizationId

NAMES = ("Émerson Ávila", "Zélia Brandão", "álvaro Conceição", "Bianca Ávila", "eduarda Lima")


@pytest.fixture
async def clients(ana: Person) -> list[dict[str, Any]]:
    return [await make_client(ana, name=name, tags=[name[0]]) for name in NAMES]


async def _pages(person: Person, **params: Any) -> list[list[str]]:
    pages = []
    while True:
        answer = await person.get(CLIENTS, params=params)
        body = answer.json()
        assert answer.status_code == 200, answer.text
        pages.append([client["name"] for client in body["data"]])
        if not body["meta"]["has_more"]:
            assert body["meta"]["next_cursor"] is None
            return pages
        params["cursor"] = body["meta"]["next_cursor"]


async def test_newest_come_first(ana: Person, clients: list[dict[str, Any]]) -> None:
    assert await ana.seen(CLIENTS) == clients[::-1]


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
@pytest.mark.parametrize("sort", ["created_at", "-created_at", "updated_at", "name", "-name"])
async def test_pages_hold_every_client_once(
    ana: Person, clients: list[dict[str, Any]], sort: str, limit: int
) -> None:
    names = list(NAMES) if "name" not in sort else sorted(NAMES, key=fold)
    wanted = names[::-1] if sort.startswith("-") else names

    pages = await _pages(ana, sort=sort, limit=limit)

    assert list(chain.from_iterable(pages)) == wanted
    assert max(len(page) for page in pages) <= limit


async def test_cursor_carries_no_name(ana: Person, clients: list[dict[str, Any]]) -> None:
    from chassis.web.pagination import decode_cursor

    answer = await ana.get(CLIENTS, params={"sort": "name", "limit": 2})

    cursor = decode_cursor(answer.json()["meta"]["next_cursor"])
    assert cursor == ("name", answer.json()["data"][1]["id"])


async def test_cursor_of_another_order_is_refused(
    ana: Person, clients: list[dict[str, Any]]
) -> None:
    answer = await ana.get(CLIENTS, params={"sort": "created_at", "limit": 2})
    cursor = answer.json()["meta"]["next_cursor"]

    refused = await ana.get(CLIENTS, params={"sort": "updated_at", "cursor": cursor})

    assert refused.status_code == 422
    assert refused.json()["details"][0]["field"] == "query.cursor"


async def test_page_stays_put_while_others_register(
    ana: Person, clients: list[dict[str, Any]]
) -> None:
    first = (await ana.get(CLIENTS, params={"limit": 2})).json()
    await make_client(ana, name="Recém-chegada")

    second = await ana.seen(CLIENTS, limit=2, cursor=first["meta"]["next_cursor"])

    assert [client["id"] for client in second] == [clients[2]["id"], clients[1]["id"]]


async def test_page_numbers_come_with_totals(ana: Person, clients: list[dict[str, Any]]) -> None:
    answer = await ana.get(CLIENTS, params={"page": 2, "per_page": 2, "sort": "name"})

    assert [client["name"] for client in answer.json()["data"]] == ["eduarda Lima", "Émerson Ávila"]
    assert answer.json()["meta"] == {
        "page": 2,
        "per_page": 2,
        "total": 5,
        "total_pages": 3,
        "has_next": True,
        "has_prev": True,
    }


async def test_filters_narrow(ana: Person) -> None:
    await make_client(ana, name="Padaria", kind="company", tags=["vip"], email="p@example.com")
    await make_client(ana, name="Júlia", external_id="SGM-1")

    async def found(**params: Any) -> list[str]:
        return [client["name"] for client in await ana.seen(CLIENTS, **params)]

    assert await found(kind="company") == ["Padaria"]
    assert await found(tag="VIP") == ["Padaria"]
    assert await found(email="P@Example.com") == ["Padaria"]
    assert await found(external_id="SGM-1") == ["Júlia"]
    assert await found(kind="person", tag="vip") == []


async def test_external_id_of_a_merged_client_finds_who_answers_for_it(ana: Person) -> None:
    survivor = await make_client(ana, external_id="SGM-1")
    merged = await make_client(ana, name="Julia Prado", external_id="SGM-2")
    await ana.made(f"{CLIENTS}/{survivor['id']}/merge", {"other_id": merged["id"]})

    for external_id in ("SGM-1", "SGM-2", " SGM-2 "):
        found = await ana.get(CLIENTS, params={"external_id": external_id, "page": 1})
        assert [client["id"] for client in found.json()["data"]] == [survivor["id"]]
        assert found.json()["meta"]["total"] == 1
    taken = await ana.post(CLIENTS, {"name": "Outra", "external_id": "SGM-2"})
    assert taken.json()["code"] == "CLIENT_EXTERNAL_ID_TAKEN"
    assert await ana.seen(CLIENTS, external_id="SGM-3") == []


async def test_tag_is_found_however_it_is_typed(ana: Person) -> None:
    tagged = await make_client(ana, tags=["Zona  Norte"])
    ticket = await make_ticket(ana, tagged["id"], tags=["Sem  luz"])

    assert tagged["tags"] == ["zona norte"]
    for typed in ("zona norte", " ZONA   norte "):
        assert [each["id"] for each in await ana.seen(CLIENTS, tag=typed)] == [tagged["id"]]
    assert [each["id"] for each in await ana.seen(TICKETS, tag=" SEM   luz ")] == [ticket["id"]]


@pytest.mark.parametrize(
    ("path", "parameter"),
    [(CLIENTS, "tag"), (CLIENTS, "email"), (CLIENTS, "external_id"), (TICKETS, "tag")],
)
async def test_blank_filter_is_refused_and_says_so(ana: Person, path: str, parameter: str) -> None:
    answer = await ana.get(path, params={parameter: "  "})

    assert answer.status_code == 422
    assert [(each["field"], each["message"]) for each in answer.json()["details"]] == [
        (f"query.{parameter}", "O texto não pode ficar em branco.")
    ]


@pytest.mark.parametrize(
    ("params", "queries"),
    [({}, 1), ({"limit": 2, "sort": "name"}, 1), ({"page": 1, "per_page": 2}, 2)],
)
async def test_lists_take_a_fixed_number_of_queries(
    ana: Person,
    clients: list[dict[str, Any]],
    statements: list[str],
    params: dict[str, Any],
    queries: int,
) -> None:
    await ana.seen("/api/v1/me")
    statements.clear()

    await ana.seen(CLIENTS, **params)

    assert len(statements) == queries


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("zelia", ["Zélia Brandão"]),
        ("ZÉLIA BRANDAO", ["Zélia Brandão"]),
        ("brandão zélia", ["Zélia Brandão"]),
        ("avila", ["Bianca Ávila", "Émerson Ávila"]),
        ("conc", ["álvaro Conceição"]),
        ("mers", ["Émerson Ávila"]),
        ("100%", []),
        ("_", []),
        ("\\", []),
        ("ninguém", []),
    ],
)
async def test_search_finds_any_part_of_a_name(
    ana: Person, clients: list[dict[str, Any]], text: str, names: list[str]
) -> None:
    found = await ana.seen(f"{CLIENTS}/search", q=text)

    assert [client["name"] for client in found] == names


async def test_search_ranks_exact_then_beginning_then_words_then_the_rest(ana: Person) -> None:
    for name in ("Mariana Costa", "José Ana", "Ana", "Ana Paula", "Joana"):
        await make_client(ana, name=name)

    found = await ana.seen(f"{CLIENTS}/search", q="ana")

    names = [client["name"] for client in found]
    assert names == ["Ana", "Ana Paula", "José Ana", "Joana", "Mariana Costa"]


async def test_search_finds_email_phone_external_id_and_whole_documents(bruno: Person) -> None:
    cpf = generated_cpf(7)
    wanted = await make_client(
        bruno,
        name="Júlia",
        email="jp@exemplo.com.br",
        phone="(11) 98765-4321",
        external_id="SGM-77",
        document=cpf,
    )
    await make_client(bruno, name="Outra", document=generated_cpf(8), phone="1133334444")

    for text in ("JP@exemplo.com.br", "@exemplo.com", "98765-4321", "(11) 98765", "sgm-77", cpf):
        found = await bruno.seen(f"{CLIENTS}/search", q=text)
        assert [client["id"] for client in found] == [wanted["id"]], text


async def test_search_does_not_reveal_a_masked_document_digit_by_digit(bruno: Person) -> None:
    cpf = generated_cpf(9)
    await make_client(bruno, document=cpf)

    assert await bruno.seen(f"{CLIENTS}/search", q=cpf[:6]) == []


async def test_who_serves_nobody_does_not_find_out_whose_a_cpf_is(
    bruno: Person, vera: Person
) -> None:
    cpf = generated_cpf(8)
    client = await make_client(bruno, name="Rita Prado", document=cpf, external_id="SGM-1")

    assert [each["id"] for each in await bruno.seen(f"{CLIENTS}/search", q=cpf)] == [client["id"]]
    assert await vera.seen(f"{CLIENTS}/search", q=cpf) == []
    assert [each["id"] for each in await vera.seen(f"{CLIENTS}/search", q="SGM-1")] == [
        client["id"]
    ]


async def test_search_is_few_queries_and_says_when_there_is_more(
    ana: Person, clients: list[dict[str, Any]], statements: list[str]
) -> None:
    statements.clear()

    answer = await ana.get(f"{CLIENTS}/search", params={"q": "a", "limit": 2})

    assert len(statements) == 2
    assert len(answer.json()["data"]) == 2
    assert answer.json()["meta"] == {"limit": 2, "has_more": True, "next_cursor": None}


async def test_sql_folds_as_python_does(database: Database) -> None:
    alphabet = "".join(map(chr, [*range(0x20, 0x7F), *range(0xA0, 0x250), *range(0x1E00, 0x2000)]))
    text = f"{alphabet} certidões São Tomé das Letras ﬁm Ⅳ"
    given = sa.literal(text)
    statement = sa.select(sa.func.crm.fold(given), sa.func.crm.singular(given))

    async with database.transaction(OrganizationId(AURORA.id)) as session:
        folded = (await session.execute(statement)).one()

    assert tuple(folded) == (fold(text), singular(text))
