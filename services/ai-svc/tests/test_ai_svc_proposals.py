"""A proposal is shown to one person, confirmed or declined by them, and executed as shown."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from ai_svc_factories import Person
from ai_svc_with_core_api import Beside
from core_api_factories import make_client, make_ticket
from proposal_factories import PATH, PersonOf, confirmed, draft, read, wished

from ai_svc.modules.skills import service as skills
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed


@pytest.fixture
def bruno(person: PersonOf) -> Person:
    """Attendant at aurora, at ai-svc."""
    return person("bruno")


async def test_proposing_changes_nothing(both: Beside) -> None:
    ticket, _ = await draft(both)

    messages = await both.at_core_api("bruno").seen(f"/api/v1/tickets/{ticket['id']}/messages")

    assert messages == []
    assert both.wire.writes() == []


async def test_a_reply_is_kept_as_a_draft_and_not_sent(both: Beside, bruno: Person) -> None:
    ticket, proposal_id = await draft(both)
    shown = await read(bruno, proposal_id)

    done = await confirmed(bruno, proposal_id)

    messages = await both.at_core_api("bruno").seen(f"/api/v1/tickets/{ticket['id']}/messages")
    after = await both.at_core_api("bruno").seen(f"/api/v1/tickets/{ticket['id']}")
    assert (shown["status"], shown["arguments"]["ticket_id"]) == ("pending", ticket["id"])
    assert [(each["kind"], each["body"]) for each in messages] == [
        ("draft", shown["arguments"]["body"])
    ]
    assert (done["status"], done["result"]["message_id"]) == ("confirmed", messages[0]["id"])
    assert after["first_replied_at"] is None


async def test_a_triage_changes_what_was_shown(both: Beside, bruno: Person) -> None:
    ana = both.at_core_api("ana")
    category = await ana.made("/api/v1/categories", {"name": "Certidões"})
    team = await ana.made("/api/v1/teams", {"name": "Cartório", "mode": "manual"})
    ticket = await make_ticket(both.at_core_api("bruno"))
    wanted = {"priority": "urgent", "category": "certidões", "team": "Cartório"}
    proposal_id = await both.proposed("bruno", "propose_triage", number=ticket["number"], **wanted)

    done = await confirmed(bruno, proposal_id)

    after = await ana.seen(f"/api/v1/tickets/{ticket['id']}")
    assert done["status"] == "confirmed"
    assert "prioridade normal → urgente" in done["summary"]
    assert (after["priority"], after["category_id"], after["team_id"]) == (
        "urgent",
        category["id"],
        team["id"],
    )


async def test_a_ticket_is_opened(both: Beside, bruno: Person) -> None:
    client = await make_client(both.at_core_api("ana"))
    given = {"client_id": client["id"], "subject": "Segunda via", "description": "Não chegou."}
    proposal_id = await both.proposed("bruno", "create_ticket", **given)

    done = await confirmed(bruno, proposal_id)

    ticket = await both.at_core_api("ana").seen(f"/api/v1/tickets/{done['result']['ticket_id']}")
    assert ticket["number"] == done["result"]["number"]
    assert {name: ticket[name] for name in given} == given


async def test_a_right_is_exercised_also_where_the_data_is_not_used(
    both: Beside, person: PersonOf, core_api: Any
) -> None:
    client = await make_client(both.at_core_api("ana"))
    await core_api.blocked(UUID(client["id"]))
    proposal_id = await both.proposed(
        "davi", "open_privacy_request", client_id=client["id"], type="access"
    )

    done = await confirmed(person("davi"), proposal_id)

    request_id = done["result"]["privacy_request_id"]
    opened = await both.at_core_api("davi").seen(f"/api/v1/privacy-requests/{request_id}")
    assert (opened["type"], opened["client_id"]) == ("access", client["id"])


async def test_it_is_the_confirmers_own_deed(both: Beside, bruno: Person) -> None:
    _, proposal_id = await draft(both)

    await confirmed(bruno, proposal_id)

    (sent,) = (
        headers
        for (method, _), headers in zip(both.wire.asked, both.wire.headers, strict=True)
        if method == "POST"
    )
    assert sent["authorization"] == bruno.headers["authorization"]
    assert sent["idempotency-key"] == str(proposal_id)
    assert "x-change-reason" in sent


@pytest.mark.parametrize("name", ["ana", "vera", "davi", "beto"])
@pytest.mark.parametrize("way", ["show", "confirm", "decline"])
async def test_nobody_else_has_it(both: Beside, person: PersonOf, name: str, way: str) -> None:
    _, proposal_id = await draft(both)
    somebody = person(name)
    answers = []
    for each in (proposal_id, new_id()):
        path = f"{PATH}/{each}"
        answers.append(
            await (somebody.get(path) if way == "show" else somebody.post(f"{path}/{way}"))
        )

    theirs, nobodys = answers
    assert theirs.status_code == nobodys.status_code == 404
    assert _without_request(theirs) == _without_request(nobodys)
    assert both.wire.writes() == []


async def test_lists_hold_ones_own(both: Beside, bruno: Person, person: PersonOf) -> None:
    _, first = await draft(both)
    _, second = await draft(both)
    await bruno.post(f"{PATH}/{first}/decline")

    newest = await bruno.get(PATH, params={"limit": 1})
    rest = await bruno.get(PATH, params={"cursor": newest.json()["meta"]["next_cursor"]})
    pending = await bruno.get(PATH, params={"pending": "true"})
    others = await person("ana").get(PATH)
    elsewhere = await bruno.get(PATH, params={"conversation_id": str(new_id())})

    def ids(answer: httpx.Response) -> list[str]:
        return [each["id"] for each in answer.json()["data"]]

    assert ids(newest) + ids(rest) == [str(second), str(first)]
    assert ids(pending) == [str(second)]
    assert ids(others) == ids(elsewhere) == []


async def test_what_was_declined_is_not_done(both: Beside, bruno: Person) -> None:
    _, proposal_id = await draft(both)

    declined = [await bruno.post(f"{PATH}/{proposal_id}/decline") for _ in range(2)]
    refused = await bruno.post(f"{PATH}/{proposal_id}/confirm")

    assert [each.json()["data"]["status"] for each in declined] == ["declined", "declined"]
    assert (refused.status_code, refused.json()["code"]) == (409, "PROPOSAL_DECLINED")
    assert both.wire.writes() == []


async def test_what_was_done_is_not_declined(both: Beside, bruno: Person) -> None:
    _, proposal_id = await draft(both)
    await confirmed(bruno, proposal_id)

    refused = await bruno.post(f"{PATH}/{proposal_id}/decline")

    assert (refused.status_code, refused.json()["code"]) == (409, "PROPOSAL_SETTLED")


async def test_what_is_over_is_gone(both: Beside, bruno: Person) -> None:
    ticket = await make_ticket(both.at_core_api("bruno"))
    late = await wished(both, ticket, lifetime=timedelta(0))

    shown = await read(bruno, late)
    answers = [await bruno.post(f"{PATH}/{late}/{way}") for way in ("confirm", "decline")]

    assert shown["status"] == "expired"
    assert [(each.status_code, each.json()["code"]) for each in answers] == [
        (410, "PROPOSAL_EXPIRED")
    ] * 2
    assert both.wire.writes() == []


async def test_it_is_done_once_however_often_it_is_confirmed(both: Beside, bruno: Person) -> None:
    ticket, proposal_id = await draft(both)

    first = await confirmed(bruno, proposal_id)
    again = await confirmed(bruno, proposal_id)

    messages = await both.at_core_api("bruno").seen(f"/api/v1/tickets/{ticket['id']}/messages")
    assert first == again
    assert len(messages) == 1
    assert len(both.wire.writes()) == 1


async def test_what_core_api_refuses_failed_with_its_cause(both: Beside, bruno: Person) -> None:
    ticket = await make_ticket(both.at_core_api("bruno"))
    proposal_id = await both.proposed(
        "bruno", "create_ticket", client_id=ticket["client_id"], subject="A", description="B"
    )
    gone = await both.at_core_api("ana").delete(f"/api/v1/clients/{ticket['client_id']}")
    assert gone.status_code == 204, gone.text

    done = await confirmed(bruno, proposal_id)

    assert (done["status"], done["error_code"]) == ("failed", "CLIENT_NOT_FOUND")
    assert done["error_message"]
    assert (await confirmed(bruno, proposal_id))["status"] == "failed"
    assert len(both.wire.writes()) == 1


async def test_who_has_lost_the_right_meanwhile_is_refused_by_core_api(
    both: Beside, bruno: Person
) -> None:
    _, proposal_id = await draft(both)
    claims = both.tokens.claims("bruno", realm_access={"roles": ["viewer"]})
    demoted = {"authorization": f"Bearer {both.tokens.sign(claims)}"}

    answer = await bruno.http.post(f"{PATH}/{proposal_id}/confirm", headers=demoted)

    assert answer.json()["data"]["status"] == "failed"
    assert answer.json()["data"]["error_code"] == "FORBIDDEN"


async def test_a_model_that_repeats_itself_proposes_once(both: Beside) -> None:
    ticket = await make_ticket(both.at_core_api("bruno"))
    context = both.context("bruno")
    arguments = {"ticket_id": ticket["id"], "body": "Olá."}

    said = [await skills.call("draft_reply", arguments, context) for _ in range(3)]

    assert len({each.proposal.id for each in said if each.proposal}) == 1


async def test_a_run_proposes_no_more_than_a_person_can_read(both: Beside) -> None:
    ticket = await make_ticket(both.at_core_api("bruno"))
    context = both.context("bruno")

    said = [
        await skills.call("draft_reply", {"ticket_id": ticket["id"], "body": f"{n}"}, context)
        for n in range(7)
    ]

    assert [each.ok for each in said] == [True] * 5 + [False] * 2


async def test_who_has_read_of_others_is_told_to_look(both: Beside) -> None:
    at = both.at_core_api("bruno")
    one = await make_ticket(at)
    other = await make_ticket(at, (await make_client(at, name="Caio Reis"))["id"])
    context = both.context("bruno")

    await skills.call("get_ticket", {"ticket_id": other["id"]}, context)
    mixed = await skills.call("draft_reply", {"ticket_id": one["id"], "body": "A"}, context)
    alone = await both.call("bruno", "draft_reply", ticket_id=one["id"], body="A")

    assert mixed.proposal is not None
    assert alone.proposal is not None
    assert "outros clientes" in (mixed.proposal.caution or "")
    assert alone.proposal.caution is None


def _without_request(answer: httpx.Response) -> dict[str, Any]:
    return {name: value for name, value in answer.json().items() if name != "request_id"}
