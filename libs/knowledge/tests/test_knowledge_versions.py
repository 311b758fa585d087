"""Versions in the pipeline: switched while both legs look, unchanged pages, resumed attempts."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import numpy as np
import pytest
import sqlalchemy as sa
from knowledge_factories import Knowledge, Web, make_actor
from knowledge_files import PARAGRAPH

from knowledge import submission, versions
from knowledge.addresses import AddressPolicy
from knowledge.failures import EmbeddingUnavailable
from knowledge.ingestion import Ingestion
from knowledge.lexical.statistics_cache import StatisticsCache
from knowledge.models import Chunk, Document, DocumentStatus, DocumentVersion
from knowledge.originals import OriginalReader
from knowledge.search import Searcher, SearchQuery
from knowledge.search.legs import Legs
from knowledge.submission import Source

pytestmark = pytest.mark.committed

VECTOR = np.zeros(1536, dtype=np.float32)
VECTOR[0] = 1
HTML = f"<html><head><title>Férias</title></head><body><main><p>{PARAGRAPH}</p></main></body>"


class Near:
    """An embedder to which everything is near."""

    model = "near"
    dimensions = 1536
    recipient = None

    async def embed(self, texts: Any) -> Any:
        """One vector for all."""
        return np.tile(VECTOR, (len(texts), 1))

    async def embed_query(self, text: str, **_: Any) -> Any:  # noqa: ARG002 - the port's names
        """The same."""
        return VECTOR

    async def close(self) -> None:
        """Holds nothing open."""


async def send(knowledge: Knowledge, document_id: UUID, source: Source, **fields: Any) -> None:
    """A new version, waiting."""
    actor = make_actor()
    ingestion = knowledge.ingestion
    async with ingestion.database.transaction(actor.organization_id) as session:
        document = await session.get_one(Document, document_id)
        await versions.submit_version(session, actor, ingestion.queue, document, source, **fields)


def page(web: Web, path: str, html: str = HTML) -> Source:
    return Source.url(web.put(path, html.encode()), AddressPolicy(("127.0.0.2/32",)))


async def numbers(knowledge: Knowledge, document_id: UUID) -> list[int]:
    async with knowledge.ingestion.database.transaction(make_actor().organization_id) as session:
        found = await session.scalars(
            sa.select(DocumentVersion.number)
            .where(DocumentVersion.document_id == document_id)
            .order_by(DocumentVersion.number)
        )
        return list(found)


def between_the_legs(
    monkeypatch: pytest.MonkeyPatch, leg: str, happens: Callable[[], Awaitable[None]]
) -> None:
    """Something happens after the other leg has looked, and before this one does."""
    look = getattr(Legs, leg)

    async def later(legs: Legs, *args: Any) -> Any:
        await happens()
        return await look(legs, *args)

    monkeypatch.setattr(Legs, leg, later)


@pytest.mark.parametrize("leg", ["lexical", "dense"])
async def test_two_legs_that_see_two_versions_find_one(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch, leg: str
) -> None:
    document_id = await knowledge.submit_text("As férias são de vinte dias.")
    await knowledge.work()
    actor, switched = make_actor(), False

    async def embed_all() -> None:
        async with knowledge.ingestion.database.transaction(actor.organization_id) as session:
            await session.execute(
                sa.update(Chunk).values(embedding=VECTOR, embedding_model=Near.model)
            )

    async def switch() -> None:
        nonlocal switched
        if not switched:
            switched = True
            await send(knowledge, document_id, Source.text("As férias são de trinta dias."))
            await knowledge.work()
            await embed_all()

    await embed_all()
    between_the_legs(monkeypatch, leg, switch)
    searcher = Searcher(
        database=knowledge.ingestion.database, statistics=StatisticsCache(), embedder=Near()
    )

    found = await searcher.find(actor, SearchQuery("férias", 50))

    assert switched
    assert len({passage.version for passage in found.passages}) == 1
    assert [passage.document_id for passage in found.passages] == [document_id]


async def test_a_page_that_says_the_same_is_no_new_version(knowledge: Knowledge, web: Web) -> None:
    document_id = await knowledge.submit_url(web.put("/igual", HTML.encode()))
    await knowledge.work()
    chunks = [chunk.id for chunk in await knowledge.chunks(document_id)]

    await send(knowledge, document_id, page(web, "/igual"))
    await knowledge.work()

    document = await knowledge.document(document_id)
    assert (document.status, document.current_version, document.latest_version) == (
        DocumentStatus.INDEXED,
        1,
        1,
    )
    assert await numbers(knowledge, document_id) == [1]
    assert [chunk.id for chunk in await knowledge.chunks(document_id)] == chunks
    keys = [listed.key async for listed in knowledge.ingestion.storage.list()]
    assert keys == [(await knowledge.version(document_id)).storage_key]


async def test_a_page_that_says_something_else_is_the_next_version(
    knowledge: Knowledge, web: Web
) -> None:
    document_id = await knowledge.submit_url(web.put("/muda", HTML.encode()))
    await knowledge.work()

    await send(knowledge, document_id, page(web, "/muda", HTML.replace("trinta", "quarenta")))
    await knowledge.work()

    assert (await knowledge.document(document_id)).current_version == 2
    kept = {(await knowledge.version(document_id, number)).storage_key for number in (1, 2)}
    assert {listed.key async for listed in knowledge.ingestion.storage.list()} == kept


async def test_what_was_fetched_is_not_fetched_again(
    knowledge: Knowledge, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker is killed when it has fetched; the next one takes what lies in the storage."""
    document_id = await knowledge.submit_url(
        web.put(
            "/buscada-uma-vez", HTML.encode("latin-1"), content_type="text/html; charset=iso-8859-1"
        )
    )
    job = await knowledge.claim("killed")
    extract = OriginalReader.extract

    async def killed(*_: Any) -> Any:
        await knowledge.lease_runs_out(job)
        raise ConnectionRefusedError  # like a server that is gone: nothing is written any more

    monkeypatch.setattr(OriginalReader, "extract", killed)
    await knowledge.ingestion.work_off(job)
    monkeypatch.setattr(OriginalReader, "extract", extract)
    await knowledge.work("next")

    assert (await knowledge.document(document_id)).status is DocumentStatus.INDEXED
    assert sum("GET /buscada-uma-vez " in request for request in web.requests) == 1
    assert "férias" in ((await knowledge.version(document_id)).content or "")
    keys = [listed.key async for listed in knowledge.ingestion.storage.list()]
    assert keys == [(await knowledge.version(document_id)).storage_key]


