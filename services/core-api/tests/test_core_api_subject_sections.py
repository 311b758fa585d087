"""Sections: every table about a client is in one or is left out for a reason, and what they tell
is what is there."""

from typing import Any, Final

import pytest
import sqlalchemy as sa
from core_api_accountability import hear_block, hear_triage
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
from core_api_files import PNG
from subject_data_factories import copied, document_of, section

from chassis.data.database import Database
from core_api.modules.subject_data.gathering import family_with_deleted
from core_api.modules.subject_data.registry import LEFT_OUT, SECTIONS
from core_api.schema import METADATA
from core_api.subject_sections import Subject
from devstack.people import AURORA
from shared_schemas.ids import OrganizationId

CLIENT_COLUMNS: Final = frozenset(
    {
        "about",
        "client_id",
        "client_ids",
        "company_id",
        "merged_id",
        "other_id",
        "person_id",
        "survivor_id",
        "ticket_id",
    }
)
"""Columns that name a client or a ticket, with a foreign key or without."""


def about_clients() -> set[str]:
    """The tables that refer to a client: by a column of such a name, or by foreign keys however
    many steps away."""
    found = {"clients"} | {
        table.name for table in METADATA.tables.values() if CLIENT_COLUMNS & set(table.c.keys())
    }
    while True:
        further = {
            table.name
            for table in METADATA.tables.values()
            if any(key.column.table.name in found for key in table.foreign_keys)
        }
        if further <= found:
            return found
        found |= further


def test_every_table_about_a_client_is_told_of_or_left_out_for_a_reason() -> None:
    told = set().union(*(source.tables for source in SECTIONS))

    missing = sorted(about_clients() - told - LEFT_OUT.keys())
    assert not missing, f"tell of {missing} in a section, or say in LEFT_OUT why not"


def test_registry_names_tables_that_exist_once_and_gives_reasons() -> None:
    tables = {table.name for table in METADATA.tables.values()}
    told = set().union(*(source.tables for source in SECTIONS))

    assert told | LEFT_OUT.keys() <= tables
    assert not told & LEFT_OUT.keys()
    assert all(len(reason) > 10 for reason in LEFT_OUT.values())
    assert len({source.name for source in SECTIONS}) == len(SECTIONS)


@pytest.mark.parametrize("source", SECTIONS, ids=lambda source: source.name)
def test_section_says_in_words_where_from_and_by_which_criteria(source: Any) -> None:
    assert source.label
    assert source.origin.endswith(".")
    assert source.criteria.endswith(".")
    assert source.fields
    assert source.categories
    assert all(name == name.casefold() for name in source.categories)


async def planted(ana: Person) -> str:
    """A client with something in as many sections as their own APIs can fill."""
    client = await make_client(
        ana,
        name="Conceição Araújo",
        document=generated_cpf(7),
        phones=[{"number": "(11) 98765-4321", "label": "celular"}],
        email="conceicao@exemplo.com.br",
        addresses=[{"cep": "01310-100", "uf": "SP", "city": "São Paulo", "street": "Av. Paulista"}],
        tags=["munícipe"],
    )
    path = f"{CLIENTS}/{client['id']}"
    company = await make_client(ana, kind="company", name="Padaria Boa Vista")
    await ana.made(f"{path}/notes", {"body": "Prefere ser chamada de manhã."})
    await ana.made(
        f"{CLIENTS}/{company['id']}/relations", {"client_id": client["id"], "role": "sócia"}
    )
    await ana.patch(path, {"email": "nova@exemplo.com.br"}, headers={"if-match": '"1"'})
    await make_purpose(ana)
    await make_consent(ana, client["id"])
    ticket = await make_ticket(ana, client["id"], subject="Iluminação", description="Poste apagado")
    said = f"{TICKETS}/{ticket['id']}/messages"
    await ana.made(said, {"kind": "client", "body": "Continua apagado."})
    reply = await ana.made(said, {"kind": "reply", "body": "Vamos trocar a lâmpada."})
    await ana.made(said, {"kind": "note", "body": "Equipe 3 avisada."})
    await ana.patch(f"{said}/{reply['id']}", {"body": "Vamos trocar a luminária."})
    await ana.post(f"{TICKETS}/{ticket['id']}/attachments", files={"file": ("poste.png", PNG)})
    return str(client["id"])


