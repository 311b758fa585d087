"""What the product's ranking is compared with, over the same rows in the same run.

Each is given as good a chance as it can have: full-text search knows the language of the set, the
vectors are weighted by the organization's own statistics.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

import asyncpg
from pgvector import HalfVector

from evals.system import Collection, System
from knowledge.embedders.local import LocalEmbedder
from knowledge.lexical import detect_language
from knowledge.lexical.statistics import Statistics
from knowledge.lexical.statistics_cache import StatisticsCache
from knowledge.models import Language
from shared_schemas.ids import OrganizationId


class Found(NamedTuple):
    """A passage, and the entry of the corpus it is of."""

    entry: str
    content: str


Ranker = Callable[[str], Awaitable[list[Found]]]
"""From a question to passages, best first."""

PRODUCT: Final = "cogep"
ALL_TERMS: Final = "ts_rank_cd, all terms"
ANY_TERM: Final = "ts_rank_cd, any term"
DENSE: Final = "dense alone"
RRF: Final = "RRF(cogep, dense)"

PASSAGES: Final = 30
"""Asked for, since several may be of one document; the first of each counts."""
_RRF_CONSTANT: Final = 60
_CONFIGURATION: Final = {Language.PORTUGUESE: "portuguese", Language.ENGLISH: "english"}

_WORDS: Final = """
CREATE TEMP TABLE words AS
SELECT c.document_id, c.content, to_tsvector($1::regconfig, d.title || ' ' || c.content) AS words
FROM ai.chunks c JOIN ai.documents d ON d.id = c.document_id
WHERE c.organization_id = $2
"""
_RANKED: Final = """
SELECT document_id, content FROM words, {query} AS query WHERE words @@ query
ORDER BY ts_rank_cd(words, query) DESC LIMIT $3
"""
_ALL: Final = "plainto_tsquery($1::regconfig, $2)"
_ANY: Final = "CAST(replace(plainto_tsquery($1::regconfig, $2)::text, '&', '|') AS tsquery)"
_NEAREST: Final = """
SELECT document_id, content FROM ai.chunks WHERE organization_id = $1
ORDER BY embedding <=> $2::text::halfvec LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class _Baselines:
    connection: asyncpg.Connection
    collection: Collection
    statistics: Statistics
    configuration: str

    async def all_terms(self, question: str) -> list[Found]:
        return await self._full_text(_ALL, question)

    async def any_term(self, question: str) -> list[Found]:
        return await self._full_text(_ANY, question)

    async def dense(self, question: str) -> list[Found]:
        vector = await LocalEmbedder().embed_query(question, idf=self.statistics.idf)
        rows = await self.connection.fetch(
            _NEAREST, self.collection.organization_id, HalfVector(vector).to_text(), PASSAGES
        )
        return self._entries(rows)

    async def rrf(self, question: str) -> list[Found]:
        """Reciprocal rank fusion (Cormack et al., 2009)."""
        scores: dict[Found, float] = {}
        for ranked in (await product(self.collection)(question), await self.dense(question)):
            for place, found in enumerate(ranked, start=1):
                scores[found] = scores.get(found, 0.0) + 1 / (_RRF_CONSTANT + place)
        return sorted(scores, key=lambda found: -scores[found])

    async def _full_text(self, query: str, question: str) -> list[Found]:
        statement = _RANKED.format(query=query)
        rows = await self.connection.fetch(statement, self.configuration, question, PASSAGES)
        return self._entries(rows)

    def _entries(self, rows: Sequence[asyncpg.Record]) -> list[Found]:
        entry_of = self.collection.entry_of
        return [Found(entry_of[str(row["document_id"])], row["content"]) for row in rows]


def product(collection: Collection) -> Ranker:
    """The product's own ranking, over HTTP."""

    async def ranked(question: str) -> list[Found]:
        passages = await collection.search(question, PASSAGES)
        entry_of = collection.entry_of
        return [Found(entry_of[each["document_id"]], each["content"]) for each in passages]

    return ranked


@asynccontextmanager
async def rankers(
    system: System, collection: Collection, questions: Sequence[str]
) -> AsyncIterator[Mapping[str, Ranker]]:
    """The product and its baselines over one collection, by name."""
    portuguese = sum(detect_language(text) is Language.PORTUGUESE for text in questions)
    language = Language.PORTUGUESE if 2 * portuguese > len(questions) else Language.ENGLISH
    organization_id = OrganizationId(collection.organization_id)
    database = system.ingestion.database
    async with database.transaction(organization_id, read_only=True) as session:
        statistics = await StatisticsCache().read(session, organization_id)
    connection = await asyncpg.connect(system.database_url)
    try:
        configuration = _CONFIGURATION[language]
        await connection.execute(
            "SELECT set_config('search_path', 'public, ai', false)",
        )
        await connection.execute("DROP TABLE IF EXISTS words")
        await connection.fetch(_WORDS, configuration, organization_id)
        await connection.execute("CREATE INDEX ON words USING gin (words); ANALYZE words")
        ways = _Baselines(connection, collection, statistics, configuration)
        yield {
            PRODUCT: product(collection),
            ALL_TERMS: ways.all_terms,
            ANY_TERM: ways.any_term,
            DENSE: ways.dense,
            RRF: ways.rrf,
        }
    finally:
        await connection.close()
