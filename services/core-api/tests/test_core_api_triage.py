"""What the assistant proposes: kept once, shown, taken over or declined by people."""

from typing import Any

import pytest
from core_api_accountability import propose
from core_api_factories import (
    CLIENTS,
    TICKETS,
    Person,
    make_client,
    make_ticket,
    without_request_id,
)
from core_api_records import Records
from core_api_teams import make_team

from chassis.data.database import Database
from core_api.modules.triage.forgetting import follow_deletion
from devstack.people import AURORA, BOREAL
from shared_schemas.events import DocumentDeleted
from shared_schemas.ids import OrganizationId, new_id
from shared_schemas.triage import Standing

SETTINGS = "/api/v1/triage-settings"
TENANT = OrganizationId(AURORA.id)
DRAFT = "Olá! A segunda via sai em dois dias úteis. [1]"
CITATION = {
    "number": 1,
    "document_id": str(new_id()),
    "version": 1,
    "title": "Manual",
    "page": None,
    "heading": None,
    "quote": "A segunda via sai em dois dias úteis.",
    "char_start": 0,
    "char_end": 37,
    "similarity": 0.8,
}


async def make_category(ana: Person, name: str = "Certidões") -> str:
    return str((await ana.made("/api/v1/categories", {"name": name}))["id"])


async def proposed(ana: Person, database: Database, **said: Any) -> dict[str, Any]:
    """A ticket with a category, a priority, a team and a draft proposed."""
    ticket = await make_ticket(ana)
    team = await make_team(ana)
    category_id = await make_category(ana)
    given = {
        "category_id": category_id,
        "category_confidence": 0.9,
        "team_id": team["id"],
        "team_confidence": 0.7,
        "draft": DRAFT,
        "citations": [CITATION],
    }
    taken = await propose(database, TENANT, ticket["id"], **(given | said))
    assert taken.standing is Standing.TRIAGED
    return {**ticket, "category": category_id, "team": team["id"]}


def path_of(ticket: dict[str, Any]) -> str:
    return f"{TICKETS}/{ticket['id']}/triage"


async def test_proposal_is_shown_and_changes_nothing_by_itself(
    ana: Person, vera: Person, database: Database, records: Records
) -> None:
    ticket = await proposed(ana, database)

    answer = await vera.get(path_of(ticket))

    shown = answer.json()["data"]
    assert (shown["status"], shown["confidence"]) == ("proposed", 0.7)
    assert (shown["category_id"], shown["priority"], shown["team_id"]) == (
        ticket["category"],
        "high",
        ticket["team"],
    )
    assert (shown["draft"], shown["citations"]) == (DRAFT, [CITATION])
    now = await ana.seen(f"{TICKETS}/{ticket['id']}")
    assert (now["category_id"], now["priority"], now["team_id"]) == (None, "normal", None)
    assert answer.headers["etag"] == f'"{now["version"]}"'
    (noted,) = await records.audit("ticket_triage.proposed")
    assert (noted["actor_id"], noted["subject_id"]) == (None, shown["id"])
    (decision,) = await ana.seen("/api/v1/automated-decisions", ticket_id=ticket["id"])
    assert (decision["applied"], decision["outcome"]["priority"]) == (False, "high")
    assert decision["model"] == "builtin-triage-1"


async def test_who_may_not_read_tickets_says_why(
    ana: Person, davi: Person, database: Database
) -> None:
    ticket = await proposed(ana, database)

    refused = await davi.get(path_of(ticket))
    read = await davi.get(path_of(ticket), headers={"x-access-reason": "Pedido 12"})

    assert (refused.status_code, refused.json()["code"]) == (403, "ACCESS_REASON_REQUIRED")
    assert read.status_code == 200


async def test_nothing_proposed_and_anothers_ticket_are_not_found(
    ana: Person, beto: Person, database: Database
) -> None:
    bare = await make_ticket(ana)
    ticket = await proposed(ana, database)

    assert (await ana.get(path_of(bare))).json()["code"] == "TRIAGE_NOT_FOUND"
    for verb, body in (("accept", {}), ("decline", {"reason": "Não."})):
        foreign = await beto.post(f"{path_of(ticket)}/{verb}", body)
        unknown = await beto.post(f"{TICKETS}/{new_id()}/triage/{verb}", body)
        assert foreign.status_code == 404
        assert without_request_id(foreign) == without_request_id(unknown)
    assert (await beto.get(path_of(ticket))).status_code == 404


