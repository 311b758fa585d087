"""What comes with the passages of a search: highlights, spelling, variety, context, reasons."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
import numpy as np
import pytest
from knowledge_factories import Knowledge, make_actor

from knowledge.lexical.analyzer import analyze_word, words
from knowledge.lexical.statistics_cache import StatisticsCache
from knowledge.models import Language
from knowledge.rerankers.http import HttpReranker
from knowledge.rerankers.port import Reranker, RerankingFailed
from knowledge.search import Expansion, Found, Searcher, SearchQuery
from knowledge.search.diversity import diverse
from knowledge.search.fusion import fuse_ranks
from knowledge.search.highlights import Highlight, highlights, stems_of

MANUAL = """# Férias

As férias são de 30 dias corridos por ano.

# Refeitório

O refeitório serve almoço das 11h30 às 14h.

# Estacionamento

O estacionamento fecha às 22h.
"""


async def find(knowledge: Knowledge, text: str, **changes: Any) -> Found:
    """As ana, with the built-in configuration unless something is changed."""
    reranker: Reranker | None = changes.pop("reranker", None)
    searcher = Searcher(
        database=knowledge.ingestion.database,
        statistics=StatisticsCache(),
        embedder=knowledge.ingestion.embedder,
        reranker=reranker,
    )
    return await searcher.find(make_actor(), SearchQuery(text, **changes))


async def index(knowledge: Knowledge, *texts: str, **fields: Any) -> None:
    for text in texts:
        await knowledge.submit_text(text, **fields)
    await knowledge.work()


def marked(content: str, stems: Sequence[str]) -> list[str]:
    return [content[start:end] for start, end in highlights(content, set(stems))]


def test_highlights_are_words_of_the_same_stem_accents_aside() -> None:
    assert marked("Servidores, e o SERVIDOR; serviço.", ["servidor"]) == ["Servidores", "SERVIDOR"]
    assert marked("Ações e acoes, AÇÃO", ["aco", "aca"]) == ["Ações", "acoes", "AÇÃO"]
    assert marked("The installed printers", ["instal"]) == ["installed"]
    assert marked("nada", ["servidor"]) == []


def test_highlights_count_code_points_of_the_passage_as_it_is() -> None:
    decomposed = "🙂 fe\u0301rias"

    assert highlights(decomposed, {"fer"}) == (Highlight(2, 9),)
    assert highlights("ﬁcha 1º", {"fich"}) == (Highlight(0, 4),)


@pytest.mark.parametrize(
    "written", ["Servidores", "AÇÕES", "installed", "ﬁcha", "e", "1º", "d'água"]
)
def test_words_have_the_stems_they_are_indexed_by(written: str) -> None:
    indexed = {
        analyze_word(word, language).stem for word in words(written) for language in Language
    }

    assert stems_of(written) == indexed - {None}


@pytest.mark.committed
async def test_markup_in_a_passage_stays_text_around_the_offsets(knowledge: Knowledge) -> None:
    await index(knowledge, "Peça <b>férias</b> & <script>férias()</script> no portal.")

    (passage,) = (await find(knowledge, "ferias")).passages

    assert [passage.content[start:end] for start, end in passage.highlights] == ["férias"] * 2


@pytest.mark.committed
async def test_unknown_word_is_suggested_as_the_passages_spell_it(knowledge: Knowledge) -> None:
    await index(knowledge, "A Lei Rouanet incentiva a cultura.", "Outra coisa.")

    assert (await find(knowledge, "O que é a Lei Ruanet?")).suggestion == "O que é a Lei Rouanet?"
    assert (await find(knowledge, "LEI RUANET")).suggestion == "LEI ROUANET"
    assert (await find(knowledge, "o que é a lei rouanet")).suggestion is None
    assert (await find(knowledge, "xyzzyplugh")).suggestion is None


@pytest.mark.committed
async def test_word_that_came_after_the_statistics_is_no_mistake(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    await index(knowledge, *[f"A portaria {number} trata de gratificação." for number in range(40)])
    await index(knowledge, "Sobre a gratificaçao e a ratificação do convênio.")
    statistics = StatisticsCache()
    searcher = Searcher(
        database=knowledge.ingestion.database,
        statistics=statistics,
        embedder=knowledge.ingestion.embedder,
    )

    found = await searcher.find(make_actor(), SearchQuery("ratificação"))

    assert found.suggestion is None
    assert "ratificação" in found.passages[0].content


@pytest.mark.committed
async def test_diversity_brings_what_the_first_passage_does_not_say(knowledge: Knowledge) -> None:
    same = "As férias do servidor são de trinta dias."
    await index(knowledge, same, same + " Sim.", "Férias coletivas no fim do ano.", title="Aviso")

    plain = [p.content for p in (await find(knowledge, "férias servidor", top_k=2)).passages]
    varied = (await find(knowledge, "férias servidor", top_k=2, diversity=0.7)).passages

    assert all("servidor" in content for content in plain)
    assert varied[0].content == plain[0]
    assert "coletivas" in varied[1].content


def test_diversity_of_nothing_keeps_the_order() -> None:
    vectors = np.eye(3)

    assert diverse([3.0, 2.0, 1.0], vectors, 0.0, 2) == [0, 1]
    assert diverse([3.0, 2.9, 1.0], np.array([[1, 0], [1, 0], [0, 1]]), 0.5, 3) == [0, 2, 1]
    assert diverse([], np.zeros((0, 2)), 0.5, 3) == []


@pytest.mark.committed
async def test_surroundings_are_the_documents_text_at_their_offsets(knowledge: Knowledge) -> None:
    document_id = await knowledge.submit_text(MANUAL, chunking="heading")
    await knowledge.work()
    content = MANUAL.strip()

    (alone, *_) = (await find(knowledge, "almoço no refeitório")).passages
    query = {"expansion": Expansion.NEIGHBOURS, "top_k": 1}
    (near,) = (await find(knowledge, "almoço no refeitório", **query)).passages
    query = {"expansion": Expansion.SECTION, "top_k": 1}
    (section,) = (await find(knowledge, "almoço no refeitório", **query)).passages

    assert near.document_id == document_id
    assert alone.surroundings is None
    assert near.surroundings is not None
    assert section.surroundings is not None
    for around in (near.surroundings, section.surroundings):
        assert around.content == content[around.char_start : around.char_end]
        assert near.content in around.content
    assert "30 dias" in near.surroundings.content
    assert "22h" in near.surroundings.content
    assert section.surroundings.content == section.content


@pytest.mark.committed
async def test_explanation_names_legs_terms_and_times(knowledge: Knowledge) -> None:
    await index(knowledge, "Férias do servidor.", "Outra portaria.")

    found = await find(knowledge, "férias portaria xyzzyplugh", top_k=1, explain=True)

    assert found.explanation is not None
    (leg,) = found.explanation.legs
    assert (leg.name, leg.way, leg.considered) == ("lexical", "exact", 2)
    idf = {term.stem: term.idf for term in found.explanation.terms}
    shown = "fer" if "Férias" in found.passages[0].content else "port"
    assert {stem for stem, value in idf.items() if value is not None} <= {shown, "portar"}
    assert idf["xyzzyplugh"] is None
    assert {"understand", "lexical", "finish", "total"} <= set(found.explanation.milliseconds)
    assert found.passages[0].scores is not None
    assert found.passages[0].scores.lexical > 0
    assert (await find(knowledge, "férias")).explanation is None


def served(answer: httpx.Response) -> tuple[HttpReranker, list[dict[str, Any]]]:
    """A provider that always answers this, and what it was asked."""
    asked: list[dict[str, Any]] = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        assert str(request.url) == "http://rerank.test/v2/rerank"
        assert request.headers["authorization"] == "Bearer key"
        return answer

    reranker = HttpReranker(
        base_url="http://rerank.test/v2/",
        model="rerank-test",
        api_key="key",
        timeout=timedelta(seconds=1),
        transport=httpx.MockTransport(respond),
    )
    return reranker, asked


@pytest.mark.committed
async def test_reranker_has_the_last_word(knowledge: Knowledge) -> None:
    await index(knowledge, "Férias do servidor, férias.", "Férias coletivas da escola.", title="T")
    results = [{"index": 0, "relevance_score": 0.1}, {"index": 1, "relevance_score": 0.9}]
    reranker, asked = served(httpx.Response(200, json={"results": results}))

    before = [p.chunk_id for p in (await find(knowledge, "férias do servidor")).passages]
    found = await find(knowledge, "férias do servidor", reranker=reranker, top_k=2)

    assert [p.chunk_id for p in found.passages] == before[::-1]
    assert found.reranked is True
    assert [p.score for p in found.passages] == [0.9, 0.1]
    assert asked[0]["query"] == "férias do servidor"
    assert asked[0]["documents"][0].startswith("T\n\nFérias do servidor")


@pytest.mark.committed
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"results": [{"index": 7, "relevance_score": 1}]}),
        httpx.Response(200, json={"results": [{"index": 0, "relevance_score": "NaN"}]}),
        httpx.Response(200, json=[]),
    ],
    ids=["500", "html", "other", "nan", "list"],
)
async def test_failing_reranker_leaves_the_order_and_says_so(
    knowledge: Knowledge, answer: httpx.Response
) -> None:
    await index(knowledge, "Férias do servidor.")
    reranker, _ = served(answer)

    found = await find(knowledge, "férias", reranker=reranker)

    assert found.reranked is False
    assert [passage.content for passage in found.passages] == ["Férias do servidor."]
    assert (await find(knowledge, "férias")).reranked is None


async def test_unreachable_reranker_is_a_failure_of_its_own_kind() -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("slow")

    reranker = HttpReranker(
        base_url="http://rerank.test",
        model="m",
        api_key=None,
        timeout=timedelta(seconds=1),
        transport=httpx.MockTransport(refuse),
    )
    with pytest.raises(RerankingFailed, match="ConnectTimeout"):
        await reranker.rerank("x", ["y"])
    assert await reranker.rerank("x", []) == []


def test_ranks_are_added_where_it_is_asked_for() -> None:
    assert fuse_ranks([4.0, 2.0, 0.0], [0.1, None, 0.5], 0.5) == pytest.approx(
        [0.5 / 61 + 0.5 / 62, 0.5 / 62, 0.5 / 61]
    )