async def test_a_page_that_failed_is_fetched_anew(knowledge: Knowledge, web: Web) -> None:
    url = web.put("/vazia-ainda", b"<html><body></body></html>")
    document_id = await knowledge.submit_url(url)
    await knowledge.work()
    assert (await knowledge.document(document_id)).status is DocumentStatus.FAILED
    assert (await knowledge.version(document_id)).storage_key is None

    web.put("/vazia-ainda", HTML.encode())
    await retry(knowledge, document_id)
    await knowledge.work()

    assert (await knowledge.document(document_id)).status is DocumentStatus.INDEXED


async def retry(knowledge: Knowledge, document_id: UUID) -> None:
    """As its owner would."""
    actor = make_actor()
    async with knowledge.ingestion.database.transaction(actor.organization_id) as session:
        document = await session.get_one(Document, document_id)
        await submission.retry(session, actor, document)


async def test_an_attempt_that_could_not_embed_keeps_what_it_fetched(
    knowledge: Knowledge, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = await knowledge.submit_url(web.put("/depois", HTML.encode()))
    embed = Ingestion._embed

    async def down(*_: Any) -> Any:
        raise EmbeddingUnavailable

    monkeypatch.setattr(Ingestion, "_embed", down)
    await knowledge.work()
    assert (await knowledge.document(document_id)).error_code == "EMBEDDING_UNAVAILABLE"
    monkeypatch.setattr(Ingestion, "_embed", embed)
    await knowledge.is_due(document_id)
    await knowledge.work()

    assert (await knowledge.document(document_id)).status is DocumentStatus.INDEXED
    assert sum("GET /depois " in request for request in web.requests) == 1


async def test_a_name_given_while_it_was_processed_stays(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = await knowledge.submit_text(PARAGRAPH, title="Antes")
    extract = OriginalReader.extract

    async def renamed(reader: OriginalReader, original: Any) -> Any:
        async with knowledge.ingestion.database.transaction(
            make_actor().organization_id
        ) as session:
            await session.execute(sa.update(Document).values(title="Depois"))
        return await extract(reader, original)

    monkeypatch.setattr(OriginalReader, "extract", renamed)
    await knowledge.work()

    assert (await knowledge.document(document_id)).title == "Depois"