async def test_declaration_tells_what_is_kept_where_it_is_from_and_why(ana: Person) -> None:
    client_id = await planted(ana)

    document = await document_of(ana, await copied(ana, client_id=client_id))

    (registered,) = section(document, "registration")
    assert registered["name"] == "Conceição Araújo"
    assert registered["document"].replace(".", "").replace("-", "") == generated_cpf(7)
    assert registered["emails"] == ["nova@exemplo.com.br"]
    assert registered["phones"] == ["(11) 98765-4321 (celular)"]
    assert registered["addresses"] == ["Av. Paulista, São Paulo, SP, 01310-100"]
    assert registered["tags"] == ["munícipe"]
    assert [note["text"] for note in section(document, "client_notes")] == [
        "Prefere ser chamada de manhã."
    ]
    (relation,) = section(document, "relations")
    assert (relation["with_whom"], relation["role"]) == ("Padaria Boa Vista", "sócia")
    (ticket,) = section(document, "tickets")
    assert (ticket["subject"], ticket["description"]) == ("Iluminação", "Poste apagado")
    assert [(each["said_by"], each["text"]) for each in section(document, "messages")] == [
        ("você", "Continua apagado."),
        ("nossa equipe", "Vamos trocar a luminária."),
    ]
    (note,) = section(document, "internal_notes")
    assert (note["said_by"], note["text"]) == ("anotação interna", "Equipe 3 avisada.")
    assert [each["text"] for each in section(document, "earlier_texts")] == [
        "Vamos trocar a lâmpada."
    ]
    assert [each["name"] for each in section(document, "attachments")] == ["poste.png"]
    (consent,) = section(document, "consents")
    assert (consent["purpose"], consent["status"]) == ("Novidades por e-mail", "autorizado")
    assert consent["notice_text"] == "Usamos seu e-mail para enviar novidades."
    changes = section(document, "changes")
    assert changes[-1]["from"] == ["e-mail: conceicao@exemplo.com.br"]
    assert changes[-1]["to"] == ["e-mail: nova@exemplo.com.br"]
    (request,) = section(document, "privacy_requests")
    assert request["type"] == "acesso aos dados"
    for each in document["sections"]:
        assert each["origin"]
        assert each["criteria"]
        assert all(set(record) <= set(each["fields"]) for record in each["records"])


async def test_what_a_machine_decided_and_who_else_was_told_is_told(
    ana: Person, database: Database
) -> None:
    recipients = [{"name": "Gráfica Boa Vista", "role": "operator", "what_for": "Cartas"}]
    await make_purpose(ana, code="contrato", legal_basis="contract", recipients=recipients)
    client = await make_client(ana)
    ticket = await make_ticket(ana, client["id"])
    tenant = OrganizationId(AURORA.id)
    await hear_triage(database, tenant, ticket["id"])
    await hear_block(database, tenant, client["id"], None)
    (decision,) = await ana.seen("/api/v1/automated-decisions")
    asked = {"channel": "email", "grounds": "Quero que alguém olhe."}
    await ana.made(f"/api/v1/automated-decisions/{decision['id']}/reviews", asked)

    document = await document_of(ana, await copied(ana, client_id=client["id"]))

    (decided,) = section(document, "automated_decisions")
    assert (decided["kind"], decided["model"]) == ("triagem do chamado", "extractive")
    assert decided["inputs"] == ["subject", "description"]
    assert "priority: high" in decided["outcome"]
    (review,) = section(document, "decision_reviews")
    assert review["grounds"] == "Quero que alguém olhe."
    (notice,) = section(document, "recipient_notices")
    assert (notice["recipient"], notice["act"]) == ("Gráfica Boa Vista", "bloqueio")


async def test_nobody_else_is_named(ana: Person, bruno: Person) -> None:
    client_id = await planted(ana)
    members = {str((await each.seen("/api/v1/me"))["id"]) for each in (ana, bruno)}

    state = await copied(ana, client_id=client_id)
    text = str(await document_of(ana, state))

    assert not [member for member in members if member in text]


async def test_counts_are_what_is_loaded(ana: Person, database: Database) -> None:
    client_id = await planted(ana)
    tenant = OrganizationId(AURORA.id)

    async with database.transaction(tenant, read_only=True) as session:
        family = await family_with_deleted(session, tenant, sa.Uuid().python_type(client_id))
        subject = Subject(tenant, family)
        counted = {each.name: await each.count(session, subject) for each in SECTIONS}
        loaded = {each.name: len((await each.load(session, subject)).records) for each in SECTIONS}

    assert counted == loaded
    assert counted["changes"] == 3  # registered, related, changed
    assert counted["messages"] == 2


async def test_what_was_said_before_a_merge_is_told_as_well(ana: Person) -> None:
    first, second = await make_client(ana, email="a@b.co"), await make_client(ana, name="Júlia P.")
    await make_ticket(ana, second["id"], subject="Antes da união")
    await ana.made(f"{CLIENTS}/{second['id']}/notes", {"body": "Nota do outro cadastro"})
    await ana.made(f"{CLIENTS}/{first['id']}/merge", {"other_id": second["id"]})

    document = await document_of(ana, await copied(ana, client_id=first["id"]))

    assert {each["name"] for each in section(document, "registration")} == {
        "Júlia Prado",
        "Júlia P.",
    }
    assert [each["subject"] for each in section(document, "tickets")] == ["Antes da união"]
    assert len(section(document, "client_notes")) == 1
    assert len(section(document, "merges")) == 1


async def test_number_of_statements_does_not_depend_on_how_much_there_is(
    ana: Person, database: Database, statements: list[str]
) -> None:
    async def sent(client_id: str) -> int:
        tenant = OrganizationId(AURORA.id)
        statements.clear()
        async with database.transaction(tenant, read_only=True) as session:
            family = [sa.Uuid().python_type(client_id)]
            for source in SECTIONS:
                await source.load(session, Subject(tenant, family))
        return len(statements)

    little = (await make_client(ana))["id"]
    much = await planted(ana)
    for _ in range(3):
        await make_ticket(ana, much)

    assert await sent(much) <= await sent(little) + len(SECTIONS)
    before = await sent(much)
    await make_ticket(ana, much)
    assert await sent(much) == before
