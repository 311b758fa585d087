"""Plans that stay quick when PostgreSQL keeps them for every organization, small or large."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from knowledge_factories import Knowledge, make_actor
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.database import Database
from knowledge.lexical.statistics_cache import StatisticsCache
from knowledge.search import Searcher, SearchQuery, candidates, legs

pytestmark = pytest.mark.committed

Asked = tuple[str, Sequence[Any]]
OWN_PLAN = "plan_cache_mode"


@contextmanager
def noting(database: Database) -> Iterator[list[Asked]]:
    """What is asked meanwhile, with its parameters."""
    asked: list[Asked] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        settings = [each for each in parameters if each == OWN_PLAN]
        asked.append((OWN_PLAN if settings else statement, parameters))

    engine = database.engines[0].sync_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    yield asked
    sa.event.remove(engine, "before_cursor_execute", note)


async def search(knowledge: Knowledge) -> list[Asked]:
    """The statements of a search by words in a large organization."""
    await knowledge.submit_text("Férias do servidor.")
    await knowledge.work()
    database = knowledge.ingestion.database
    searcher = Searcher(
        database=database, statistics=StatisticsCache(), embedder=knowledge.ingestion.embedder
    )
    with noting(database) as asked:
        await searcher.find(make_actor(), SearchQuery("férias do servidor"))
    return asked


async def kept_plan(session: AsyncSession, statement: str, parameters: Sequence[Any]) -> str:
    """The plan for any parameters."""
    await session.execute(sa.text("SET LOCAL plan_cache_mode = force_generic_plan"))
    await session.execute(sa.text("SET LOCAL enable_seqscan = off"))
    connection = await (await session.connection()).get_raw_connection()
    driver: Any = connection.driver_connection
    await driver.execute(f"PREPARE kept AS {statement}")
    nothing = ", ".join(["NULL"] * len(parameters))
    rows = await driver.fetch(f"EXPLAIN EXECUTE kept({nothing})")
    await driver.execute("DEALLOCATE kept")
    return "\n".join(row[0] for row in rows)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every organization counts as large."""
    monkeypatch.setattr(legs, "EXACT_UP_TO", 0)
    monkeypatch.setattr(legs, "FEWEST", 1)


@pytest.mark.parametrize(
    ("asks", "index"),
    [
        (lambda statement: "has_own" in statement, "ix_documents_restricted"),
        (lambda statement: "scored_chunks" in statement, "ix_documents_not_for_all"),
    ],
    ids=["facts of the reader", "few candidates"],
)
async def test_documents_that_are_not_for_everybody_are_found_by_their_index(
    knowledge: Knowledge, large: None, asks: Callable[[str], bool], index: str
) -> None:
    asked = await search(knowledge)
    (one,) = [each for each in asked if asks(each[0])]

    async with knowledge.ingestion.database.transaction(
        make_actor().organization_id, read_only=True
    ) as session:
        plan = await kept_plan(session, *one)

    assert index in plan


async def test_candidates_of_frequent_words_are_planned_for_the_organization(
    knowledge: Knowledge, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "TOO_MANY", 0)

    statements = [statement for statement, _ in await search(knowledge)]

    (place,) = [at for at, each in enumerate(statements) if "candidate_chunks" in each]
    assert statements[place - 1] == OWN_PLAN
