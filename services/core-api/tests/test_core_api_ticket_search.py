"""Finding tickets by words: inflected, begun, misspelt, of clients and messages, within filters."""

from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from core_api_factories import CLIENTS, TICKETS, Person, make_client, make_ticket

from chassis.data.database import Database
from core_api.modules.tickets.search import finding as search
from core_api.modules.tickets.search import upkeep as search_upkeep
from devstack.people import AURORA
from shared_schemas.events import (
    ClientMerged,
    ClientMergeUndone,
    ClientUpdated,
    TicketCreated,
    TicketUpdated,
)
from shared_schemas.ids import OrganizationId, new_id

ORGANIZATION = OrganizationId(AURORA.id)


async def found(person: Person, text: str, **params: Any) -> list[int]:
    hits = await person.seen(f"{TICKETS}/search", q=text, **params)
    return [hit["number"] for hit in hits]


async def say(person: Person, ticket: Any, body: str, kind: str = "note") -> Any:
    return await person.made(f"{TICKETS}/{ticket['id']}/messages", {"kind": kind, "body": body})


async def learned(database: Database, *tickets: Any) -> None:
    """As the consumer does after the commit."""
    async with database.transaction(ORGANIZATION) as tx:
        for ticket in tickets:
            event = TicketCreated.caused(
                organization_id=ORGANIZATION,
                correlation_id="test",
                ticket_id=ticket["id"],
                client_id=ticket["client_id"],
            )
            await search_upkeep.learn_created(tx, event)


@pytest.mark.parametrize(
    "text",
    [
        "certidões",
        "CERTIDAO",
        "júlia",
        "julia prado certidão",
        "calçada",
        "vizinhos reclamaram",
        "boleto",
        "a certidão da Júlia",
        "protocolo 88.412/2026",
    ],
)
async def test_found_by_words_of_all_its_texts(bruno: Person, text: str) -> None:
    ticket = await make_ticket(
        bruno, subject="Certidão atrasada", description="Há um buraco na calçada."
    )
    await say(bruno, ticket, "Os vizinhos já reclamaram do boleto.", "client")
    await say(bruno, ticket, "Protocolo 88.412/2026 na prefeitura.")
    await make_ticket(bruno, (await make_client(bruno, name="Ana Lima"))["id"], subject="Outro")

    assert await found(bruno, text) == [1]


async def test_all_the_words_must_be_there(bruno: Person) -> None:
    await make_ticket(bruno, subject="Certidão atrasada")
    assert await found(bruno, "certidão impressora") == []
    assert await found(bruno, "' & | ! ( \\ :* <->") == []


async def test_drafts_are_not_found_until_they_are_sent(bruno: Person) -> None:
    ticket = await make_ticket(bruno)
    draft = await say(bruno, ticket, "Segue o alvará.", "draft")
    assert await found(bruno, "alvará") == []

    await bruno.made(f"{TICKETS}/{ticket['id']}/messages/{draft['id']}/send", {})

    assert await found(bruno, "alvará") == [1]


async def test_what_was_edited_away_is_not_found_any_more(bruno: Person) -> None:
    ticket = await make_ticket(bruno)
    note = await say(bruno, ticket, "Ligar para o cartório.")
    await bruno.patch(
        f"{TICKETS}/{ticket['id']}/messages/{note['id']}", {"body": "Ligar para a prefeitura."}
    )
    assert await found(bruno, "cartório") == []

    await bruno.patch(f"{TICKETS}/{ticket['id']}", {"subject": "Vistoria"})

    assert await found(bruno, "atrasada") == []
    assert await found(bruno, "vistoria prefeitura") == [1]


