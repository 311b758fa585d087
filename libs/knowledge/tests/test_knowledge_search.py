"""Search through SQL: exact and by candidates, alone and fused, within one organization."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
import pytest
import sqlalchemy as sa
from knowledge_factories import Knowledge, make_actor
from pydantic import SecretStr

from chassis.data.database import Database
from chassis.settings import DatabaseSettings
from devstack.testing import DatabaseUrls
from knowledge.embedders import Embedder, Idf
from knowledge.lexical.analyzer import stem_term
from knowledge.lexical.statistics import Statistics
from knowledge.lexical.statistics_cache import StatisticsCache
from knowledge.lexical.vocabulary import Vocabulary
from knowledge.models import Chunk
from knowledge.recipients import Recipient
from knowledge.search import Passage, Searcher, SearchFilters, SearchQuery, legs
from knowledge.search.candidates import TOO_MANY, Wanted, candidate_stems, widened
from knowledge.search.fusion import UNMEASURED, dense_weight, fuse
from knowledge.search.similarity import similarity_of

pytestmark = pytest.mark.committed


@dataclass
class Provider:
    """An embedder whose questions all have one vector."""

    vector: Any
    model: str = "provider-model"
    dimensions: int = 1536
    recipient: Recipient | None = None

    async def embed(self, texts: Sequence[str]) -> Any:
        """Not asked for."""
        raise NotImplementedError

    async def embed_query(self, text: str, *, idf: Idf | None = None) -> Any:  # noqa: ARG002 - the port has it
        """The vector."""
        return self.vector

    async def close(self) -> None:
        """Holds nothing open."""


def searcher(knowledge: Knowledge, **changes: Any) -> Searcher:
    """As the service opens it."""
    given: dict[str, Any] = {
        "database": knowledge.ingestion.database,
        "statistics": StatisticsCache(),
        "embedder": knowledge.ingestion.embedder,
    }
    return Searcher(**(given | changes))


async def find(
    knowledge: Knowledge,
    text: str,
    *,
    person: str = "ana",
    embedder: Embedder | None = None,
    **query: Any,
) -> list[Passage]:
    changes = {} if embedder is None else {"embedder": embedder}
    found = await searcher(knowledge, **changes).find(
        make_actor(person), SearchQuery(text, **query)
    )
    return found.passages


async def index(knowledge: Knowledge, *texts: str, person: str = "ana") -> list[UUID]:
    ids = [await knowledge.submit_text(text, person=person) for text in texts]
    await knowledge.work()
    return ids


def documents(passages: Sequence[Passage]) -> list[UUID]:
    return [passage.document_id for passage in passages]


TEXTS = [f"Portaria {number} sobre férias do setor {number}." for number in range(60)]


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every organization counts as large."""
    monkeypatch.setattr(legs, "EXACT_UP_TO", 0)
    monkeypatch.setattr(legs, "FEWEST", 1)


