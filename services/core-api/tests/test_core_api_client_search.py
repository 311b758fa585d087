"""Finding clients as a person expects."""

from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from core_api_factories import CLIENTS, Person, generated_cnpj, generated_cpf, make_client

from chassis.data.database import Database
from core_api.modules.clients.search.index import ClientWord
from core_api.rebuild_search import rebuild
from devstack.people import AURORA
from devstack.testing import DatabaseUrls
from shared_schemas.ids import OrganizationId

SEARCH = f"{CLIENTS}/search"


async def names(person: Person, text: str, **params: Any) -> list[str]:
    return [client["name"] for client in await person.seen(SEARCH, q=text, **params)]


async def known_words(database: Database) -> set[str]:
    async with database.transaction(OrganizationId(AURORA.id)) as session:
        return set((await session.scalars(sa.select(ClientWord.word))).all())


@pytest.mark.parametrize(
    "text",
    [
        "Conceição Aparecida Magalhães",
        "magalhaes conceicao",
        "apar mag",
        "galha",
        "CONCEIÇÃO",
        "concecao",  # a letter missing, two edits from the folded word
        "Magalhaes aparecdia",  # two neighbours swapped
        "conceisao aparescida magalhais",
    ],
)
async def test_by_any_part_of_the_name_and_with_typing_errors(ana: Person, text: str) -> None:
    await make_client(ana, name="Maria Conceição Aparecida Magalhães")
    await make_client(ana, name="Joaquim Pereira")

    assert await names(ana, text) == ["Maria Conceição Aparecida Magalhães"]


@pytest.mark.parametrize("text", ["jsoe", "joze", "jos", "jose"])
async def test_short_words_forgive_one_edit(ana: Person, text: str) -> None:
    await make_client(ana, name="José Prado")

    assert await names(ana, text) == ["José Prado"]


@pytest.mark.parametrize("text", ["an", "bia", "jxse prxdx", "pardo silva"])
async def test_not_everything_is_a_typing_error(ana: Person, text: str) -> None:
    await make_client(ana, name="José Prado")

    assert await names(ana, text) == []


async def test_a_word_that_is_a_name_may_be_wrong_too(ana: Person) -> None:
    await make_client(ana, name="Luiz Carvalho de Souza")
    await make_client(ana, name="Luis Prado")

    assert await names(ana, "luis carvalho da sousa") == ["Luiz Carvalho de Souza"]
    assert await names(ana, "luis cravalho") == ["Luiz Carvalho de Souza"]


async def test_fewer_errors_come_first(ana: Person) -> None:
    for name in ("Valdirena Lobo", "Valdirene Lobo", "Valdir Lobo"):
        await make_client(ana, name=name)

    assert await names(ana, "valdirrene lobo") == ["Valdirene Lobo", "Valdirena Lobo"]


async def test_by_all_contacts_in_any_notation(bruno: Person) -> None:
    await make_client(
        bruno,
        name="Rui",
        emails=[{"address": "rui@casa.com.br", "primary": True}, {"address": "r.vaz@obra.com"}],
        phones=[{"number": "(11) 98765-4321", "primary": True}, {"number": "+351 912 345 678"}],
    )
    for text in ("vaz@obra", "r.vaz@obra.com", "casa.com", "8765-4321", "011 98765", "912 345"):
        assert await names(bruno, text) == ["Rui"], text
    assert await names(bruno, "rui obra") == ["Rui"]


async def test_who_sees_contacts_masked_does_not_find_by_them(bruno: Person, vera: Person) -> None:
    await make_client(
        bruno, name="Rui", email="rui.vaz@obra.com", phone="11987654321", external_id="SGM-9"
    )

    for text in ("rui.vaz@obra.com", "obra.com", "11987654321", "98765", "rui obra"):
        assert await names(vera, text) == [], text
        assert await names(bruno, text) == ["Rui"], text
    assert await names(vera, "rui") == await names(vera, "sgm-9") == ["Rui"]


