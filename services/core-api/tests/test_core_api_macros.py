"""Macros: several actions, whole or not at all, and a preview that keeps its word."""

from collections import Counter
from typing import Any

import pytest
from core_api_factories import TICKETS, Person, PersonOf, make_client, make_ticket
from core_api_factories import without_request_id as bare
from core_api_records import Records
from core_api_teams import assignee, at_once, id_of, make_crew, make_team

from shared_schemas.ids import new_id

MACROS = "/api/v1/macros"
REPLIES = "/api/v1/canned-replies"
VOLATILE = {"version", "updated_at", "last_message_at", "resolved_at", "first_replied_at"}


async def make_macro(person: Person, *actions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """One's own macro."""
    return await person.made(MACROS, {"name": "Resolver", "actions": [*actions]} | changes)


def _path(ticket: dict[str, Any], macro: dict[str, Any], what: str = "apply") -> str:
    return f"{TICKETS}/{ticket['id']}/macros/{macro['id']}/{what}"


async def _messages(person: Person, ticket: dict[str, Any]) -> list[tuple[str, str]]:
    found = await person.seen(f"{TICKETS}/{ticket['id']}/messages")
    return [(message["kind"], message["body"]) for message in found]


RESOLVE = {"type": "set_status", "status": "resolved"}
THANKS = {"type": "reply", "body": "Obrigado, {{cliente.primeiro_nome}}!"}


async def test_every_action_is_done_in_order(ana: Person, bruno: Person, records: Records) -> None:
    ticket = await make_ticket(ana, tags=["antiga", "fica"])
    team = await make_team(ana, [bruno], mode="manual")
    category = await ana.made("/api/v1/categories", {"name": "Certidões"})
    reply = await ana.made(
        REPLIES, {"name": "Fim", "body": "Chamado {{chamado.numero}}.", "shared": True}
    )
    macro = await make_macro(
        ana,
        {"type": "set_team", "team_id": team["id"]},
        {"type": "assign", "assignee_id": "me"},
        {"type": "set_priority", "priority": "high"},
        {"type": "set_category", "category_id": category["id"]},
        {"type": "add_tags", "tags": ["nova"]},
        {"type": "remove_tags", "tags": ["antiga"]},
        {"type": "note", "body": "Por {{atendente.nome}}, {{chamado.prioridade}}."},
        {"type": "reply", "canned_reply_id": reply["id"]},
        RESOLVE,
        shared=True,
    )

    outcome = await bruno.made(_path(ticket, macro), None)

    after = await ana.seen(f"{TICKETS}/{ticket['id']}")
    assert outcome["ticket"] == after
    wanted = {
        "team_id": team["id"],
        "assignee_id": await id_of(bruno),
        "priority": "high",
        "category_id": category["id"],
        "tags": ["fica", "nova"],
        "status": "resolved",
    }
    assert {name: after[name] for name in wanted} == wanted
    assert await _messages(ana, ticket) == [
        ("note", "Por Bruno Tavares, alta."),
        ("reply", f"Chamado {ticket['number']}."),
    ]
    assert outcome["steps"][5]["changes"]["tags"] == {
        "from": ["antiga", "fica", "nova"],
        "to": ["fica", "nova"],
    }
    (applied,) = await records.audit("ticket.macro_applied")
    assert applied["related"]["macro_id"] == macro["id"]
    (resolved,) = await records.audit("ticket.resolved")
    assert resolved["reason"] == "macro: Resolver"


async def test_preview_shows_it_and_keeps_nothing(ana: Person, records: Records) -> None:
    ticket = await make_ticket(ana)
    macro = await make_macro(ana, THANKS, {"type": "assign", "assignee_id": "me"}, RESOLVE)
    before = await ana.seen(f"{TICKETS}/{ticket['id']}")
    events = len(await records.events("ticket.updated"))

    seen = await ana.made(_path(ticket, macro, "preview"), None)

    assert await ana.seen(f"{TICKETS}/{ticket['id']}") == before
    assert await _messages(ana, ticket) == []
    assert len(await records.events("ticket.updated")) == events
    assert await records.audit("ticket.resolved") == []
    done = await ana.made(_path(ticket, macro), None)
    assert seen["possible"] is done["possible"] is True
    assert seen["steps"][0]["text"] == done["steps"][0]["text"] == "Obrigado, Júlia!"
    assert [step["changes"].keys() for step in seen["steps"]] == [
        step["changes"].keys() for step in done["steps"]
    ]
    same = [
        {name: value for name, value in outcome["ticket"].items() if name not in VOLATILE}
        for outcome in (seen, done)
    ]
    assert same[0] == same[1]


async def test_what_is_not_possible_is_shown_and_refused_whole(
    ana: Person, records: Records
) -> None:
    ticket = await make_ticket(ana)
    close = {"type": "set_status", "status": "closed"}
    macro = await make_macro(ana, THANKS, close, {"type": "set_priority", "priority": "low"})

    seen = await ana.made(_path(ticket, macro, "preview"), None)
    refused = await ana.post(_path(ticket, macro))

    assert seen["possible"] is False
    errors = [step["error"] and step["error"]["code"] for step in seen["steps"]]
    assert errors == [None, "ILLEGAL_TICKET_MOVE", None]
    assert seen["steps"][2]["changes"]["priority"] == {"from": "normal", "to": "low"}
    assert (refused.status_code, refused.json()["code"]) == (409, "MACRO_REFUSED")
    details = refused.json()["details"]
    assert (details[0]["field"], details[0]["type"]) == ("actions.1", "ILLEGAL_TICKET_MOVE")
    assert "resolve" in {one["message"] for one in details if one["type"] == "legal_move"}
    assert await ana.seen(f"{TICKETS}/{ticket['id']}") == ticket
    assert await _messages(ana, ticket) == []
    assert await records.audit("ticket.message_added") == []


async def test_team_assigns_only_after_the_last_action(
    ana: Person, person: PersonOf, records: Records
) -> None:
    crew = await make_crew(person, 2)
    team = await make_team(ana, crew)
    ticket = await make_ticket(ana)
    enter = {"type": "set_team", "team_id": team["id"]}
    second = await id_of(crew[1])
    named = await make_macro(ana, enter, {"type": "assign", "assignee_id": second})
    alone = await make_macro(ana, enter, name="Só a equipe")

    outcome = await ana.made(_path(ticket, named), None)
    other = await make_ticket(ana)
    seen = await ana.made(_path(other, alone, "preview"), None)
    given = await ana.made(_path(other, alone), None)

    assert outcome["ticket"]["assignee_id"] == second
    reasons = [row["reason"] for row in await records.audit("ticket.assigned")]
    assert reasons == ["macro: Resolver", "auto: round robin"]
    first = await id_of(crew[0])
    assert seen["ticket"]["assignee_id"] == given["ticket"]["assignee_id"] == first
    assert await assignee(ana, other) == first


async def test_version_seen_is_heeded(ana: Person) -> None:
    ticket = await make_ticket(ana)
    macro = await make_macro(ana, {"type": "set_priority", "priority": "low"})
    await ana.patch(f"{TICKETS}/{ticket['id']}", {"subject": "Outro"})

    stale = await ana.post(_path(ticket, macro), headers={"if-match": '"1"'})
    fresh = await ana.post(_path(ticket, macro), headers={"if-match": '"2"'})

    assert (stale.status_code, fresh.status_code) == (412, 200)
    assert fresh.headers["etag"] == '"3"'


async def test_macro_is_written_changed_and_deleted(ana: Person, records: Records) -> None:
    macro = await make_macro(ana, RESOLVE)
    path = f"{MACROS}/{macro['id']}"

    changed = await ana.patch(path, {"actions": [THANKS]}, headers={"if-match": '"1"'})
    stale = await ana.patch(path, {"name": "x"}, headers={"if-match": '"1"'})
    again = await ana.post(MACROS, {"name": "Resolver", "actions": [RESOLVE]})
    gone = await ana.delete(path)

    assert changed.json()["data"]["actions"][0]["body"] == THANKS["body"]
    assert (stale.status_code, gone.status_code) == (412, 204)
    assert again.json()["code"] == "MACRO_NAME_TAKEN"
    values = (await records.audit("macro.updated"))[0]["values"]["actions"]
    assert values["from"] == [RESOLVE]
    assert (await records.audit("macro.deleted"))[0]["values"]["name"]["from"] == "Resolver"


async def test_own_macros_are_nobody_elses(ana: Person, bruno: Person, vera: Person) -> None:
    own = await make_macro(bruno, RESOLVE)
    shared = await make_macro(ana, RESOLVE, shared=True)
    ticket = await make_ticket(ana)

    assert [one["id"] for one in await ana.seen(MACROS)] == [shared["id"]]
    assert (await ana.get(f"{MACROS}/{own['id']}")).status_code == 404
    assert (await ana.post(_path(ticket, own))).status_code == 404
    refused = [
        await bruno.patch(f"{MACROS}/{shared['id']}", {"name": "x"}),
        await bruno.delete(f"{MACROS}/{shared['id']}"),
        await bruno.post(MACROS, {"name": "x", "actions": [RESOLVE], "shared": True}),
        await vera.post(MACROS, {"name": "x", "actions": [RESOLVE]}),
        await vera.post(_path(ticket, shared)),
        await vera.post(_path(ticket, shared, "preview")),
    ]
    assert {answer.status_code for answer in refused} == {403}


async def test_another_organization_cannot_use_it(ana: Person, beto: Person) -> None:
    macro = await make_macro(ana, RESOLVE, shared=True)
    ticket, theirs = await make_ticket(ana), await make_ticket(beto)
    nobodys = {"id": str(new_id())}
    own = await make_macro(beto, RESOLVE)

    for what in ("apply", "preview"):
        foreign = await beto.post(_path(theirs, macro, what))
        unknown = await beto.post(_path(theirs, nobodys, what))
        assert foreign.status_code == unknown.status_code == 404
        assert bare(foreign) == bare(unknown)
        foreign = await beto.post(_path(ticket, own, what))
        unknown = await beto.post(_path(nobodys, own, what))
        assert foreign.status_code == unknown.status_code == 404
        assert bare(foreign) == bare(unknown)
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        answer = await beto.call(method, f"{MACROS}/{macro['id']}", json=body)
        assert answer.status_code == 404


@pytest.mark.parametrize(
    "actions",
    [
        [],
        [{"type": "explode"}],
        [{"type": "set_status", "status": "new"}],
        [{"type": "reply"}],
        [{"type": "reply", "body": "x", "canned_reply_id": str(new_id())}],
        [{"type": "note", "body": "{{cliente.cpf}}"}],
        [{"type": "add_tags", "tags": []}],
        [RESOLVE] * 21,
    ],
)
async def test_malformed_actions_are_refused(actions: list[Any], ana: Person) -> None:
    answer = await ana.post(MACROS, {"name": "x", "actions": actions})

    assert answer.status_code == 422


async def test_texts_in_use_stay_and_own_ones_are_not_for_shared_macros(
    ana: Person, beto: Person
) -> None:
    own = await ana.made(REPLIES, {"name": "Minha", "body": "Oi"})
    theirs = await beto.made(REPLIES, {"name": "Deles", "body": "Oi", "shared": True})
    say = {"type": "reply", "canned_reply_id": own["id"]}
    macro = await make_macro(ana, say)

    kept = await ana.delete(f"{REPLIES}/{own['id']}")
    shared = await ana.post(MACROS, {"name": "x", "actions": [say], "shared": True})
    foreign = {"type": "note", "canned_reply_id": theirs["id"]}
    unknown = {"type": "note", "canned_reply_id": str(new_id())}
    refused = [
        await ana.post(MACROS, {"name": "x", "actions": [one]}) for one in (foreign, unknown)
    ]

    assert (kept.status_code, kept.json()["code"]) == (409, "CANNED_REPLY_IN_USE")
    assert (shared.status_code, shared.json()["code"]) == (422, "CANNED_REPLY_NOT_SHARED")
    assert {answer.status_code for answer in refused} == {404}
    assert bare(refused[0]) == bare(refused[1])
    await ana.delete(f"{MACROS}/{macro['id']}")
    assert (await ana.delete(f"{REPLIES}/{own['id']}")).status_code == 204


@pytest.mark.committed
async def test_twenty_at_once_are_each_whole(ana: Person, person: PersonOf) -> None:
    crew = await make_crew(person, 3)
    teams = [await make_team(ana, crew, name=name) for name in ("Um", "Dois")]
    macros = [
        await make_macro(
            ana,
            {"type": "note", "body": "{{chamado.status}}"},
            {"type": "set_team", "team_id": team["id"]},
            {"type": "set_status", "status": "resolved"},
            name=team["name"],
        )
        for team in teams
    ]
    client = await make_client(ana)
    tickets = [await make_ticket(ana, client["id"]) for _ in range(4)]

    answers = await at_once(
        ana.post(_path(ticket, macro)) for ticket in tickets for macro in macros for _ in range(3)
    )

    assert Counter(answer.status_code for answer in answers) == {200: 4, 409: 20}
    for ticket in tickets:
        assert await _messages(ana, ticket) == [("note", "novo")]


async def test_what_an_action_names_has_to_exist_when_a_macro_is_saved(
    ana: Person, beto: Person
) -> None:
    elsewhere = await make_team(beto, name="De outra organização")
    category = await ana.made("/api/v1/categories", {"name": "Antiga"})
    await ana.post(f"/api/v1/categories/{category['id']}/archive")
    wrong = [
        {"type": "set_priority", "priority": "low"},
        {"type": "set_team", "team_id": elsewhere["id"]},
        {"type": "set_category", "category_id": category["id"]},
        {"type": "assign", "assignee_id": await id_of(beto)},
        {"type": "set_category", "category_id": str(new_id())},
    ]
    kept = await make_macro(ana, RESOLVE)

    refused = await ana.post(MACROS, {"name": "Encaminhar", "actions": wrong})
    unchanged = await ana.patch(f"{MACROS}/{kept['id']}", {"actions": wrong})

    for answer in (refused, unchanged):
        assert answer.status_code == 422, answer.text
        assert [(each["field"], each["type"]) for each in answer.json()["details"]] == [
            ("body.actions.1.team_id", "TEAM_NOT_FOUND"),
            ("body.actions.2.category_id", "CATEGORY_ARCHIVED"),
            ("body.actions.3.assignee_id", "MEMBER_UNKNOWN"),
            ("body.actions.4.category_id", "CATEGORY_NOT_FOUND"),
        ]
    assert [macro["actions"] for macro in await ana.seen(MACROS)] == [[RESOLVE]]