@pytest.mark.parametrize(
    ("params", "numbers"),
    [
        ({"status": "pending"}, [2]),
        ({"status": ["pending", "new"]}, [3, 2]),
        ({"priority": "urgent"}, [3]),
        ({"tag": "Obra"}, [3]),
        ({"channel": "phone"}, [1]),
        ({"unassigned": "true"}, [3, 2]),
        ({"created_since": "2020-01-01T00:00:00Z"}, [3, 2, 1]),
        ({"created_until": "2020-01-01T00:00:00Z"}, []),
        ({"created_since": "2200-01-01T00:00:00Z"}, []),
        ({"tag": "it's \\ '| &"}, []),
    ],
)
async def test_filters_narrow_as_in_the_list(
    bruno: Person, params: dict[str, Any], numbers: list[int]
) -> None:
    client = (await make_client(bruno))["id"]
    me = (await bruno.seen("/api/v1/me"))["id"]
    first = await make_ticket(bruno, client, channel="phone")
    second = await make_ticket(bruno, client)
    await make_ticket(bruno, client, priority="urgent", tags=["obra"])
    await bruno.made(f"{TICKETS}/{first['id']}/assign", {"assignee_id": me})
    await bruno.made(f"{TICKETS}/{second['id']}/pend", {})

    assert sorted(await found(bruno, "certidão", **params), reverse=True) == numbers
    assert await found(bruno, "certidão", assignee_id=me) == [1]
    assert len(await found(bruno, "certidão", client_id=client)) == 3


async def test_highlights_say_where(bruno: Person) -> None:
    ticket = await make_ticket(bruno, subject="<b>Certidões</b> em atraso")
    message = await say(bruno, ticket, "A certidão e mais certidões: " + "x " * 200 + "certidão")

    [hit] = await bruno.seen(f"{TICKETS}/search", q="certidao")

    by_field = {piece["field"]: piece for piece in hit["highlights"]}
    marked = {
        field: [piece["text"][start:end] for start, end in piece["ranges"]]
        for field, piece in by_field.items()
    }
    assert marked == {"subject": ["Certidões"], "message": ["certidão", "certidões"]}
    assert by_field["message"]["message_id"] == message["id"]
    assert by_field["subject"]["text"] == "<b>Certidões</b> em atraso"


async def test_the_last_word_may_be_begun_and_any_misspelt(
    bruno: Person, database: Database
) -> None:
    client = (await make_client(bruno, name="Otávio Guimarães"))["id"]
    ticket = await make_ticket(
        bruno, client, subject="Aposentadoria", description="Pedido de benefício."
    )
    assert await found(bruno, "aposent") == [1]  # at once, before the word was learned

    await learned(database, ticket)

    for text in ("aposentadori", "pedido aposent", "aposentadroia", "benefico", "guimaraez bene"):
        assert await found(bruno, text) == [1], text
    assert await found(bruno, "aposent pedido") == []


async def test_a_renamed_clients_tickets_follow(bruno: Person, database: Database) -> None:
    client = await make_client(bruno, name="Casa das Tintas")
    numbers = [(await make_ticket(bruno, client["id"]))["number"] for _ in range(3)]
    await bruno.patch(f"{CLIENTS}/{client['id']}", {"name": "Depósito Central"})
    event = ClientUpdated.caused(
        organization_id=ORGANIZATION,
        correlation_id="test",
        client_id=client["id"],
        changed=("name",),
    )

    for _ in range(2):  # told twice
        async with database.transaction(ORGANIZATION) as tx:
            await search_upkeep.follow_client(tx, event)

    assert sorted(await found(bruno, "depósito certidão", status="new")) == numbers
    assert await found(bruno, "tintas") == []


async def test_tickets_of_merged_clients_are_found_by_whose_they_are(
    bruno: Person, database: Database
) -> None:
    first = await make_client(bruno, name="Papelaria Sol")
    second = await make_client(bruno, name="Papelaria Lua")
    ticket = await make_ticket(bruno, second["id"])
    moved = {"ticket_id": ticket["id"]}
    caused: dict[str, Any] = {
        "organization_id": ORGANIZATION,
        "correlation_id": "test",
        "merge_id": new_id(),
    }
    ids = {"client_id": first["id"], "merged_id": second["id"]}
    move = sa.text("UPDATE crm.tickets SET client_id = :client_id WHERE id = :ticket_id")

    async with database.transaction(ORGANIZATION) as tx:
        await tx.execute(move, {**moved, "client_id": first["id"]})
        await search_upkeep.follow_merge(tx, ClientMerged.caused(**caused, **ids))
    merged = (await found(bruno, "sol"), await found(bruno, "lua"))
    by_client = await found(bruno, "certidão", client_id=first["id"])
    async with database.transaction(ORGANIZATION) as tx:
        await tx.execute(move, {**moved, "client_id": second["id"]})
        await search_upkeep.follow_undone_merge(tx, ClientMergeUndone.caused(**caused, **ids))

    assert (merged, by_client) == (([1], []), [1])
    assert (await found(bruno, "sol"), await found(bruno, "lua")) == ([], [1])


