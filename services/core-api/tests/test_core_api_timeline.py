"""Everything that happened with a client, in one list: of all contexts, in one order."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from core_api_factories import (
    CLIENTS,
    TICKETS,
    Person,
    PersonOf,
    generated_cpf,
    make_client,
    make_consent,
    make_purpose,
    make_ticket,
    without_request_id,
)
from core_api_inventory import PICTURE
from privacy_factories import make_request

from chassis.data.database import Database
from core_api.modules.timeline.registry import SOURCES
from core_api.timeline_sources import TimelineKind
from devstack.people import AURORA, PEOPLE
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, new_id

OF_TICKETS = {"ticket", "message", "attachment"}
OF_CONSENTS = {"consent", "revocation"}
AT_ONCE = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
# Where the instant is kept of what the service's role may change.
INSTANTS = {
    "tickets": "created_at",
    "ticket_messages": "created_at",
    "client_notes": "created_at",
    "client_merges": "created_at",
}


def timeline(client_id: str) -> str:
    return f"{CLIENTS}/{client_id}/timeline"


def places(entries: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(entry["kind"], entry["id"]) for entry in entries]


async def said(person: Person, ticket_id: str, **message: Any) -> dict[str, Any]:
    given = {"kind": "reply", "body": "A certidão sai amanhã.", **message}
    return await person.made(f"{TICKETS}/{ticket_id}/messages", given)


async def attached(person: Person, ticket_id: str) -> dict[str, Any]:
    answer = await person.post(
        f"{TICKETS}/{ticket_id}/attachments", files={"file": ("ponto.png", PICTURE)}
    )
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def noted(person: Person, client_id: str, body: str = "Prefere manhãs.") -> dict[str, Any]:
    return await person.made(f"{CLIENTS}/{client_id}/notes", {"body": body})


async def eventful(ana: Person) -> tuple[str, list[tuple[str, str]]]:
    """A client with everything there can be, and what is to be shown, oldest first."""
    client_id = (await make_client(ana, email="julia@casa.com", document=generated_cpf(7)))["id"]
    ticket = await make_ticket(ana, client_id)
    answer = await ana.patch(f"{CLIENTS}/{client_id}", {"email": "julia@obra.com"})
    assert answer.is_success
    file = await attached(ana, ticket["id"])
    reply = await said(ana, ticket["id"], attachment_ids=[file["id"]])
    internal = await said(ana, ticket["id"], kind="note", body="Ligar\namanhã.")
    note = await noted(ana, client_id)
    await make_purpose(ana)
    consent = await make_consent(ana, client_id)
    await ana.made(f"/api/v1/consents/{consent['id']}/revoke", {"reason": "Pedido do titular"})
    other = await make_client(ana, name="Julia Lima")
    merge = await ana.made(f"{CLIENTS}/{client_id}/merge", {"other_id": other["id"]})
    await ana.made(f"/api/v1/client-merges/{merge['id']}/undo", {})
    return client_id, [
        ("change", ""),
        ("ticket", ticket["id"]),
        ("change", ""),
        ("attachment", file["id"]),
        ("message", reply["id"]),
        ("message", internal["id"]),
        ("note", note["id"]),
        ("consent", consent["id"]),
        ("revocation", ""),
        ("merge", merge["id"]),
        ("undone_merge", merge["id"]),
    ]


async def paged(person: Person, client_id: str, limit: int, **params: Any) -> list[dict[str, Any]]:
    """All entries, page by page."""
    found: list[dict[str, Any]] = []
    cursor: Mapping[str, Any] = {}
    while True:
        given = {"limit": limit, **params, **cursor}
        answer = (await person.get(timeline(client_id), params=given)).json()
        assert len(answer["data"]) <= limit
        found += answer["data"]
        if not answer["meta"]["has_more"]:
            return found
        assert len(answer["data"]) == limit
        cursor = {"cursor": answer["meta"]["next_cursor"]}


async def all_at_once(database: Database) -> None:
    """As if everything had happened at one instant."""
    async with database.transaction(OrganizationId(AURORA.id)) as session:
        for table, column in INSTANTS.items():
            statement = sa.text(f"UPDATE crm.{table} SET {column} = :at")
            await session.execute(statement, {"at": AT_ONCE})


def test_every_kind_has_a_source() -> None:
    assert set(SOURCES) == set(TimelineKind)


async def test_everything_is_told_newest_first(ana: Person) -> None:
    client_id, expected = await eventful(ana)

    entries = await ana.seen(timeline(client_id), limit=50)

    shown = [
        (kind, thing if wanted else "")
        for (kind, thing), (_, wanted) in zip(places(entries), expected[::-1], strict=True)
    ]
    assert shown == expected[::-1]
    instants = [entry["occurred_at"] for entry in entries]
    assert instants == sorted(instants, reverse=True)
    assert {entry["actor_id"] for entry in entries} == {str(PEOPLE["ana"].sub)}
    assert {entry["client_id"] for entry in entries} == {client_id}
    ticket_id = expected[1][1]
    assert {entry["ticket_id"] for entry in entries if entry["kind"] in OF_TICKETS} == {ticket_id}
    assert {entry["ticket_id"] for entry in entries if entry["kind"] not in OF_TICKETS} == {None}


async def test_every_kind_says_what_it_is_about(ana: Person) -> None:
    client_id, _ = await eventful(ana)

    entries = (await ana.seen(timeline(client_id), limit=50))[::-1]

    assert [(entry["title"], entry["summary"]) for entry in entries] == [
        ("Cliente cadastrado", "documento, e-mail, tipo, nome"),
        ("Chamado aberto", "#1 Certidão atrasada"),
        ("Cadastro alterado", "e-mail"),
        ("Anexo", "ponto.png"),
        ("Resposta ao cliente", "A certidão sai amanhã."),
        ("Nota interna", "Ligar amanhã."),
        ("Anotação", "Prefere manhãs."),
        ("Consentimento dado", "Novidades por e-mail"),
        ("Consentimento revogado", "Novidades por e-mail"),
        ("Cadastro unido", "Outro cadastro foi unido a este."),
        ("União desfeita", "Um cadastro unido a este voltou a ser outro."),
    ]
    details = {entry["kind"]: entry["detail"] for entry in entries}
    assert details["ticket"]["number"] == 1
    assert details["message"] == {"ticket_number": 1, "message_kind": "note", "edited_at": None}
    assert details["attachment"]["media_type"] == "image/png"
    assert details["consent"]["decision"] == "granted"
    assert details["revocation"]["reason"] == "Pedido do titular"
    assert details["merge"]["undone"] is True
    assert details["change"]["values"]["email"]["to"] == "julia@obra.com"


async def test_drafts_and_what_waits_with_them_are_not_there(ana: Person) -> None:
    ticket = await make_ticket(ana)
    pending, of_draft = [await attached(ana, ticket["id"]) for _ in range(2)]
    draft = await said(ana, ticket["id"], kind="draft", attachment_ids=[of_draft["id"]])

    before = await ana.seen(timeline(ticket["client_id"]))
    await ana.made(f"{TICKETS}/{ticket['id']}/messages/{draft['id']}/send", None)
    after = await ana.seen(timeline(ticket["client_id"]))

    assert [entry["kind"] for entry in before] == ["ticket", "change"]
    new = set(places(after)) - set(places(before))
    assert new == {("message", draft["id"]), ("attachment", of_draft["id"])}
    assert pending["id"] not in str(after)


async def test_long_texts_are_told_by_how_they_begin(ana: Person) -> None:
    client = await make_client(ana)
    await noted(ana, client["id"], "Longo. " * 1_000)

    (note,) = await ana.seen(timeline(client["id"]), kind="note")

    assert note["summary"].startswith("Longo. Longo.")
    assert note["summary"].endswith("…")
    assert len(note["summary"]) <= 280


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_pages_hold_everything_once_also_at_one_instant(
    ana: Person, database: Database, limit: int
) -> None:
    client_id, _ = await eventful(ana)
    for _ in range(3):
        await noted(ana, client_id)
        ticket = await make_ticket(ana, client_id)
        await said(ana, ticket["id"], kind="client")
    await all_at_once(database)
    whole = await ana.seen(timeline(client_id), limit=100)
    assert sum(entry["occurred_at"].startswith("2026-03-01T12:00:00") for entry in whole) == 14

    found = await paged(ana, client_id, limit)

    assert places(found) == places(whole)
    assert len(set(places(found))) == len(found) == 20
    order = [(datetime.fromisoformat(e["occurred_at"]), e["kind"], e["id"]) for e in found]
    assert order == sorted(order, reverse=True)


async def test_what_is_new_does_not_disturb_who_is_paging(ana: Person) -> None:
    client = await make_client(ana)
    notes = [(await noted(ana, client["id"]))["id"] for _ in range(4)]
    first = (await ana.get(timeline(client["id"]), params={"limit": 2})).json()

    await noted(ana, client["id"])
    rest = await ana.seen(timeline(client["id"]), cursor=first["meta"]["next_cursor"], kind="note")

    assert [entry["id"] for entry in first["data"] + rest] == notes[::-1]


async def test_filter_by_kinds(ana: Person) -> None:
    client_id, expected = await eventful(ana)

    for kind in TimelineKind:
        entries = await ana.seen(timeline(client_id), kind=kind.value)
        assert [entry["kind"] for entry in entries] == [k for k, _ in expected if k == kind]
    both = await paged(ana, client_id, 1, kind=["note", "merge"])
    assert [entry["kind"] for entry in both] == ["merge", "note"]


@pytest.mark.parametrize(
    "params",
    [{"kind": "gossip"}, {"cursor": "WyItY3JlYXRlZF9hdCIsMV0"}, {"cursor": "x"}, {"limit": 101}],
)
async def test_bad_input(ana: Person, params: dict[str, Any]) -> None:
    client = await make_client(ana)

    assert (await ana.get(timeline(client["id"]), params=params)).status_code == 422


async def test_viewer_sees_values_masked(ana: Person, vera: Person) -> None:
    client_id, _ = await eventful(ana)

    changes = await vera.seen(timeline(client_id), kind="change")

    assert changes[0]["detail"]["values"]["email"] == {
        "from": "j***@casa.com",
        "to": "j***@obra.com",
        "erased": False,
        "withheld": False,
    }
    assert changes[1]["detail"]["values"]["document"]["to"].startswith("***.")
    assert "julia@" not in str(changes)
    whole = await ana.seen(timeline(client_id), kind="change")
    assert whole[1]["detail"]["values"]["document"]["to"].startswith("***.")


async def test_who_may_not_read_a_kind_is_shown_the_rest(
    ana: Person, vera: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No role reads clients and not tickets: the permissions of one are taken away."""
    client_id, expected = await eventful(ana)
    kinds = {kind for kind, _ in expected}

    async def shown() -> set[str]:
        return {entry["kind"] for entry in await vera.seen(timeline(client_id), limit=50)}

    assert await shown() == kinds
    deny(monkeypatch, "tickets:read")
    assert await shown() == kinds - OF_TICKETS
    assert await vera.seen(timeline(client_id), kind="message") == []
    deny(monkeypatch, "consents:read")
    assert await shown() == kinds - OF_TICKETS - OF_CONSENTS


