"""Embedders and rerankers elsewhere get of a client's data what they are allowed, and no more."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest
import sqlalchemy as sa
from knowledge_embedding_server import EmbeddingServer
from knowledge_factories import Knowledge, make_actor

from knowledge import ingestion, reembedding
from knowledge.access_tables import ProcessingBlock, Purpose, Transfer
from knowledge.embedders.local import LocalEmbedder
from knowledge.embedders.openai import OpenAIEmbedder
from knowledge.index_health import check
from knowledge.lexical.statistics_cache import StatisticsCache
from knowledge.models import LegalBasis, Visibility
from knowledge.recipients import OPENAI, Recipient
from knowledge.reembedding import Reembedding
from knowledge.search import SearchFilters, SearchQuery
from knowledge.search.passages import Found
from knowledge.search.searching import Searcher
from knowledge.submission import Access
from knowledge.transfers import KEPT_HERE
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed

CLIENT: Final = new_id()
AURORA: Final = make_actor().organization_id
OF_CLIENT: Final = Access(
    Visibility.CLIENT, client_id=CLIENT, purpose_code="suporte", legal_basis=LegalBasis.CONTRACT
)
TEXT: Final = "O pedido de férias da cliente é feito com trinta dias de antecedência."
NAMED: Final = SearchFilters(client_id=CLIENT)
A_MINUTE: Final = timedelta(minutes=1)
_SUSPEND: Final = sa.update(Transfer).values(allowed=False)
_LOCAL: Final = LocalEmbedder()


@pytest.fixture
async def server() -> AsyncIterator[EmbeddingServer]:
    """Of embeddings, abroad."""
    server = EmbeddingServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def embedder(server: EmbeddingServer) -> AsyncIterator[OpenAIEmbedder]:
    """What sends to it."""
    opened = OpenAIEmbedder(
        api_key="key",
        base_url=server.url,
        model="text-model",
        dimensions=1536,
        timeout=timedelta(seconds=5),
        max_retries=0,
    )
    yield opened
    await opened.close()


@pytest.fixture
async def knowledge(knowledge: Knowledge, embedder: OpenAIEmbedder) -> Knowledge:
    """The pipeline embeds elsewhere; the purpose is in use, and nothing may leave for it yet."""
    await write(
        knowledge,
        sa.insert(Purpose).values(
            organization_id=AURORA,
            purpose_id=new_id(),
            purpose_code="suporte",
            legal_basis=LegalBasis.CONTRACT,
            assistant_may_use=True,
            archived=False,
            material_version=1,
            version=1,
        ),
    )
    return Knowledge(replace(knowledge.ingestion, embedder=embedder))


async def write(knowledge: Knowledge, statement: Any) -> None:
    async with knowledge.ingestion.database.transaction(AURORA) as session:
        await session.execute(statement)


async def allow(knowledge: Knowledge, *, allowed: bool = True) -> None:
    """An entry of the register."""
    await write(
        knowledge,
        sa.insert(Transfer).values(
            organization_id=AURORA,
            transfer_id=new_id(),
            provider=OPENAI.code,
            country=OPENAI.country,
            mechanism="standard_clauses",
            purpose_codes=["suporte"],
            allowed=allowed,
            version=1,
        ),
    )


async def block(knowledge: Knowledge) -> None:
    await write(
        knowledge,
        sa.insert(ProcessingBlock).values(
            organization_id=AURORA, block_id=new_id(), client_id=CLIENT
        ),
    )


async def models(knowledge: Knowledge, document_id: UUID) -> set[str]:
    return {chunk.embedding_model for chunk in await knowledge.chunks(document_id)}


def sent(server: EmbeddingServer) -> list[str]:
    return [text for request in server.requests for text in request["input"]]


def searcher(knowledge: Knowledge, **changes: Any) -> Searcher:
    return Searcher(
        database=knowledge.ingestion.database,
        statistics=StatisticsCache(),
        **({"embedder": knowledge.ingestion.embedder} | changes),
    )


async def found(knowledge: Knowledge, filters: SearchFilters, **changes: Any) -> Found:
    query = SearchQuery("pedido de férias", filters=filters, explain=True)
    return await searcher(knowledge, **changes).find(make_actor(), query)


def legs(result: Found) -> set[str]:
    assert result.explanation is not None
    return {leg.name for leg in result.explanation.legs}


async def test_passages_of_a_client_are_embedded_here_until_they_may_leave(
    knowledge: Knowledge, server: EmbeddingServer
) -> None:
    everybodys = await knowledge.submit_text("As férias são de trinta dias.")
    theirs = await knowledge.submit_text(TEXT, access=OF_CLIENT)
    await knowledge.work()

    assert [TEXT in text for text in sent(server)] == [False]
    assert await models(knowledge, everybodys) == {"text-model"}
    assert await models(knowledge, theirs) == {KEPT_HERE}
    async with knowledge.ingestion.database.transaction(AURORA) as session:
        health = await check(session, AURORA, "text-model")
    assert not any(health.faults.values())

    renewal = Reembedding(knowledge.ingestion.database, knowledge.ingestion.embedder)
    assert await renewal.run(A_MINUTE) == 0
    await allow(knowledge)
    assert await renewal.run(A_MINUTE) == 1
    assert await models(knowledge, theirs) == {"text-model"}
    assert TEXT in sent(server)[-1]


@pytest.mark.parametrize("step", ["blocked", "suspended"])
async def test_what_may_leave_and_then_may_not_stays(
    knowledge: Knowledge, server: EmbeddingServer, step: str
) -> None:
    await allow(knowledge)
    first = await knowledge.submit_text(TEXT, access=OF_CLIENT)
    await knowledge.work()
    assert await models(knowledge, first) == {"text-model"}

    await (block(knowledge) if step == "blocked" else write(knowledge, _SUSPEND))
    second = await knowledge.submit_text(f"{TEXT} De novo.", access=OF_CLIENT)
    await knowledge.work()

    assert await models(knowledge, second) == {KEPT_HERE}
    assert len(sent(server)) == 1


async def test_a_document_that_is_forbidden_halfway_is_of_one_model(
    knowledge: Knowledge, server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingestion, "_AT_ONCE", 1)
    await allow(knowledge)

    async def blocked_meanwhile() -> None:
        if len(server.requests) == 1:
            await block(knowledge)

    server.before_answer = blocked_meanwhile
    text = "\n\n".join(f"# Parte {number}\n\n{f'{TEXT} ' * 30}" for number in range(3))
    document_id = await knowledge.submit_text(text, access=OF_CLIENT, chunking="heading")
    await knowledge.work()

    assert len(await knowledge.chunks(document_id)) >= 3
    assert await models(knowledge, document_id) == {KEPT_HERE}
    assert len(server.requests) == 1


async def test_a_new_embedder_gets_what_it_may_have(
    knowledge: Knowledge, server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Vectors the built-in embedder made, while it was the chosen one."""
    monkeypatch.setattr(reembedding, "BATCH", 2)
    local = Knowledge(replace(knowledge.ingestion, embedder=_LOCAL))
    theirs = await local.submit_text(TEXT, access=OF_CLIENT)
    everybodys = [await local.submit_text(f"Férias {number}.") for number in range(3)]
    await local.work()

    renewal = Reembedding(knowledge.ingestion.database, knowledge.ingestion.embedder)
    assert await renewal.run(A_MINUTE) == 4

    assert await models(knowledge, theirs) == {KEPT_HERE}
    assert {await _one(knowledge, each) for each in everybodys} == {"text-model"}
    assert not any(TEXT in text for text in sent(server))