async def test_accepting_all_is_as_if_the_person_had_entered_it(
    ana: Person, bruno: Person, database: Database, records: Records
) -> None:
    ticket = await proposed(ana, database)

    answer = await bruno.post(f"{path_of(ticket)}/accept", {}, headers={"if-match": '"1"'})

    assert answer.status_code == 200, answer.text
    accepted = answer.json()["data"]
    assert accepted["status"] == "accepted"
    assert accepted["accepted"] == ["category", "priority", "team", "draft"]
    now = await ana.seen(f"{TICKETS}/{ticket['id']}")
    assert (now["category_id"], now["priority"], now["team_id"]) == (
        ticket["category"],
        "high",
        ticket["team"],
    )
    (draft,) = await ana.seen(f"{TICKETS}/{ticket['id']}/messages")
    assert (draft["kind"], draft["body"]) == ("draft", DRAFT)
    assert DRAFT not in answer.text  # kept for the Idempotency-Key
    (changed,) = await records.audit("ticket.updated")
    assert (str(changed["actor_id"]), changed["reason"]) == (
        accepted["decided_by"],
        "sugestão da assistente",
    )
    (noted,) = await records.audit("ticket_triage.accepted")
    assert noted["changed"] == ["accepted", "status"]
    assert DRAFT not in str(noted)


async def test_single_fields_are_accepted_one_after_the_other(
    ana: Person, database: Database
) -> None:
    ticket = await proposed(ana, database)
    path = f"{path_of(ticket)}/accept"

    first = await ana.made(path, {"fields": ["priority"]})
    again = await ana.post(path, {"fields": ["priority"]})
    rest = await ana.made(path, {})
    nothing_left = await ana.post(path, {})

    assert first["accepted"] == ["priority"]
    assert rest["accepted"] == ["priority", "category", "team", "draft"]
    assert {again.json()["code"], nothing_left.json()["code"]} == {"TRIAGE_SETTLED"}


async def test_what_is_not_proposed_cannot_be_accepted(ana: Person, database: Database) -> None:
    ticket = await proposed(ana, database, team_id=None, draft=None, citations=[])
    path = f"{path_of(ticket)}/accept"

    missing = await ana.post(path, {"fields": ["team"]})
    unknown = await ana.post(path, {"fields": ["assignee"]})
    none = await ana.post(path, {"fields": []})

    assert (missing.status_code, missing.json()["code"]) == (409, "TRIAGE_FIELD_NOT_PROPOSED")
    assert (unknown.status_code, none.status_code) == (422, 422)
    assert (await ana.seen(path_of(ticket)))["status"] == "proposed"


async def test_the_tickets_version_decides(ana: Person, database: Database) -> None:
    ticket = await proposed(ana, database)
    await ana.patch(f"{TICKETS}/{ticket['id']}", {"priority": "low"})

    stale = await ana.post(f"{path_of(ticket)}/accept", {}, headers={"if-match": '"1"'})
    fresh = await ana.post(f"{path_of(ticket)}/accept", {}, headers={"if-match": '"2"'})

    assert (stale.status_code, fresh.status_code) == (412, 200)


async def test_declining_says_why_and_is_the_end(
    ana: Person, bruno: Person, vera: Person, database: Database, records: Records
) -> None:
    ticket = await proposed(ana, database)
    path = f"{path_of(ticket)}/decline"

    forbidden = await vera.post(path, {"reason": "Não."})
    blank = await bruno.post(path, {"reason": "  "})
    declined = await bruno.made(path, {"reason": "É do IPTU de Júlia."})

    assert (forbidden.status_code, blank.status_code) == (403, 422)
    assert declined["status"] == "declined"
    assert (await ana.seen(path_of(ticket)))["decline_reason"] == "É do IPTU de Júlia."
    for verb, body in (("accept", {}), ("decline", {"reason": "Não."})):
        late = await ana.post(f"{path_of(ticket)}/{verb}", body)
        assert late.json()["code"] == "TRIAGE_SETTLED"
    (noted,) = await records.audit("ticket_triage.declined")
    assert noted["reason"] == "É do IPTU de Júlia."
    assert noted["reason_sealed"] is not None
    now = await ana.seen(f"{TICKETS}/{ticket['id']}")
    assert now["version"] == ticket["version"]