def deny(monkeypatch: pytest.MonkeyPatch, permission: str) -> None:
    may = Actor.may
    monkeypatch.setattr(Actor, "may", lambda self, asked: asked != permission and may(self, asked))


async def test_merged_clients_have_one_timeline(bruno: Person, ana: Person) -> None:
    one, other = [(await make_client(bruno))["id"] for _ in range(2)]
    ticket = await make_ticket(bruno, other)
    note = await noted(bruno, other)
    await make_purpose(ana)
    consent = await make_consent(bruno, other)
    await bruno.made(f"{CLIENTS}/{one}/merge", {"other_id": other, "reason": "Em dobro"})

    entries = await bruno.seen(timeline(one))

    assert [entry["kind"] for entry in entries] == [
        "merge",
        "consent",
        "note",
        "ticket",
        "change",
        "change",
    ]
    assert {entry["id"] for entry in entries} >= {ticket["id"], note["id"], consent["id"]}
    assert [e["client_id"] for e in entries] == [one, other, one, one, other, one]
    assert entries[0]["detail"]["reason"] == "Em dobro"
    assert await bruno.seen(timeline(other)) == entries
    assert places(await paged(bruno, other, 2)) == places(entries)


async def test_relations_of_a_person_are_told_and_looking_is_not(ana: Person) -> None:
    client = await make_client(ana, document=generated_cpf(3))
    company = await make_client(ana, kind="company", name="Oficina")
    await ana.made(f"{CLIENTS}/{client['id']}/relations", {"client_id": company["id"]})
    await ana.seen(f"{CLIENTS}/{client['id']}")

    entries = await ana.seen(timeline(client["id"]))

    assert [entry["title"] for entry in entries] == ["Vínculo criado", "Cliente cadastrado"]
    revealed = await ana.seen("/api/v1/audit-events", action="client.revealed")
    assert [event["subject_id"] for event in revealed] == [client["id"]]


