"""Automated decisions: entered once, explained, reviewed by a person within their time."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from core_api_accountability import hear_triage
from core_api_factories import Person, make_client, make_ticket, without_request_id
from core_api_records import Records

from chassis.data.columns import utc_now
from chassis.data.database import Database
from core_api.business_days import calendar_days_after
from core_api.modules.audit.models import SubjectKey
from core_api.modules.decisions.entering import follow_triage
from core_api.modules.decisions.models import DecisionReview
from devstack.people import AURORA, BOREAL
from shared_schemas.ids import OrganizationId, new_id

DECISIONS = "/api/v1/automated-decisions"
REVIEWS = "/api/v1/decision-reviews"
TENANT = OrganizationId(AURORA.id)
GROUNDS = "Júlia pede pressa: o prazo é amanhã."


async def decided(ana: Person, database: Database, **said: Any) -> dict[str, Any]:
    """A triage of a ticket, as the register has it."""
    ticket = await make_ticket(ana)
    await hear_triage(database, TENANT, ticket["id"], **said)
    (decision,) = await ana.seen(DECISIONS, ticket_id=ticket["id"])
    return dict(decision)


async def asked(person: Person, decision_id: str, **changes: Any) -> dict[str, Any]:
    given = {"channel": "phone", "grounds": GROUNDS} | changes
    return await person.made(f"{DECISIONS}/{decision_id}/reviews", given)


async def test_triage_is_entered_with_what_it_went_by(
    ana: Person, bruno: Person, database: Database, records: Records
) -> None:
    decision = await decided(ana, database, confidence=0.82)

    read = await bruno.seen(f"{DECISIONS}/{decision['id']}")

    assert read["inputs"] == ["subject", "description"]
    assert (read["model"], read["prompt_version"]) == ("extractive", "triage-3")
    assert (read["outcome"], read["confidence"], read["applied"]) == (
        {"priority": "high"},
        0.82,
        True,
    )
    assert read["criteria_explained"] == (
        "O assistente leu o assunto do chamado e a descrição do chamado e definiu a prioridade. "
        "Pesaram os critérios: palavras de urgência. O resultado foi aplicado automaticamente. "
        "Você pode pedir que uma pessoa revise esta decisão."
    )
    assert read["review_status"] is None
    (noted,) = await records.audit("automated_decision.entered")
    assert (noted["actor_id"], str(noted["about"])) == (None, read["client_id"])


async def test_the_same_decision_is_entered_once(ana: Person, database: Database) -> None:
    ticket = await make_ticket(ana)
    event = await hear_triage(database, TENANT, ticket["id"], decision_id=new_id())
    async with database.transaction(TENANT) as tx:
        await follow_triage(tx, event)

    assert len(await ana.seen(DECISIONS, ticket_id=ticket["id"])) == 1


async def test_triage_of_a_ticket_that_is_not_there_is_passed_over(
    ana: Person, beto: Person, database: Database
) -> None:
    ticket = await make_ticket(beto)

    await hear_triage(database, TENANT, ticket["id"])

    assert await ana.seen(DECISIONS) == []
    await hear_triage(database, OrganizationId(BOREAL.id), ticket["id"])
    assert len(await beto.seen(DECISIONS)) == 1


async def test_list_is_filtered(ana: Person, database: Database) -> None:
    applied = await decided(ana, database)
    proposed = await decided(ana, database, applied=False, model="outro")

    for params, expected in (
        ({"applied": "false"}, [proposed["id"]]),
        ({"model": "extractive"}, [applied["id"]]),
        ({"client_id": applied["client_id"]}, [applied["id"]]),
        ({}, [proposed["id"], applied["id"]]),
    ):
        assert [one["id"] for one in await ana.seen(DECISIONS, **params)] == expected


async def test_review_is_asked_for_and_answered_by_a_person(
    ana: Person, bruno: Person, davi: Person, database: Database, records: Records
) -> None:
    decision = await decided(ana, database)
    review = await asked(bruno, decision["id"], by_representative=True)
    path = f"{REVIEWS}/{review['id']}"

    forbidden = await bruno.post(f"{path}/answer", {"outcome": "upheld", "answer": "Não."})
    (due,) = await davi.seen("/api/v1/accountability/deadlines", subject_type="decision_review")
    answer = {"outcome": "changed", "answer": "A prioridade de Júlia passou a urgente."}
    answered = await davi.made(f"{path}/answer", answer)
    again = await davi.post(f"{path}/answer", answer)

    requested = datetime.fromisoformat(review["requested_at"])
    assert datetime.fromisoformat(review["due_at"]) == calendar_days_after(requested, 15)
    assert (due["subject_id"], due["kind"]) == (review["id"], "review_answer")
    assert forbidden.status_code == 403
    assert (answered["status"], answered["outcome"]) == ("answered", "changed")
    assert again.json()["code"] == "DECISION_REVIEW_ANSWERED"
    detail = await davi.seen(path)
    assert (detail["grounds"], detail["answer"]) == (GROUNDS, answer["answer"])
    (read,) = await records.audit("decision_review.read")
    assert str(read["about"]) == decision["client_id"]
    assert await davi.seen("/api/v1/accountability/deadlines") == []
    assert (await ana.seen(f"{DECISIONS}/{decision['id']}"))["review_status"] == "answered"
    (requested_event,) = await records.events("decision.review_requested")
    (answered_event,) = await records.events("decision.review_answered")
    assert answered_event["payload"]["outcome"] == "changed"
    kept = [requested_event, answered_event]
    for action in ("decision_review.requested", "decision_review.answered"):
        kept += await records.audit(action)
    assert len(kept) == 4
    assert "Júlia" not in str(kept)
    assert "Júlia" not in str([review, answered])


async def test_words_are_gone_with_the_clients_key(
    ana: Person, davi: Person, database: Database, records: Records
) -> None:
    decision = await decided(ana, database)
    review = await asked(ana, decision["id"])

    async with database.transaction(TENANT) as tx:
        key = await tx.get(SubjectKey, await _key_of(tx, decision["client_id"]))
        assert key is not None
        assert GROUNDS.encode() not in (await _sealed(tx, review["id"]))
        await tx.delete(key)

    detail = await davi.seen(f"{REVIEWS}/{review['id']}")
    assert (detail["grounds"], detail["status"]) == (None, "open")
    assert await records.audit("decision_review.read") == []


async def test_small_agents_have_twice_the_time(
    ana: Person, davi: Person, database: Database
) -> None:
    answer = await davi.patch("/api/v1/privacy-settings", {"is_small_agent": True})
    assert answer.status_code == 200, answer.text
    decision = await decided(ana, database)

    review = await asked(ana, decision["id"])

    requested = datetime.fromisoformat(review["requested_at"])
    assert datetime.fromisoformat(review["due_at"]) == calendar_days_after(requested, 30)


@pytest.mark.committed
async def test_of_many_asked_for_at_once_one_is_open(ana: Person, database: Database) -> None:
    decision = await decided(ana, database)
    path = f"{DECISIONS}/{decision['id']}/reviews"

    answers = await asyncio.gather(*(ana.post(path, {"channel": "phone"}) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    (review,) = await ana.seen(REVIEWS, decision_id=decision["id"])
    await ana.made(f"{REVIEWS}/{review['id']}/answer", {"outcome": "upheld", "answer": "Mantida."})
    assert (await ana.post(path, {"channel": "email"})).status_code == 201


@pytest.mark.parametrize(
    "changes",
    [{"channel": "pombo"}, {"requested_at": "2031-01-01T00:00:00Z"}, {"urgent": True}],
)
async def test_review_that_cannot_be_is_refused(
    ana: Person, database: Database, changes: dict[str, Any]
) -> None:
    decision = await decided(ana, database)

    given = {"channel": "phone"} | changes
    answer = await ana.post(f"{DECISIONS}/{decision['id']}/reviews", given)

    assert answer.status_code == 422, answer.text
    before = (utc_now() - timedelta(days=1)).isoformat()
    early = {"channel": "phone", "requested_at": before}
    refused = await ana.post(f"{DECISIONS}/{decision['id']}/reviews", early)
    assert refused.status_code == 422
    assert await ana.seen(REVIEWS) == []


async def test_nothing_is_sealed_for_a_client_who_is_gone(
    ana: Person, davi: Person, database: Database
) -> None:
    client = await make_client(ana)
    ticket = await make_ticket(ana, client["id"])
    await hear_triage(database, TENANT, ticket["id"])
    (decision,) = await ana.seen(DECISIONS)
    review = await asked(ana, decision["id"])
    deleted = await ana.delete(f"/api/v1/clients/{client['id']}")
    assert deleted.status_code == 204, deleted.text

    answer = {"outcome": "upheld", "answer": "Mantida."}
    await davi.made(f"{REVIEWS}/{review['id']}/answer", answer)
    again = await ana.post(f"{DECISIONS}/{decision['id']}/reviews", {"channel": "phone"})

    assert (await davi.seen(f"{REVIEWS}/{review['id']}"))["answer"] is None
    assert again.json()["code"] == "CLIENT_NOT_FOUND"


async def test_another_organizations_decision_is_one_that_does_not_exist(
    ana: Person, beto: Person, database: Database
) -> None:
    decision = await decided(ana, database)
    review = await asked(ana, decision["id"])

    for path, made in ((DECISIONS, decision["id"]), (REVIEWS, review["id"])):
        foreign = await beto.get(f"{path}/{made}")
        unknown = await beto.get(f"{path}/{made[:-4]}0000")
        assert foreign.status_code == 404
        assert without_request_id(foreign) == without_request_id(unknown)
    assert await beto.seen(REVIEWS) == []


async def _key_of(tx: Any, client_id: str) -> Any:
    return await tx.scalar(sa.select(SubjectKey.id).where(SubjectKey.client_id == client_id))


async def _sealed(tx: Any, review_id: str) -> Any:
    return await tx.scalar(
        sa.select(DecisionReview.grounds_sealed).where(DecisionReview.id == review_id)
    )
