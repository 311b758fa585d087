"""An answer is given again only while nothing behind it has changed, and to its readers only."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from ai_svc_factories import DOCUMENTS, HOLIDAYS, INTERNAL_KEY, Person
from fastapi import FastAPI

from ai_svc.modules.answers import service
from ai_svc.modules.rag.asking import Asking
from devstack.people import PEOPLE
from devstack.testing import DatabaseUrls

pytestmark = pytest.mark.committed

QUESTION = "Qual o valor do auxílio-creche?"
AURORA = PEOPLE["ana"].organization.id
WORKER = {"x-internal-key": INTERNAL_KEY, "x-source-service": "worker-svc"}


async def settled(person: Person, text: str = HOLIDAYS, **fields: Any) -> UUID:
    """An indexed document whose answer to QUESTION is cached."""
    document_id = await person.index(text, **fields)
    assert not (await person.ask(QUESTION))["cached"]
    assert (await person.ask(QUESTION))["cached"]
    return document_id


async def test_same_answer_is_given_again_with_its_sources(ana: Person) -> None:
    await ana.index(HOLIDAYS)
    first = await ana.ask(QUESTION)

    again = await ana.ask("  qual é o valor do AUXILIO creche ")

    assert (first["cached"], again["cached"]) == (False, True)
    assert again["answer"] == first["answer"]
    assert again["sources"] == first["sources"] != []
    assert again["id"] != first["id"]  # judged on its own
    assert again["tokens_used"] == 0


async def test_declined_question_is_declined_again_until_there_is_a_document(ana: Person) -> None:
    first = await ana.ask(QUESTION)
    again = await ana.ask(QUESTION)
    await ana.index(HOLIDAYS)

    then = await ana.ask(QUESTION)

    assert (first["abstained"], again["abstained"], again["cached"]) == (True, True, True)
    assert (then["abstained"], then["cached"]) == (False, False)


async def new_document(ana: Person, _: UUID) -> None:
    await ana.index("O auxílio-creche do estagiário é de R$ 100,00.", "Estágio")


async def new_version(ana: Person, document_id: UUID) -> None:
    body = {"text": HOLIDAYS.replace("850", "990")}
    answer = await ana.post(f"{DOCUMENTS}/{document_id}/versions", json=body)
    assert answer.status_code == 202, answer.text
    await ana.ingestion.drain_once("tests")


async def deleted(ana: Person, document_id: UUID) -> None:
    assert (await ana.call("DELETE", f"{DOCUMENTS}/{document_id}")).status_code == 204


def patched(**changes: Any) -> Callable[[Person, UUID], Awaitable[None]]:
    async def change(ana: Person, document_id: UUID) -> None:
        answer = await ana.call("PATCH", f"{DOCUMENTS}/{document_id}", json=changes)
        assert answer.status_code == 200, answer.text

    return change


@pytest.mark.parametrize(
    "change",
    [
        new_document,
        new_version,
        deleted,
        patched(title="Outro título"),
        patched(tags=["rh"]),
        patched(visibility="restricted", allowed_roles=["dpo"]),
    ],
    ids=["document", "version", "deletion", "title", "tags", "access"],
)
async def test_change_of_a_document_ends_the_answer(
    ana: Person, change: Callable[[Person, UUID], Awaitable[None]]
) -> None:
    document_id = await settled(ana)

    await change(ana, document_id)
    answer = await ana.ask(QUESTION)

    assert answer["cached"] is False
    assert (await ana.ask(QUESTION))["cached"] is True


CHANGES_IN_TABLES = {
    "chunk switched off": "UPDATE ai.chunks SET enabled = false WHERE organization_id = $1",
    "chunk embedded anew": "UPDATE ai.chunks SET embedding_model = 'x' WHERE organization_id = $1",
    "consent given": """
        INSERT INTO ai.client_consents
          (organization_id, consent_id, client_id, purpose_id, purpose_code)
        VALUES ($1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'x')""",
    "team joined": """
        INSERT INTO ai.team_members (organization_id, member_id, team_id, is_member, changed_at)
        VALUES ($1, gen_random_uuid(), gen_random_uuid(), true, now())""",
    "words weighed anew": """
        UPDATE ai.lexical_statistics SET generation = generation + 1 WHERE organization_id = $1""",
}


async def as_superuser(urls: DatabaseUrls, *statements: str) -> None:
    connection = await asyncpg.connect(urls.superuser)
    try:
        for statement in statements:
            await connection.execute(statement, AURORA)
    finally:
        await connection.close()


@pytest.mark.parametrize("statement", CHANGES_IN_TABLES.values(), ids=CHANGES_IN_TABLES.keys())
async def test_change_in_any_table_behind_it_ends_the_answer(
    ana: Person, database_urls: DatabaseUrls, statement: str
) -> None:
    await settled(ana)

    await as_superuser(database_urls, statement)

    assert (await ana.ask(QUESTION))["cached"] is False


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ai.client_consents SET revoked_at = now() WHERE organization_id = $1",
        "UPDATE ai.team_members SET is_member = false WHERE organization_id = $1",
        "DELETE FROM ai.chunks WHERE organization_id = $1",
    ],
    ids=["consent revoked", "team left", "chunks gone"],
)
async def test_revocation_ends_the_answer(
    ana: Person, database_urls: DatabaseUrls, statement: str
) -> None:
    await as_superuser(
        database_urls, CHANGES_IN_TABLES["consent given"], CHANGES_IN_TABLES["team joined"]
    )
    await settled(ana)

    await as_superuser(database_urls, statement)

    assert (await ana.ask(QUESTION))["cached"] is False


async def test_progress_of_a_document_ends_nothing(ana: Person) -> None:
    await settled(ana)

    await ana.post(DOCUMENTS, json={"title": "Ainda não", "text": "Um texto que espera."})

    assert (await ana.ask(QUESTION))["cached"] is True


async def test_change_in_another_organization_ends_nothing(ana: Person, beto: Person) -> None:
    await settled(ana)

    await beto.index(HOLIDAYS)

    assert (await ana.ask(QUESTION))["cached"] is True
    assert (await beto.ask(QUESTION))["cached"] is False


async def test_answer_of_one_access_is_never_given_to_another(ana: Person, vera: Person) -> None:
    await ana.index(HOLIDAYS, visibility="restricted", allowed_roles=["admin"])

    theirs = await ana.ask(QUESTION)
    hers = await vera.ask(QUESTION)
    again = await ana.ask(QUESTION)

    assert "850" in theirs["answer"]
    assert (hers["abstained"], hers["sources"], hers["cached"]) == (True, [], False)
    assert again["cached"] is True


async def test_filters_have_answers_of_their_own(ana: Person) -> None:
    document_id = await settled(ana)

    filtered = await ana.ask(QUESTION, filters={"document_ids": [str(document_id)]})

    assert filtered["cached"] is False


async def test_answer_computed_before_a_change_and_stored_after_it_is_never_given(
    ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = await ana.index(HOLIDAYS)
    find = Asking.find

    async def changed_meanwhile(asking: Asking) -> Any:
        found = await find(asking)
        monkeypatch.undo()
        await patched(title="Outro título")(ana, document_id)
        return found

    monkeypatch.setattr(Asking, "find", changed_meanwhile)
    first = await ana.ask(QUESTION)
    second = await ana.ask(QUESTION)

    assert first["sources"][0]["title"] != "Outro título"
    assert second["cached"] is False
    assert second["sources"][0]["title"] == "Outro título"


async def test_change_that_began_before_the_search_and_ended_after_it_counts(
    ana: Person, database_urls: DatabaseUrls
) -> None:
    await ana.index(HOLIDAYS)
    connection = await asyncpg.connect(database_urls.superuser)
    async with connection.transaction():
        await connection.execute("UPDATE ai.chunks SET position = position WHERE position = 0")
        await ana.ask(QUESTION)
        while_open = await ana.ask(QUESTION)
    after = await ana.ask(QUESTION)
    await connection.close()

    assert (while_open["cached"], after["cached"]) == (True, False)


async def test_document_deleted_before_the_answer_is_stored_leaves_no_word(
    ana: Person, database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = await ana.index(HOLIDAYS)
    find = Asking.find

    async def deleted_meanwhile(asking: Asking) -> Any:
        found = await find(asking)
        monkeypatch.undo()
        await deleted(ana, document_id)
        return found

    monkeypatch.setattr(Asking, "find", deleted_meanwhile)
    answer = await ana.ask(QUESTION)

    assert answer["abstained"] is True
    assert await kept_words(database_urls) == 0


async def test_document_deleted_while_its_answer_is_given_again_is_not_quoted(
    ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = await settled(ana)
    record = service.record

    async def deleted_meanwhile(*known: Any) -> None:
        monkeypatch.undo()
        await deleted(ana, document_id)
        await record(*known)

    monkeypatch.setattr(service, "record", deleted_meanwhile)
    answer = await ana.ask(QUESTION)

    assert (answer["abstained"], answer["cached"]) == (True, False)


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_document_deleted_while_an_answer_is_read_leaves_no_word(
    ana: Person, database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    document_id = await settled(ana)
    sources_of = service.sources_of

    async def deleted_meanwhile(*known: Any) -> Any:
        monkeypatch.undo()
        if moment == "before":
            await deleted(ana, document_id)
            return await sources_of(*known)
        found = await sources_of(*known)
        await deleted(ana, document_id)
        return found

    monkeypatch.setattr(service, "sources_of", deleted_meanwhile)
    answer = await ana.ask(QUESTION)

    assert (answer["abstained"], answer["cached"]) == (True, False)
    assert await kept_words(database_urls) == 0


async def test_deleted_documents_words_are_in_no_answer_any_more(
    ana: Person, database_urls: DatabaseUrls
) -> None:
    document_id = await settled(ana)
    before = await kept_words(database_urls)

    await deleted(ana, document_id)

    assert (before, await kept_words(database_urls)) == (2, 0)


async def kept_words(urls: DatabaseUrls) -> int:
    connection = await asyncpg.connect(urls.superuser)
    found: int = await connection.fetchval("SELECT count(*) FROM ai.answers WHERE answer ~ '850'")
    await connection.close()
    return found


async def test_upkeep_forgets_what_holds_no_more(ana: Person, database_urls: DatabaseUrls) -> None:
    document_id = await settled(ana)
    await patched(tags=["rh"])(ana, document_id)
    await ana.ask("Quantos dias de férias?")  # holds
    await as_superuser(
        database_urls,
        "UPDATE ai.knowledge_changes SET changed_at = now() - interval '2 hours'"
        " WHERE organization_id = $1",
        # Older than any transaction still open, of whichever test beside this one.
        "INSERT INTO ai.knowledge_changes VALUES ($1, 3, now() - interval '2 hours')",
    )

    pruned = (await ana.http.post("/internal/v1/maintenance/prune", headers=WORKER)).json()["data"]

    assert (pruned["answers"], pruned["cached_answers"]) == (0, 1)
    assert pruned["changes"] >= 1
    assert (await ana.ask("Quantos dias de férias?"))["cached"] is True


async def test_upkeep_forgets_answers_past_their_time(
    ana: Person, database_urls: DatabaseUrls, app: FastAPI
) -> None:
    await settled(ana)
    days = app.state.workshop.settings.answers.keep_for.days
    await as_superuser(
        database_urls,
        f"UPDATE ai.answers SET created_at = now() - interval '{days + 1} days'"
        " WHERE organization_id = $1",
    )

    pruned = (await ana.http.post("/internal/v1/maintenance/prune", headers=WORKER)).json()["data"]

    assert pruned["answers"] == 2
    assert await kept_words(database_urls) == 0


async def test_entry_of_another_cluster_is_not_given(
    ana: Person, database_urls: DatabaseUrls
) -> None:
    await settled(ana)

    await as_superuser(
        database_urls, "UPDATE ai.cached_answers SET cluster = 1 WHERE organization_id = $1"
    )

    assert (await ana.ask(QUESTION))["cached"] is False


async def test_nobody_writes_the_log_of_changes_by_hand(database_urls: DatabaseUrls) -> None:
    connection = await asyncpg.connect(database_urls.app.replace("+asyncpg", ""))
    await connection.execute(f"SET app.organization_id = '{AURORA}'")
    for statement in (
        "DELETE FROM ai.knowledge_changes",
        f"INSERT INTO ai.knowledge_changes VALUES ('{AURORA}', 1)",
        "SELECT ai.prune_answers(now(), now(), now())",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    await connection.close()