async def test_of_others_there_is_nothing(ana: Person, beto: Person, person: PersonOf) -> None:
    client = await make_client(ana)
    await noted(ana, client["id"])
    gone = await make_client(ana)
    assert (await ana.delete(f"{CLIENTS}/{gone['id']}")).status_code == 204

    foreign = await beto.get(timeline(client["id"]))
    unknown = await beto.get(timeline(str(new_id())))

    assert foreign.status_code == unknown.status_code == 404
    assert without_request_id(foreign) == without_request_id(unknown)
    assert without_request_id(await ana.get(timeline(gone["id"]))) == without_request_id(unknown)
    assert foreign.json()["code"] == "CLIENT_NOT_FOUND"
    nobody = person("vera", realm_access={"roles": []})
    assert (await nobody.get(timeline(client["id"]))).status_code == 403


async def test_statements_do_not_grow_with_what_happened(
    ana: Person, statements: list[str]
) -> None:
    client_id, _ = await eventful(ana)
    await make_request(ana, client_id=client_id)
    statements.clear()
    few = await ana.seen(timeline(client_id), limit=100)
    first = len(statements)
    for _ in range(5):
        ticket = await make_ticket(ana, client_id)
        await said(ana, ticket["id"])
        await noted(ana, client_id)
        await ana.patch(f"{CLIENTS}/{client_id}", {"tags": [str(new_id())]})
    statements.clear()

    many = await ana.seen(timeline(client_id), limit=100)

    assert len(many) == len(few) + 20
    # The family, the places, one for each kind, and the keys of what changed.
    assert len(statements) == first == 2 + len(TimelineKind) + 1
    statements.clear()
    await ana.seen(timeline(client_id), kind="note")
    assert len(statements) == 3