async def test_the_built_in_embedder_takes_up_what_was_kept(knowledge: Knowledge) -> None:
    theirs = await knowledge.submit_text(TEXT, access=OF_CLIENT)
    await knowledge.work()

    assert await Reembedding(knowledge.ingestion.database, _LOCAL).run(A_MINUTE) == 1

    assert await models(knowledge, theirs) == {_LOCAL.model}


async def _one(knowledge: Knowledge, document_id: UUID) -> str:
    (model,) = await models(knowledge, document_id)
    return model


async def test_who_names_no_client_searches_by_vectors_and_who_names_one_by_words(
    knowledge: Knowledge, server: EmbeddingServer
) -> None:
    everybodys = await knowledge.submit_text("O pedido de férias tem formulário próprio.")
    theirs = await knowledge.submit_text(TEXT, access=OF_CLIENT)
    await knowledge.work()
    server.requests.clear()

    of_nobody = await found(knowledge, SearchFilters())
    assert legs(of_nobody) == {"lexical", "dense"}
    assert {each.document_id for each in of_nobody.passages} == {everybodys}
    assert len(sent(server)) == 1
    of_client = await found(knowledge, NAMED)
    assert legs(of_client) == {"lexical"}
    assert {each.document_id for each in of_client.passages} == {everybodys, theirs}
    assert len(sent(server)) == 1  # the question is about the client, too

    await allow(knowledge)
    # It may be asked by now; as long as a passage has no vector of its model, words decide.
    assert legs(await found(knowledge, NAMED)) == {"lexical"}
    await Reembedding(knowledge.ingestion.database, knowledge.ingestion.embedder).run(A_MINUTE)
    assert legs(await found(knowledge, NAMED)) == {"lexical", "dense"}


@dataclass
class Reading:
    """A reranker that turns everything round, and keeps what it was given."""

    recipient: Recipient | None
    read: list[str] = field(default_factory=list)
    name: str = "reading"

    async def rerank(self, question: str, passages: Sequence[str]) -> list[float]:
        """The last first."""
        self.read += [question, *passages]
        return [float(number) for number, _ in enumerate(passages)]

    async def close(self) -> None:
        """Holds nothing open."""


async def test_a_reranker_elsewhere_reads_what_it_may(knowledge: Knowledge) -> None:
    local = Knowledge(replace(knowledge.ingestion, embedder=_LOCAL))
    await local.submit_text("O pedido de férias tem formulário próprio.")
    await local.submit_text(TEXT, access=OF_CLIENT)
    await local.work()
    abroad, here = Reading(OPENAI), Reading(None)

    kept = await found(local, NAMED, reranker=abroad)
    assert (kept.reranked, abroad.read) == (False, [])
    assert (await found(local, NAMED, reranker=here)).reranked is True
    assert (await found(local, SearchFilters(), reranker=abroad)).reranked is True
    assert not any(TEXT in text for text in abroad.read)
    await allow(knowledge)
    assert (await found(local, NAMED, reranker=abroad)).reranked is True
    await block(knowledge)
    abroad.read.clear()
    assert (await found(local, NAMED, reranker=abroad)).reranked is False
    assert abroad.read == []