async def test_candidates_find_what_the_exact_scan_finds(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    await index(knowledge, *TEXTS, "O refeitório abre às onze.")
    exact = await find(knowledge, "férias do setor 17", top_k=1)
    monkeypatch.setattr(legs, "EXACT_UP_TO", 0)

    by_candidates = await find(knowledge, "férias do setor 17", top_k=1)

    assert by_candidates == exact
    assert "setor 17" in exact[0].content


async def test_candidates_of_a_misspelt_word_are_its_neighbours(
    knowledge: Knowledge, large: None
) -> None:
    _, wanted = await index(knowledge, "A portaria trata de férias.", "A lei Rouanet e a cultura.")

    assert documents(await find(knowledge, "ruanet")) == [wanted]


async def test_too_few_candidates_lead_to_the_exact_scan(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Shares 4-grams with the question, but no stem: only the exact scan can find it.
    (wanted,) = await index(knowledge, "O processo foi desarquivado.")
    await index(knowledge, "O arquivo municipal abre cedo.")
    monkeypatch.setattr(legs, "EXACT_UP_TO", 0)

    assert wanted in documents(await find(knowledge, "arquivo"))


async def test_candidates_are_filtered_like_everything_else(
    knowledge: Knowledge, large: None
) -> None:
    _, wanted = await index(knowledge, "Férias coletivas.", "Férias individuais.")

    found = await find(knowledge, "férias", filters=SearchFilters(document_ids=[wanted]))

    assert documents(found) == [wanted]


async def test_candidates_never_cross_organizations(knowledge: Knowledge, large: None) -> None:
    await index(knowledge, "Férias da Aurora.", person="ana")
    (theirs,) = await index(knowledge, "Férias da Boreal.", person="beto")

    assert documents(await find(knowledge, "férias", person="beto")) == [theirs]


async def test_a_reader_of_another_organization_finds_nothing(knowledge: Knowledge) -> None:
    await index(knowledge, "Férias da Aurora.")

    assert await find(knowledge, "férias", person="beto") == []


async def test_local_embedder_does_not_count_for_ranking(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    await index(knowledge, "Férias do servidor.")

    async def embed_query(*_: Any, **__: Any) -> Any:
        raise AssertionError("the question was embedded for nothing")

    monkeypatch.setattr(type(knowledge.ingestion.embedder), "embed_query", embed_query)
    assert await find(knowledge, "férias")


def unit(*components: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    vector = np.zeros(1536, dtype=np.float32)
    vector[: len(components)] = components
    return vector / np.linalg.norm(vector)


async def embedded(
    knowledge: Knowledge, document_id: UUID, *components: float, model: str = "provider-model"
) -> None:
    """As if a provider's model had embedded the document."""
    async with knowledge.ingestion.database.transaction(make_actor().organization_id) as tx:
        await tx.execute(
            sa.update(Chunk)
            .where(Chunk.document_id == document_id)
            .values(embedding=unit(*components), embedding_model=model)
        )


async def test_vector_leg_adds_what_the_words_miss(knowledge: Knowledge) -> None:
    words, meaning = await index(knowledge, "Férias do servidor.", "Descanso anual remunerado.")
    await embedded(knowledge, words, 0.2, 1)
    await embedded(knowledge, meaning, 1, 0.1)
    question = Provider(unit(1))

    alone = await find(knowledge, "férias")
    fused = await find(knowledge, "férias", embedder=question)

    assert documents(alone) == [words]
    assert documents(fused) == [words, meaning]
    assert 0 < fused[1].similarity < fused[0].similarity <= 1


async def test_while_there_are_vectors_of_two_models_words_decide(knowledge: Knowledge) -> None:
    named, other, same = await index(knowledge, "Férias.", "Descanso pago.", "Recesso pago.")
    await embedded(knowledge, other, 1, model="model-of-yesterday")
    await embedded(knowledge, same, 1, 1)

    found = await find(knowledge, "férias", embedder=Provider(unit(1)), top_k=3)

    assert documents(found) == [named]


async def test_a_search_is_four_statements_and_writes_its_vector_once_a_leg(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(legs, "SIGNATURES_FROM", 0)
    (only,) = await index(knowledge, "Férias do servidor.")
    await embedded(knowledge, only, 1)
    seen: list[tuple[str, int]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        vectors = [each for each in parameters if len(str(each)) > 1536]
        seen.append((statement, len(vectors)))

    engine = knowledge.ingestion.database.engines[0].sync_engine
    asked = searcher(knowledge, embedder=Provider(unit(1)), statistics=StatisticsCache())
    await asked.find(make_actor(), SearchQuery("férias"))  # loads the statistics
    sa.event.listen(engine, "before_cursor_execute", note)
    found = await asked.find(make_actor(), SearchQuery("férias"))
    sa.event.remove(engine, "before_cursor_execute", note)

    assert documents(found.passages) == [only]
    assert len(seen) == 4
    assert sum("set_config" in statement for statement, _ in seen) == 1
    assert sorted(vectors for _, vectors in seen) == [0, 0, 1, 1]


async def test_a_search_never_waits_for_a_connection_while_it_holds_one(
    knowledge: Knowledge, database_urls: DatabaseUrls
) -> None:
    (only,) = await index(knowledge, "Férias do servidor.")
    await embedded(knowledge, only, 1)
    settings = DatabaseSettings(
        url=SecretStr(database_urls.app),
        worker_url=SecretStr(database_urls.worker),
        pool_size=1,
        pool_max_overflow=0,
        pool_timeout_seconds=2,
    )
    narrow = Database(settings, schema="ai", application_name="narrow")

    found = await searcher(knowledge, embedder=Provider(unit(1)), database=narrow).find(
        make_actor(), SearchQuery("férias", explain=True)
    )
    await narrow.close()

    assert documents(found.passages) == [only]
    assert found.explanation is not None
    assert {leg.name for leg in found.explanation.legs} == {"lexical", "dense"}


async def test_words_that_count_for_nothing_are_not_looked_for(knowledge: Knowledge) -> None:
    near, far = await index(knowledge, "Descanso anual.", "Férias do servidor.")
    await embedded(knowledge, near, 1)
    await embedded(knowledge, far, 1, 1)

    found = await searcher(knowledge, embedder=Provider(unit(1)), weight=1.0).find(
        make_actor(), SearchQuery("férias do servidor", explain=True)
    )

    assert documents(found.passages) == [near, far]
    assert found.passages[0].similarity == pytest.approx(1.0, abs=0.001)
    assert found.explanation is not None
    assert [leg.name for leg in found.explanation.legs] == ["dense"]


async def test_chunks_of_another_model_still_count_by_their_words(knowledge: Knowledge) -> None:
    old, new = await index(knowledge, "Férias do servidor.", "Férias do estagiário.")
    await embedded(knowledge, new, 1)

    found = await find(knowledge, "férias do servidor", embedder=Provider(unit(0, 1)))

    assert documents(found) == [old, new]


@pytest.mark.parametrize(
    ("frequencies", "wanted"),
    [
        ({}, None),
        ({"feri": 3}, Wanted(("feri",))),
        ({"feri": 900, "serv": 400, "port": 5}, Wanted(("port", "serv", "feri"))),
        ({"feri": 1500, "serv": 20}, Wanted(("serv", "feri"))),
        ({"feri": TOO_MANY, "serv": 20}, Wanted(("serv",))),
        (
            {"feri": 50_000, "serv": 40_000, "ano": 60_000},
            Wanted(("feri", "ano"), ("serv",), few=False),
        ),
        ({"feri": 50_000}, Wanted(("feri",), few=False)),
    ],
)
def test_rarest_stems_are_candidates(frequencies: dict[str, int], wanted: Wanted | None) -> None:
    assert candidate_stems(frequencies) == wanted


def test_too_few_candidates_are_widened_by_stems_like_them() -> None:
    vocabulary = Vocabulary(["arquiv", "desarquiv", "arquivam", "refeitori"])
    frequent = np.array([stem_term("arquivam")], np.int32)
    statistics = Statistics(9_000, frequent, np.array([TOO_MANY], np.int32), vocabulary)

    assert widened({"arquiv": 1, "lei": 9_000}, statistics) == Wanted(("arquiv", "desarquiv"))
    assert widened({}, statistics) is None


def test_fusion_adds_scores_and_not_ranks() -> None:
    assert fuse([4.0, 2.0, 0.0], [0.1, 0.5, 0.3], 0.25) == pytest.approx([0.75, 0.625, 0.125])
    assert fuse([4.0, 2.0], [None, None], 0.25) == [1.0, 0.5]
    assert fuse([0.0], [0.3], 0.25) == [0.0]
    assert fuse([], [], 0.25) == []


def test_unmeasured_embedder_weighs_little_and_the_local_one_nothing() -> None:
    assert dense_weight("text-embedding-of-tomorrow") == UNMEASURED
    assert dense_weight("local-hash-1") == 0


def test_similarity_grows_with_coverage_and_is_half_at_half() -> None:
    values = [similarity_of(score, 10) for score in (0, 1, 3, 5, 7, 10, 20)]

    assert values == sorted(values)
    assert values[0] == 0
    assert values[3] == pytest.approx(0.5)
    assert values[-1] < 1
    assert similarity_of(5, 0) == 0
