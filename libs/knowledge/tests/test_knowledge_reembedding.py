"""Another embedder: every vector is renewed, wherever the work was interrupted."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from knowledge_embedding_server import EmbeddingServer
from knowledge_factories import Knowledge, make_actor

from knowledge import reembedding
from knowledge.embedders.openai import OpenAIEmbedder
from knowledge.lexical.statistics_cache import StatisticsCache
from knowledge.models import Chunk
from knowledge.organizations import knowledge_organizations
from knowledge.reembedding import Reembedding
from knowledge.search import SearchQuery
from knowledge.search.searching import Searcher

pytestmark = pytest.mark.committed

A_MINUTE = timedelta(minutes=1)
TEXT = "# Férias\n\nO pedido de férias é feito com trinta dias de antecedência."


@pytest.fixture
async def provider() -> AsyncIterator[EmbeddingServer]:
    """A server of embeddings."""
    server = EmbeddingServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def embedder(provider: EmbeddingServer) -> AsyncIterator[OpenAIEmbedder]:
    """The model that comes next."""
    opened = OpenAIEmbedder(
        api_key="key",
        base_url=provider.url,
        model="next-model",
        dimensions=1536,
        timeout=timedelta(seconds=5),
        max_retries=0,
    )
    yield opened
    await opened.close()


async def models(knowledge: Knowledge) -> set[tuple[str | None, str | None]]:
    """What the organizations' chunks are embedded by: first and last model."""
    found = await knowledge_organizations(knowledge.ingestion.database)
    return {(each.first_model, each.last_model) for each in found}


async def test_every_chunk_of_every_organization_gets_a_vector_of_the_new_model(
    knowledge: Knowledge, embedder: OpenAIEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reembedding, "BATCH", 2)
    ids = [await knowledge.submit_text(f"{TEXT} Caso {number}.") for number in range(5)]
    other = await knowledge.submit_text(TEXT, person="beto")
    await knowledge.work()
    before = (await knowledge.chunks(ids[0]))[0]

    done = await Reembedding(knowledge.ingestion.database, embedder).run(A_MINUTE)

    assert done == 6
    assert await models(knowledge) == {(embedder.model, embedder.model)}
    after = (await knowledge.chunks(ids[0]))[0]
    assert (after.id, after.content) == (before.id, before.content)
    (foreign,) = await knowledge.chunks(other, "beto")
    assert foreign.embedding_model == embedder.model


async def test_a_provider_that_fails_is_asked_again_for_the_rest_only(
    knowledge: Knowledge,
    provider: EmbeddingServer,
    embedder: OpenAIEmbedder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reembedding, "BATCH", 2)
    for number in range(4):
        await knowledge.submit_text(f"{TEXT} Caso {number}.")
    await knowledge.work()
    renewal = Reembedding(knowledge.ingestion.database, embedder)

    provider.faults = [200, 503]
    assert await renewal.run(A_MINUTE) == 2
    assert len(await models(knowledge)) == 1
    assert await models(knowledge) != {(embedder.model, embedder.model)}

    assert await renewal.run(A_MINUTE) == 2
    assert await models(knowledge) == {(embedder.model, embedder.model)}
    assert [len(request["input"]) for request in provider.requests] == [2, 2, 2]


async def test_a_vector_that_somebody_else_renewed_meanwhile_stays(
    knowledge: Knowledge, provider: EmbeddingServer, embedder: OpenAIEmbedder
) -> None:
    document_id = await knowledge.submit_text(TEXT)
    await knowledge.work()
    provider.before_answer = lambda: _renewed_by_another(knowledge, document_id)

    await Reembedding(knowledge.ingestion.database, embedder).run(timedelta(milliseconds=1))

    (chunk,) = await knowledge.chunks(document_id)
    assert chunk.embedding_model == "another-model"


async def _renewed_by_another(knowledge: Knowledge, document_id: UUID) -> None:
    organization_id = make_actor().organization_id
    async with knowledge.ingestion.database.transaction(organization_id) as session:
        await session.execute(
            sa.update(Chunk)
            .where(Chunk.document_id == document_id)
            .values(embedding_model="another-model")
        )


async def test_nothing_to_do_asks_the_provider_nothing(
    knowledge: Knowledge, provider: EmbeddingServer
) -> None:
    await knowledge.submit_text(TEXT)
    await knowledge.work()

    done = await Reembedding(knowledge.ingestion.database, knowledge.ingestion.embedder).run(
        A_MINUTE
    )

    assert done == 0
    assert provider.requests == []


async def test_vectors_rank_only_while_all_of_them_are_of_the_questions_model(
    knowledge: Knowledge, embedder: OpenAIEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reembedding, "BATCH", 1)
    for number in range(2):
        await knowledge.submit_text(f"{TEXT} Caso {number}.")
    await knowledge.work()
    database = knowledge.ingestion.database
    searcher = Searcher(database=database, statistics=StatisticsCache(), embedder=embedder)
    question = SearchQuery("pedido de férias", explain=True)

    async def legs() -> list[str]:
        found = await searcher.find(make_actor(), question)
        assert len(found.passages) == 2
        assert found.explanation is not None
        return [leg.name for leg in found.explanation.legs]

    before = await legs()
    await Reembedding(database, embedder).run(timedelta(milliseconds=1))
    between = await legs()
    await Reembedding(database, embedder).run(A_MINUTE)
    after = await legs()

    assert (before, between, after) == (["lexical"], ["lexical"], ["lexical", "dense"])