async def test_a_document_only_as_a_whole_in_any_notation(vera: Person, bruno: Person) -> None:
    cnpj = generated_cnpj(4, alphanumeric=True)
    await make_client(bruno, kind="company", name="Oficina Luz", document=cnpj)
    written = f"{cnpj[:2]}.{cnpj[2:5]}.{cnpj[5:8]}/{cnpj[8:12]}-{cnpj[12:]}".lower()

    assert await names(vera, written) == await names(vera, cnpj) == ["Oficina Luz"]
    assert await names(vera, cnpj[:8]) == []
    assert await names(vera, generated_cnpj(5)) == []


async def test_a_changed_client_is_found_by_what_it_is_now(ana: Person, database: Database) -> None:
    client = await make_client(ana, name="Zulmira Quintas", phone="11987654321")

    await ana.patch(f"{CLIENTS}/{client['id']}", {"name": "Zilda Prates", "phone": "1133334444"})

    assert await names(ana, "zulmira") == await names(ana, "98765") == []
    assert await names(ana, "zidla") == await names(ana, "3333") == ["Zilda Prates"]
    assert await known_words(database) == {"zilda", "prates"}


async def test_a_deleted_client_leaves_nothing_in_the_index(
    ana: Person, database: Database
) -> None:
    gone = await make_client(ana, name="Zulmira Prado")
    await make_client(ana, name="Ivo Prado")

    await ana.delete(f"{CLIENTS}/{gone['id']}")

    assert await names(ana, "zulmira") == await names(ana, "zulmria") == []
    assert await known_words(database) == {"ivo", "prado"}


async def test_another_organization_finds_nothing_of_it(ana: Person, beto: Person) -> None:
    cpf = generated_cpf(3)
    await make_client(
        ana, name="Zulmira Quintas", email="z@q.com", phone="11987654321", document=cpf
    )

    for text in ("zulmira", "zulmria", "ulmir", "z@q.com", "98765", cpf):
        assert await names(beto, text) == [], text
        assert await names(ana, text) == ["Zulmira Quintas"], text


@pytest.mark.parametrize("text", ["'", "\\", "' | 'x", "!!!", "a:* & b", "%", "_", "zz'q\\w"])
async def test_signs_of_query_languages_mean_nothing(ana: Person, text: str) -> None:
    await make_client(ana, name="José Prado")

    assert await names(ana, text) == []


async def test_names_with_signs_are_found_with_and_without_them(ana: Person) -> None:
    await make_client(ana, name="Anne-Marie D'Ávila & Filhos")

    for text in ("d'avila", "avila", "anne marie", "anne-marie", "filhos d'ávila"):
        assert await names(ana, text) == ["Anne-Marie D'Ávila & Filhos"], text


@pytest.mark.parametrize(
    "text", ["zulmira", "zulmira quintas prado", "nobody at all", "98765-4321"]
)
async def test_a_bounded_number_of_statements(
    ana: Person, statements: list[str], text: str
) -> None:
    await make_client(ana, name="Zulmira Quintas")
    statements.clear()

    await ana.seen(SEARCH, q=text)

    assert len(statements) <= 6


@pytest.mark.committed
async def test_the_list_of_words_can_be_made_anew(
    ana: Person, database_urls: DatabaseUrls, superuser: asyncpg.Connection
) -> None:
    await make_client(ana, name="Zulmira Quintas")
    await superuser.execute("UPDATE crm.client_words SET word = 'old' WHERE word = 'zulmira'")
    assert await names(ana, "zulmria") == []

    done = await rebuild(database_urls.owner)

    assert done == {OrganizationId(AURORA.id): (1, 1)}
    assert await names(ana, "zulmria") == ["Zulmira Quintas"]
    assert await names(ana, "zulmria quitnas") == ["Zulmira Quintas"]