async def test_other_events_of_clients_and_tickets_change_nothing(
    bruno: Person, database: Database, statements: list[str]
) -> None:
    ticket = await make_ticket(bruno)
    ids: dict[str, Any] = {"organization_id": ORGANIZATION, "correlation_id": "test"}
    statements.clear()
    async with database.transaction(ORGANIZATION) as tx:
        await search_upkeep.follow_client(
            tx, ClientUpdated.caused(**ids, client_id=ticket["client_id"], changed=("email",))
        )
        await search_upkeep.learn_updated(
            tx,
            TicketUpdated.caused(
                **ids,
                ticket_id=ticket["id"],
                client_id=ticket["client_id"],
                changed=("status",),
            ),
        )
    assert statements == []


async def test_the_number_comes_first(bruno: Person) -> None:
    client = (await make_client(bruno))["id"]
    for subject in ("Nota 3", "Nota 3", "Outra"):
        await make_ticket(bruno, client, subject=subject)
    assert await found(bruno, "3") == [3, 2, 1]
    assert await found(bruno, "#2") == [2]
    assert await found(bruno, "#2", status="closed") == []


async def test_more_matches_than_are_ranked_are_the_newest(
    bruno: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "CANDIDATES", 3)
    client = (await make_client(bruno))["id"]
    for _ in range(6):
        await make_ticket(bruno, client)
    await make_ticket(bruno, client, priority="low")
    assert await found(bruno, "certidão") == [7, 6, 5]


async def test_a_filter_is_no_afterthought(bruno: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it lets through is looked for, not kept of a few candidates."""
    monkeypatch.setattr(search, "CANDIDATES", 3)
    client = (await make_client(bruno))["id"]
    await make_ticket(bruno, client, priority="urgent")
    for _ in range(5):
        await make_ticket(bruno, client)
    assert await found(bruno, "certidão", priority="urgent") == [1]


@pytest.mark.committed
async def test_another_organization_finds_and_learns_nothing(
    bruno: Person, beto: Person, database: Database, superuser: asyncpg.Connection
) -> None:
    ours = await make_ticket(bruno, subject="Segredo industrial")
    await make_ticket(beto, subject="Outro assunto")
    await learned(database, ours)

    assert await found(beto, "segredo") == []
    assert await found(beto, "segr") == []
    assert await found(bruno, "segredo") == [1]
    words = await superuser.fetch("SELECT DISTINCT organization_id FROM crm.ticket_words")
    assert [row["organization_id"] for row in words] == [AURORA.id]


@pytest.mark.committed
async def test_the_candidates_are_the_tenants_whatever_is_asked(
    bruno: Person, beto: Person, database_urls: Any
) -> None:
    await make_ticket(bruno)
    await make_ticket(beto)
    app = await asyncpg.connect(database_urls.app.replace("+asyncpg", ""))
    count = "SELECT count(*) FROM crm.candidate_tickets('''certida'''::tsquery, 0, 99, 50)"

    without = await app.fetchval(count)
    async with app.transaction():
        await app.execute("SELECT set_config('app.organization_id', $1, true)", str(AURORA.id))
        within = await app.fetchval(count)
    await app.close()

    assert (without, within) == (0, 1)


@pytest.mark.committed
async def test_a_ticket_of_the_version_before_is_taken_up_with_its_next_change(
    bruno: Person, superuser: asyncpg.Connection
) -> None:
    ticket = await make_ticket(bruno)
    await superuser.execute("DELETE FROM crm.ticket_search")
    assert await found(bruno, "certidão") == []

    await bruno.made(f"{TICKETS}/{ticket['id']}/pend", {})

    assert await found(bruno, "certidão", status="pending") == [1]


async def test_a_ticket_of_very_many_words_can_still_be_answered(bruno: Person) -> None:
    ticket = await make_ticket(bruno)
    for part in range(16):  # more than a tsvector can hold
        await say(bruno, ticket, " ".join(f"{part:x}x{n:04x}" for n in range(7_000)))
    await bruno.patch(f"{TICKETS}/{ticket['id']}", {"subject": "Volumoso"})
    assert await found(bruno, "volumoso") == [1]
    assert await found(bruno, "0x001f") == [1]
