"""Search over HTTP: passages of one's own organization, filtered, in order, above a threshold."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ai_svc_factories import DOCUMENTS, HOLIDAYS, Person

pytestmark = pytest.mark.committed

CAFETERIA = "O refeitório serve almoço das 11h30 às 14h, de segunda a sexta-feira."


async def test_passage_is_the_documents_text_at_its_offsets(ana: Person) -> None:
    document_id = await ana.index(HOLIDAYS, "Benefícios")

    passage = (await ana.search("dias de férias por ano"))[0]

    content = await ana.content(document_id)
    assert passage["document_id"] == str(document_id)
    assert passage["content"] == content[passage["char_start"] : passage["char_end"]]
    assert passage["title"] == "Benefícios"
    assert passage["heading"] == "Férias"
    assert passage["similarity"] > 0.5


async def test_best_passage_comes_first(ana: Person) -> None:
    await ana.index(HOLIDAYS, "Benefícios")
    cafeteria = await ana.index(CAFETERIA, "Refeitório")

    passages = await ana.search("que horas serve o almoço no refeitório?")

    assert passages[0]["document_id"] == str(cafeteria)
    assert [p["score"] for p in passages] == sorted((p["score"] for p in passages), reverse=True)


async def test_top_k_and_threshold_bound_the_passages(ana: Person) -> None:
    for number in range(4):
        await ana.index(f"Sala {number}: reunião do comitê de férias.", f"Sala {number}")
    await ana.index(CAFETERIA)

    assert len(await ana.search("comitê de férias", top_k=2)) == 2
    assert len(await ana.search("comitê de férias", threshold=0.5)) == 4
    assert await ana.search("comitê de férias marcianas do xerife", threshold=0.99) == []


async def test_misspelt_word_finds_its_neighbour(ana: Person) -> None:
    cafeteria = await ana.index(CAFETERIA)

    passages = await ana.search("refeitrio")

    assert passages[0]["document_id"] == str(cafeteria)
    assert passages[0]["similarity"] > 0.5


async def test_english_document_is_found_by_its_own_stems(ana: Person) -> None:
    manual = await ana.index(
        "The printers are installed by the technicians of the service desk.", "Printers"
    )

    passages = await ana.search("who is installing a printer for the technician?")

    assert passages[0]["document_id"] == str(manual)


async def test_filters_restrict_the_documents(ana: Person) -> None:
    tagged = await ana.index(CAFETERIA, tags=["RH"])
    other = await ana.index(CAFETERIA + " Fim.")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()

    async def found(**filters: Any) -> set[str]:
        passages = await ana.search("almoço no refeitório", filters=filters)
        return {passage["document_id"] for passage in passages}

    assert await found() == {str(tagged), str(other)}
    assert await found(tags=["rh", "outra"]) == {str(tagged)}
    assert await found(document_ids=[str(other)]) == {str(other)}
    assert await found(source_types=["text"]) == {str(tagged), str(other)}
    assert await found(source_types=["url"]) == set()
    assert await found(language="en") == set()
    assert await found(created_from=tomorrow) == set()
    assert await found(created_to=tomorrow) == {str(tagged), str(other)}


async def test_other_organizations_passages_are_never_found(ana: Person, beto: Person) -> None:
    ours = await ana.index(CAFETERIA)
    await beto.index("Nosso restaurante fecha aos domingos.")

    theirs = await beto.search("almoço no refeitório", top_k=50)
    guessed = await beto.search("refeitório", filters={"document_ids": [str(ours)]})

    assert str(ours) not in str(theirs)
    assert guessed == []


async def test_other_organizations_words_do_not_weigh_on_ours(ana: Person, beto: Person) -> None:
    await ana.index(CAFETERIA)
    before = await ana.search("almoço no refeitório")
    for number in range(5):
        await beto.index(f"{CAFETERIA} Aviso {number}.")

    assert await ana.search("almoço no refeitório") == before


async def test_deleted_document_is_not_found_again(ana: Person) -> None:
    document_id = await ana.index(CAFETERIA)
    await ana.call("DELETE", f"{DOCUMENTS}/{document_id}")

    assert await ana.search("almoço no refeitório") == []


async def test_documents_read_is_required(ana: Person, vera: Person) -> None:
    await ana.index(CAFETERIA)

    assert await vera.search("almoço") != []
    assert (await ana.http.post("/api/v1/rag/search", json={"query": "x"})).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {"query": ""},
        {"query": "x" * 2001},
        {"query": "x", "top_k": 0},
        {"query": "x", "top_k": 51},
        {"query": "x", "threshold": 1.1},
        {"query": "x", "threshold": "NaN"},
        {"query": "x", "filters": {"owner": "me"}},
        {"query": "x", "filters": {"created_from": "2026-01-01T00:00:00"}},
        {"query": "x\x00"},
        {"q": "x"},
    ],
)
async def test_bad_query_is_refused(ana: Person, body: dict[str, Any]) -> None:
    answer = await ana.post("/api/v1/rag/search", json=body)

    assert answer.status_code == 422
    assert answer.json()["code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize(
    "query", ["'", "a' | 'b", "&!|()", "%_", "\\", "a:*", "🙂" * 100, "é" * 2000]
)
async def test_odd_query_is_just_a_query(ana: Person, query: str) -> None:
    await ana.index(CAFETERIA)

    assert isinstance(await ana.search(query), list)
