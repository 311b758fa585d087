"""The snapshot of document frequencies: rebuilt when stale, per organization, from a sample."""

import threading
from typing import Any

import numpy as np
import pytest
from knowledge_factories import Knowledge, make_actor

from knowledge.lexical import analyze
from knowledge.lexical import statistics as module
from knowledge.lexical.analyzer import stem_term
from knowledge.lexical.statistics import Statistics, count, rebuild, refresh
from knowledge.lexical.statistics_cache import StatisticsCache
from knowledge.models import Language

pytestmark = pytest.mark.committed


async def read(knowledge: Knowledge, cache: StatisticsCache, person: str = "ana") -> Statistics:
    organization_id = make_actor(person).organization_id
    async with knowledge.ingestion.database.transaction(organization_id, read_only=True) as tx:
        return await cache.read(tx, organization_id)


def df(statistics: Statistics, word: str) -> int:
    return int(statistics.frequency(analyze(word, Language.PORTUGUESE).stem_terms)[0])


async def index(knowledge: Knowledge, *texts: str, person: str = "ana") -> None:
    for text in texts:
        await knowledge.submit_text(text, person=person)
    await knowledge.work()


async def test_frequencies_count_chunks_not_occurrences(knowledge: Knowledge) -> None:
    await index(knowledge, "férias férias férias", "férias do servidor", "refeitório")

    statistics = await read(knowledge, StatisticsCache())

    assert statistics.chunk_count == 3
    assert df(statistics, "férias") == 2
    assert df(statistics, "refeitório") == 1
    assert df(statistics, "xerife") == 0


async def test_statistics_are_those_of_ones_own_organization(knowledge: Knowledge) -> None:
    await index(knowledge, "férias", person="ana")
    await index(knowledge, "férias", "refeitório", person="beto")
    cache = StatisticsCache()

    ana, beto = await read(knowledge, cache), await read(knowledge, cache, "beto")

    assert (ana.chunk_count, df(ana, "refeitório")) == (1, 0)
    assert (beto.chunk_count, df(beto, "férias")) == (2, 1)


async def test_snapshot_is_rebuilt_after_a_quarter_while_documents_arrive(
    knowledge: Knowledge,
) -> None:
    database, organization_id = knowledge.ingestion.database, make_actor().organization_id
    await index(knowledge, *[f"texto {number}" for number in range(8)])
    await rebuild(database, organization_id)
    await knowledge.submit_text("outro, que espera")

    rebuilt = [await refresh(database, organization_id, changed=1) for _ in range(3)]

    assert rebuilt == [False, False, True]


async def test_snapshot_is_rebuilt_after_a_twentieth_once_all_is_quiet(
    knowledge: Knowledge,
) -> None:
    database, organization_id = knowledge.ingestion.database, make_actor().organization_id
    await index(knowledge, *[f"texto {number}" for number in range(40)])
    await rebuild(database, organization_id)

    rebuilt = [await refresh(database, organization_id, changed=1) for _ in range(3)]

    assert rebuilt == [False, False, True]


async def test_cached_snapshot_is_replaced_after_a_rebuild(knowledge: Knowledge) -> None:
    cache = StatisticsCache()
    await index(knowledge, "férias")
    before = await read(knowledge, cache)
    same = await read(knowledge, cache)
    await index(knowledge, "refeitório")
    after = await read(knowledge, cache)

    assert same is before
    assert (df(before, "refeitório"), df(after, "refeitório")) == (0, 1)


async def test_cache_forgets_the_longest_unused_organization(knowledge: Knowledge) -> None:
    await index(knowledge, "férias", person="ana")
    await index(knowledge, "férias", person="beto")
    cache = StatisticsCache(most_bytes=1)

    first = await read(knowledge, cache)
    await read(knowledge, cache, "beto")

    assert await read(knowledge, cache) is not first


async def test_documents_without_a_snapshot_are_counted_on_the_spot(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object, **__: object) -> bool:
        return False

    monkeypatch.setattr(module, "refresh", never)
    await index(knowledge, "férias")

    assert df(await read(knowledge, StatisticsCache()), "férias") == 1


async def test_sample_is_extrapolated(knowledge: Knowledge) -> None:
    await index(knowledge, *[f"férias número {number}" for number in range(60)])
    organization_id = make_actor().organization_id

    async with knowledge.ingestion.database.transaction(organization_id) as tx:
        statistics, _ = await count(tx, organization_id, sample=30)

    assert statistics.chunk_count == 60
    assert df(statistics, "férias") == 60
    assert len(statistics.terms) == len(np.unique(statistics.terms))


async def test_stems_a_sample_missed_are_counted(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SAMPLE", 10)
    await index(knowledge, *[f"férias número {number} x{number}y" for number in range(60)])
    organization_id = make_actor().organization_id

    await rebuild(knowledge.ingestion.database, organization_id)
    async with knowledge.ingestion.database.transaction(organization_id) as tx:
        statistics = await StatisticsCache().read(tx, organization_id)

    assert [df(statistics, f"x{number}y") for number in range(60)] == [1] * 60
    assert df(statistics, "férias") == 60
    assert (np.diff(statistics.terms) > 0).all()
    assert statistics.vocabulary.nearest("nuemr") == ["numer"]


def test_stems_that_were_looked_up_are_known_from_then_on() -> None:
    known = stem_term("port")
    statistics = Statistics(9, np.array([known], np.int32), np.array([4], np.int32))

    richer = statistics.knowing({"fer": 2, "servidor": 1, "port": 9})

    assert [df(richer, word) for word in ("férias", "servidor", "nada")] == [2, 1, 0]
    assert richer.frequency(np.array([known], np.int32))[0] == 4
    assert (np.diff(richer.terms) > 0).all()
    assert statistics.knowing({}) is statistics


async def test_rebuild_while_another_is_at_it_does_nothing(knowledge: Knowledge) -> None:
    database, organization_id = knowledge.ingestion.database, make_actor().organization_id
    await index(knowledge, "férias")

    async with database.transaction(organization_id) as tx:
        await module.claim_rebuild(tx, organization_id)
        assert await rebuild(database, organization_id) is False

    assert await rebuild(database, organization_id) is True


async def test_counting_leaves_the_event_loop_to_others(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    await index(knowledge, "férias do servidor")
    counted_in: list[threading.Thread] = []
    unique = np.unique

    def watched(*args: Any, **kwargs: Any) -> Any:
        counted_in.append(threading.current_thread())
        return unique(*args, **kwargs)

    monkeypatch.setattr(np, "unique", watched)
    await rebuild(knowledge.ingestion.database, make_actor().organization_id)

    assert counted_in
    assert threading.current_thread() not in counted_in