async def test_blocked_and_merged_accept_nothing(
    ana: Person, davi: Person, database: Database
) -> None:
    blocked, merged = await proposed(ana, database), None
    await davi.made(
        f"{CLIENTS}/{blocked['client_id']}/processing-blocks", {"reason": "Pedido do titular"}
    )
    refused = await ana.post(f"{path_of(blocked)}/accept", {"fields": ["priority"]})
    assert refused.json()["code"] == "CLIENT_BLOCKED"

    other = await make_ticket(ana)
    merged = await make_ticket(ana, other["client_id"])
    await propose(database, TENANT, merged["id"])
    await ana.made(f"{TICKETS}/{merged['id']}/merge", {"into_ticket_id": other["id"]})
    late = await ana.post(f"{path_of(merged)}/accept", {})
    assert late.json()["code"] == "TICKET_MERGED"


async def test_settings_are_the_organizations(
    ana: Person, bruno: Person, beto: Person, records: Records
) -> None:
    assert await bruno.seen(SETTINGS) == {"mode": "propose", "least_confidence": 0.8, "version": 1}

    forbidden = await bruno.patch(SETTINGS, {"mode": "apply"})
    wrong = await ana.patch(SETTINGS, {"least_confidence": 1.2})
    changed = await ana.patch(
        SETTINGS, {"mode": "apply", "least_confidence": 0.9}, headers={"if-match": '"1"'}
    )
    stale = await ana.patch(SETTINGS, {"mode": "off"}, headers={"if-match": '"1"'})

    assert (forbidden.status_code, wrong.status_code, stale.status_code) == (403, 422, 412)
    assert changed.json()["data"] == {"mode": "apply", "least_confidence": 0.9, "version": 2}
    assert (await beto.seen(SETTINGS))["mode"] == "propose"
    (noted,) = await records.audit("triage_settings.updated")
    assert noted["values"]["mode"] == {"from": "propose", "to": "apply"}


@pytest.mark.parametrize("foreign", ["category_id", "team_id"])
async def test_what_another_organization_has_is_not_proposed(
    ana: Person, beto: Person, database: Database, foreign: str
) -> None:
    theirs = {
        "category_id": await make_category(beto, "Deles"),
        "team_id": (await make_team(beto))["id"],
    }
    ticket = await make_ticket(ana)

    await propose(database, TENANT, ticket["id"], **{foreign: theirs[foreign]})

    assert (await ana.seen(path_of(ticket)))[foreign] is None


async def test_duplicates_are_tickets_of_the_same_client(ana: Person, database: Database) -> None:
    client = await make_client(ana)
    mine = await make_ticket(ana, client["id"])
    ticket = await make_ticket(ana, client["id"])
    others = await make_ticket(ana)
    named = [
        {"ticket_id": each["id"], "number": each["number"], "similarity": 0.9}
        for each in (mine, others)
    ]

    await propose(database, TENANT, ticket["id"], duplicates=named)

    assert (await ana.seen(path_of(ticket)))["duplicates"] == named[:1]


async def test_a_proposal_of_another_organizations_ticket_is_refused(
    ana: Person, database: Database
) -> None:
    ticket = await make_ticket(ana)

    with pytest.raises(Exception, match="Chamado não encontrado"):
        await propose(database, OrganizationId(BOREAL.id), ticket["id"])


async def test_a_deleted_document_takes_the_drafts_that_quote_it_along(
    ana: Person, database: Database
) -> None:
    quoting, other = await proposed(ana, database), await make_ticket(ana)
    cited = {**CITATION, "document_id": str(new_id())}
    await propose(database, TENANT, other["id"], draft=DRAFT, citations=[cited])
    event = DocumentDeleted.caused(
        organization_id=TENANT, correlation_id="test", document_id=CITATION["document_id"]
    )

    for _ in range(2):
        async with database.transaction(TENANT) as tx:
            await follow_deletion(tx, event)

    shown = await ana.seen(path_of(quoting))
    assert (shown["draft"], shown["citations"], shown["priority"]) == (None, [], "high")
    assert (await ana.seen(path_of(other)))["draft"] == DRAFT
    refused = await ana.post(f"{path_of(quoting)}/accept", {"fields": ["draft"]})
    assert refused.json()["code"] == "TRIAGE_FIELD_NOT_PROPOSED"
