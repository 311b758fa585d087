"""What people say of answers leads to better ones."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa
import structlog
from ai_svc_factories import DOCUMENTS, HOLIDAYS, Person
from fastapi import FastAPI

from devstack.testing import DatabaseUrls

pytestmark = pytest.mark.committed

QUESTION = "Qual o valor do auxílio-creche?"
REVIEW = "/api/v1/rag/review"
RIGHT = "O auxílio-creche é de R$ 990,00 desde janeiro."


def feedback(answer: dict[str, Any]) -> str:
    return f"/api/v1/rag/answers/{answer['id']}/feedback"


async def review(person: Person, **query: Any) -> dict[str, Any]:
    answer = await person.get(REVIEW, params=query)
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def test_judgement_is_kept_and_the_later_one_holds(ana: Person) -> None:
    await ana.index(HOLIDAYS)
    answer = await ana.ask(QUESTION)

    first = await ana.post(feedback(answer), json={"rating": "up"})
    body = {"rating": "down", "comment": "Mudou.", "corrected_answer": RIGHT}
    second = await ana.post(feedback(answer), json=body)

    assert (first.status_code, second.status_code) == (201, 201)
    (low,) = (await review(ana))["low_rated"]
    assert (low["question"], low["down"], low["up"]) == (QUESTION, 1, 0)
    (said,) = low["feedback"]
    assert (said["comment"], said["corrected_answer"]) == ("Mudou.", RIGHT)


async def test_correction_becomes_a_document_that_answers_next_time(ana: Person) -> None:
    await ana.index("Regras do estacionamento: vagas por sorteio.", "Estacionamento")
    declined = await ana.ask(QUESTION)
    await ana.post(feedback(declined), json={"rating": "down", "corrected_answer": RIGHT})

    curated = await ana.post(f"{REVIEW}/{declined['id']}/curate", json={})
    await ana.ingestion.drain_once("tests")
    answer = await ana.ask(QUESTION)

    assert declined["abstained"] is True
    assert curated.status_code == 202, curated.text
    document_id = curated.json()["data"]["document_id"]
    document = (await ana.get(f"{DOCUMENTS}/{document_id}")).json()["data"]
    assert (document["source_type"], document["chunking"]) == ("curated", "qa")
    assert (document["status"], document["title"]) == ("indexed", QUESTION)
    assert (answer["abstained"], answer["cached"]) == (False, False)
    assert "R$ 990,00" in answer["answer"]
    assert answer["sources"][0]["document_id"] == document_id
    assert (await review(ana))["unanswered"] == (await review(ana))["low_rated"] == []


async def test_curated_answer_is_corrected_like_any_passage(ana: Person) -> None:
    declined = await ana.ask(QUESTION)
    curated = await ana.post(f"{REVIEW}/{declined['id']}/curate", json={"answer": RIGHT})
    path = f"{DOCUMENTS}/{curated.json()['data']['document_id']}"
    await ana.ingestion.drain_once("tests")

    for wrong, right in (("990,00", "880,00"), ("880,00", "770,00")):
        (chunk,) = (await ana.get(f"{path}/chunks")).json()["data"]
        body = {"text": chunk["content"].replace(wrong, right)}
        await ana.call("PATCH", f"{path}/chunks/{chunk['id']}", json=body)
        await ana.ingestion.drain_once("tests")

    assert (await ana.get(path)).json()["data"]["status"] == "indexed"
    assert "R$ 770,00" in (await ana.ask(QUESTION))["answer"]
    edits = (await ana.get(f"{path}/chunk-edits")).json()["data"]
    assert [edit["state"] for edit in edits] == ["applied", "applied"]


async def test_curating_twice_is_refused(ana: Person) -> None:
    declined = await ana.ask(QUESTION)
    path = f"{REVIEW}/{declined['id']}/curate"

    without = await ana.post(path, json={})
    first = await ana.post(path, json={"answer": RIGHT})
    second = await ana.post(path, json={"answer": RIGHT})

    codes = [each.json().get("code") for each in (without, first, second)]
    assert codes == ["ANSWER_NOT_CORRECTED", None, "ANSWER_ALREADY_CURATED"]


async def test_curating_with_an_idempotency_key_makes_one_document(ana: Person) -> None:
    declined = await ana.ask(QUESTION)
    path, headers = f"{REVIEW}/{declined['id']}/curate", {"idempotency-key": "c1"}

    first = await ana.post(path, json={"answer": RIGHT}, headers=headers)
    second = await ana.post(path, json={"answer": RIGHT}, headers=headers)

    assert first.json()["data"] == second.json()["data"]


async def test_unanswered_questions_are_grouped_by_what_they_are_about(
    ana: Person, vera: Person
) -> None:
    await ana.ask("Onde fica o estacionamento dos servidores?")
    await ana.ask("onde fica o estacionamento dos servidores")
    await vera.ask("Onde fica o estacionamento de servidores?")
    await ana.ask("Qual a cor do uniforme?")

    first, second = (await review(ana))["unanswered"]

    assert (first["asked"], second["asked"]) == (3, 1)
    assert "estacionamento" in first["question"]
    assert len(first["wordings"]) == 2
    assert second["question"] == "Qual a cor do uniforme?"


async def test_dismissed_question_leaves_the_review(ana: Person) -> None:
    declined = await ana.ask(QUESTION)

    dismissed = await ana.post(f"{REVIEW}/{declined['id']}/dismiss")

    assert dismissed.status_code == 204
    assert (await review(ana))["unanswered"] == []


async def test_document_no_answer_stands_on_is_shown_when_it_is_old_enough(
    ana: Person, database_urls: DatabaseUrls
) -> None:
    cited = await ana.index(HOLIDAYS)
    never = await ana.index("Regras do estacionamento: vagas por sorteio.", "Estacionamento")
    connection = await asyncpg.connect(database_urls.superuser)
    await connection.execute("UPDATE ai.documents SET created_at = now() - interval '60 days'")
    await connection.close()
    await ana.ask(QUESTION)

    shown = (await review(ana))["never_cited"]

    assert [each["document_id"] for each in shown] == [str(never)]
    assert str(cited) not in str(shown)
    assert len((await review(ana, days=1))["never_cited"]) == 1


async def test_nobody_judges_or_deletes_what_somebody_else_asked(
    ana: Person, vera: Person, beto: Person
) -> None:
    await ana.index(HOLIDAYS)
    answer = await ana.ask(QUESTION)
    unknown = {"id": str(uuid4())}

    for person in (vera, beto):
        for asked in (answer, unknown):
            judged = await person.post(feedback(asked), json={"rating": "up"})
            forgotten = await person.call("DELETE", f"/api/v1/rag/answers/{asked['id']}")
            assert (judged.status_code, forgotten.status_code) == (404, 404)
            assert judged.json()["code"] == forgotten.json()["code"] == "ANSWER_NOT_FOUND"


async def test_who_may_not_curate_sees_no_review(ana: Person, vera: Person) -> None:
    declined = await ana.ask(QUESTION)
    path = f"{REVIEW}/{declined['id']}"

    assert (await vera.get(REVIEW)).status_code == 403
    assert (await vera.post(f"{path}/curate", json={"answer": RIGHT})).status_code == 403
    assert (await vera.post(f"{path}/dismiss")).status_code == 403


async def test_review_hides_answers_from_documents_the_curator_may_not_read(
    ana: Person, person: Callable[[str], Person]
) -> None:
    bruno = person("bruno")
    await ana.index(HOLIDAYS, visibility="restricted", allowed_roles=["admin"])
    answer = await ana.ask(QUESTION)
    await ana.post(feedback(answer), json={"rating": "down", "corrected_answer": RIGHT})

    seen = await review(bruno)
    judged = await bruno.post(feedback(answer), json={"rating": "up"})
    curated = await ana.post(f"{REVIEW}/{answer['id']}/curate", json={})

    assert (seen["low_rated"], judged.status_code) == ([], 404)
    assert len((await review(ana))["low_rated"]) == 1
    assert curated.json()["code"] == "ANSWER_SOURCES_RESTRICTED"


async def test_question_about_a_client_never_becomes_an_answer_for_all(ana: Person) -> None:
    asked = await ana.ask(QUESTION, filters={"client_id": str(uuid4())})

    curated = await ana.post(f"{REVIEW}/{asked['id']}/curate", json={"answer": RIGHT})

    assert curated.json()["code"] == "ANSWER_ABOUT_A_CLIENT"


async def test_forgotten_answer_is_gone_from_everywhere(
    ana: Person, database_urls: DatabaseUrls
) -> None:
    await ana.index(HOLIDAYS)
    answer = await ana.ask(QUESTION)
    await ana.post(feedback(answer), json={"rating": "down"})

    gone = await ana.call("DELETE", f"/api/v1/rag/answers/{answer['id']}")

    connection = await asyncpg.connect(database_urls.superuser)
    left = [
        await connection.fetchval(f"SELECT count(*) FROM ai.{table}")
        for table in ("answers", "answer_sources", "answer_feedback", "cached_answers")
    ]
    await connection.close()
    assert (gone.status_code, left) == (204, [0, 0, 0, 0])


async def test_what_people_write_is_in_no_log_and_no_event(
    ana: Person, database_urls: DatabaseUrls
) -> None:
    declined = await ana.ask("Quanto ganha Maria das Dores?")
    with structlog.testing.capture_logs() as logs:
        body = {"rating": "down", "comment": "Maria", "corrected_answer": "Maria ganha 1."}
        await ana.post(feedback(declined), json=body)
        await ana.post(f"{REVIEW}/{declined['id']}/curate", json={})

    connection = await asyncpg.connect(database_urls.superuser)
    events = await connection.fetch("SELECT o::text FROM ai.outbox o")
    await connection.close()
    assert "Maria" not in str(logs) + str(events)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"rating": "maybe"},
        {"rating": "up", "comment": ""},
        {"rating": "up", "corrected_answer": "a" * 20_001},
        {"rating": "up", "comment": "x\x00"},
        {"rating": "up", "stars": 5},
    ],
)
async def test_bad_judgement_is_refused(ana: Person, body: dict[str, Any]) -> None:
    answer = await ana.ask(QUESTION)

    refused = await ana.post(feedback(answer), json=body)

    assert refused.status_code == 422
    assert str(UUID(answer["id"])) == answer["id"]


async def test_review_has_a_fixed_number_of_queries(ana: Person, app: FastAPI) -> None:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    counts = []
    engine = app.state.workshop.database.engines[0].sync_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    for number in range(3):
        asked = await ana.ask(f"Qual a cor do uniforme {number}?")
        await ana.post(feedback(asked), json={"rating": "down"})
        statements.clear()
        await review(ana)
        counts.append(len(statements))
    sa.event.remove(engine, "before_cursor_execute", note)

    assert counts[0] == counts[-1] == 5
