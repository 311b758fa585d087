"""What a search over HTTP can be asked beside its query, and what it says beside its passages."""

from typing import Any
from uuid import UUID

import asyncpg
import pytest
from ai_svc_factories import DOCUMENTS, HOLIDAYS, Person

pytestmark = pytest.mark.committed

SEARCH = "/api/v1/rag/search"


async def answer(person: Person, query: str, **body: Any) -> dict[str, Any]:
    given = await person.post(SEARCH, json={"query": query, **body})
    assert given.status_code == 200, given.text
    found: dict[str, Any] = given.json()
    return found


async def test_highlights_point_into_the_passage(ana: Person) -> None:
    await ana.index(HOLIDAYS, "Benefícios")

    passage = (await answer(ana, "auxilio-creche"))["data"][0]

    marked = {passage["content"][each["start"] : each["end"]] for each in passage["highlights"]}
    assert {"auxílio", "creche"} <= {word.lower() for word in marked}
    assert passage["version"] == 1
    assert passage["chunk_id"]


async def test_meta_suggests_the_documents_spelling(ana: Person) -> None:
    await ana.index(HOLIDAYS, "Benefícios")

    assert (await answer(ana, "Antecedênsia das férias"))["meta"] == {
        "suggestion": "Antecedência das férias",
        "reranked": None,
        "explanation": None,
    }


async def test_suggestion_never_comes_from_what_may_not_be_read(ana: Person, vera: Person) -> None:
    await ana.index(HOLIDAYS, "Benefícios")
    secret = await ana.index("Demissão de Fulgêncio Xavier e as férias.", "Sigilo")
    changed = await ana.call(
        "PATCH",
        f"{DOCUMENTS}/{secret}",
        json={"visibility": "restricted", "allowed_roles": ["dpo"]},
    )
    assert changed.status_code == 200, changed.text

    hers = await answer(vera, "férias de Fulgensio", explain=True)
    his = await answer(ana, "férias de Fulgensio", explain=True)

    assert his["meta"]["suggestion"] == "férias de Fulgêncio"
    assert hers["meta"]["suggestion"] is None
    assert str(secret) not in str(hers)
    (_, closed), (_, open_) = (each["meta"]["explanation"]["terms"] for each in (hers, his))
    assert (open_["stem"], open_["certainty"]) == ("fulgenci", 0.8)
    # As if nobody had ever written of him.
    assert closed == {"stem": "fulgensi", "certainty": 1.0, "idf": None}


async def test_explanation_is_there_for_who_asks(ana: Person) -> None:
    await ana.index(HOLIDAYS, "Benefícios")

    found = await answer(ana, "férias", explain=True, diversity=0.5, expand="section")

    explanation = found["meta"]["explanation"]
    assert explanation["fusion"] == "score"
    assert [leg["name"] for leg in explanation["legs"]] == ["lexical"]
    assert explanation["milliseconds"]["total"] > 0
    passage = found["data"][0]
    assert passage["scores"]["lexical"] > 0
    assert passage["scores"]["cosine"] is None
    assert passage["content"] in passage["surroundings"]["content"]
    plain = (await answer(ana, "férias"))["data"][0]
    assert plain["scores"] is None
    assert plain["surroundings"] is None


async def test_filters_by_format_and_heading(ana: Person) -> None:
    for title in ("Férias", "Férias coletivas"):
        text = f"# {title}\n\nPedido de férias por mês, no portal do servidor."
        await ana.index(text, "Manual", chunking="heading")

    async def headings(**filters: Any) -> set[str]:
        found = await answer(ana, "férias por mês", filters=filters)
        return {passage["heading"] for passage in found["data"]}

    assert await headings() == {"Férias", "Férias coletivas"}
    assert await headings(heading="Férias") == {"Férias"}
    assert await headings(heading="Fér") == set()
    assert await headings(formats=["application/pdf"]) == set()


async def test_filters_by_the_source_that_brought_it(
    ana: Person, beto: Person, superuser: asyncpg.Connection
) -> None:
    page: dict[str, Any] = {"name": "Portal", "kind": "url", "address": "https://www.gov.br/a"}
    sources = [
        (await person.post("/api/v1/rag/sources", json=page)).json()["data"]["id"]
        for person in (ana, beto)
    ]
    brought, _ = [await ana.index(f"Pedido de férias, {n}.") for n in ("no portal", "em papel")]
    await superuser.execute(
        "INSERT INTO ai.source_items"
        " (id, organization_id, source_id, address, document_id, state, misses)"
        " SELECT gen_random_uuid(), organization_id, id, address, $2, 'active', 0"
        " FROM ai.sources WHERE id = $1",
        UUID(sources[0]),
        brought,
    )

    async def found(person: Person, *source_ids: str) -> set[str]:
        passages = await person.search("pedido de férias", filters={"source_ids": [*source_ids]})
        return {passage["document_id"] for passage in passages}

    assert await found(ana, sources[0]) == {str(brought)}
    assert await found(ana, sources[1], str(brought)) == set()
    assert await found(beto, sources[0]) == set()
    assert len(await found(ana)) == 2


@pytest.mark.parametrize(
    "body",
    [
        {"diversity": 1.1},
        {"diversity": -0.1},
        {"expand": "everything"},
        {"explain": "perhaps"},
        {"filters": {"heading": ""}},
        {"filters": {"client_id": "nobody"}},
        {"filters": {"formats": ["application/pdf"] * 31}},
        {"filters": {"formats": ["pdf"]}},
        {
            "filters": {
                "created_from": "2026-02-01T00:00:00Z",
                "created_to": "2026-01-01T00:00:00Z",
            }
        },
        {"filters": {"source_ids": ["portal"]}},
    ],
)
async def test_bad_option_is_refused(ana: Person, body: dict[str, Any]) -> None:
    refused = await ana.post(SEARCH, json={"query": "x", **body})

    assert refused.status_code == 422
    assert refused.json()["code"] == "VALIDATION_ERROR"
