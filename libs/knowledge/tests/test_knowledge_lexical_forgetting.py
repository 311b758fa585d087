"""Words of deleted documents leave the snapshot at once, however many others it counts."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from knowledge_factories import Knowledge, make_actor
from sqlalchemy.orm import undefer

from knowledge import deletion
from knowledge.lexical import analyze, statistics
from knowledge.lexical.models import LexicalStatistics
from knowledge.lexical.statistics import Statistics
from knowledge.lexical.statistics_cache import StatisticsCache
from knowledge.models import Document, Language

pytestmark = pytest.mark.committed

TENANT = make_actor().organization_id
OTHERS = 60
"""So many that one document more or less makes no snapshot stale."""


async def collection(knowledge: Knowledge, *texts: str) -> list[UUID]:
    """Those texts among many others, all of them counted; their documents."""
    for number in range(OTHERS):
        await knowledge.submit_text(f"Aviso {number} do refeitório.")
    documents = [await knowledge.submit_text(text) for text in texts]
    await knowledge.work()
    await statistics.rebuild(knowledge.ingestion.database, TENANT)
    return documents


async def delete(knowledge: Knowledge, document_id: UUID) -> deletion.Deleted:
    """The rows only."""
    async with knowledge.ingestion.database.transaction(TENANT) as session:
        return await deletion.delete(session, await session.get_one(Document, document_id))


async def clear(knowledge: Knowledge, deleted: deletion.Deleted) -> None:
    ingestion = knowledge.ingestion
    await deletion.clear_traces(ingestion.database, ingestion.storage, deleted)


async def snapshot(knowledge: Knowledge) -> tuple[Statistics, set[str]]:
    """As searches read it, and the words in it."""
    async with knowledge.ingestion.database.transaction(TENANT, read_only=True) as session:
        row = await session.scalar(
            sa.select(LexicalStatistics).options(undefer(LexicalStatistics.stems))
        )
        assert row is not None
        return await StatisticsCache().read(session, TENANT), set(row.stems.split())


def df(known: Statistics, word: str) -> list[int]:
    """Of the word's stem, and of its 4-grams."""
    terms = analyze(word, Language.PORTUGUESE)
    return [
        int(count)
        for each in (terms.stem_terms, terms.gram_terms)
        for count in known.frequency(each)
    ]


async def test_what_only_a_deleted_document_said_is_known_no_more(knowledge: Knowledge) -> None:
    gone, _ = await collection(knowledge, "O xilindró zumbiu.", "O refeitório zumbiu também.")
    before, words = await snapshot(knowledge)
    assert "xilindr" in words
    assert min(df(before, "xilindró")) > 0

    await clear(knowledge, await delete(knowledge, gone))

    after, words = await snapshot(knowledge)
    assert "xilindr" not in words
    assert max(df(after, "xilindró")) == 0
    assert "zumb" in words
    assert [df(before, "zumbiu")[0], df(after, "zumbiu")[0]] == [2, 1]
    assert df(after, "refeitório") == df(before, "refeitório")


async def test_of_two_deletions_at_once_the_later_takes_the_word_along(
    knowledge: Knowledge,
) -> None:
    one, other = await collection(knowledge, "O xilindró fecha.", "O xilindró abre.")

    first, second = await delete(knowledge, one), await delete(knowledge, other)
    await asyncio.gather(clear(knowledge, first), clear(knowledge, second))

    known, words = await snapshot(knowledge)
    assert "xilindr" not in words
    assert max(df(known, "xilindró")) == 0


async def test_a_count_that_began_before_the_deletion_is_waited_for(knowledge: Knowledge) -> None:
    (gone,) = await collection(knowledge, "O xilindró zumbiu.")
    deleted = await delete(knowledge, gone)
    async with knowledge.ingestion.database.transaction(TENANT) as session:
        assert await statistics.claim_rebuild(session, TENANT)
        clearing = asyncio.create_task(clear(knowledge, deleted))
        async with asyncio.timeout(10):
            while not await session.scalar(
                sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            ):
                assert not clearing.done()
        assert "xilindr" in (await snapshot(knowledge))[1]

    await clearing

    assert "xilindr" not in (await snapshot(knowledge))[1]


async def test_what_an_interrupted_deletion_left_is_found_by_upkeep(knowledge: Knowledge) -> None:
    (gone,) = await collection(knowledge, "O xilindró zumbiu.")
    database, minute = knowledge.ingestion.database, timedelta(minutes=1)
    assert await deletion.settle_words(database, most=minute) == 0
    deleted = await delete(knowledge, gone)
    await statistics.refresh(database, TENANT, changed=deleted.chunk_count)
    assert "xilindr" in (await snapshot(knowledge))[1]

    assert await deletion.settle_words(database, most=-minute) == 0
    assert await deletion.settle_words(database, most=minute) == 1

    assert "xilindr" not in (await snapshot(knowledge))[1]
    assert await deletion.settle_words(database, most=minute) == 0
