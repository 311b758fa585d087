"""What the product's ranking is compared with, over the same rows in the same run.

Each is given as good a chance as it can have: full-text search knows the language of the set, the
vectors are weighted by the organization's own statistics.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import asyncpg
from pgvector import HalfVector

from evals.system import Collection, System
from knowledge.embedders.local import LocalEmbedder
from knowledge.lexical import detect_language
from knowledge.lexical.statistics import Statistics
from knowledge.lexical.statistics_cache import StatisticsCache
from knowledge.models import Language
from shared_schemas.ids import OrganizationId

Ranker = Callable[[str], Awaitable[list[str]]]
"""From a question to corpus ids, best first."""

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
SELECT c.document_id, to_tsvector($1::regconfig, d.title || ' ' || c.content) AS words
FROM ai.chunks c JOIN ai.documents d ON d.id = c.document_id
WHERE c.organization_id = $2
"""
_RANKED: Final = """
SELECT document_id FROM words, {query} AS query WHERE words @@ query
ORDER BY ts_rank_cd(words, query) DESC LIMIT $3
"""
_ALL: Final = "plainto_tsquery($1::regconfig, $2)"
_ANY: Final = "CAST(replace(plainto_tsquery($1::regconfig, $2)::text, '&', '|') AS tsquery)"
_NEAREST: Final = """
SELECT document_id FROM ai.chunks WHERE organization_id = $1
ORDER BY embedding <=> $2::text::halfvec LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class _Baselines:
    connection: asyncpg.Connection
    collection: Collection
    statistics: Statistics
    configuration: str

    async def all_terms(self, question: str) -> list[str]:
        return await self._full_text(_ALL, question)

    async def any_term(self, question: str) -> list[str]:
        return await self._full_text(_ANY, question)

    async def dense(self, question: str) -> list[str]:
        vector = await LocalEmbedder().embed_query(question, idf=self.statistics.idf)
        rows = await self.connection.fetch(
            _NEAREST, self.collection.organization_id, HalfVector(vector).to_text(), PASSAGES
        )
        return self._entries(rows)

    async def rrf(self, question: str) -> list[str]:
        """Reciprocal rank fusion (Cormack et al., 2009)."""
        scores: dict[str, float] = {}
        for ranked in (await product(self.collection)(question), await self.dense(question)):
            for place, entry in enumerate(ranked, start=1):
                scores[entry] = scores.get(entry, 0.0) + 1 / (_RRF_CONSTANT + place)
        return sorted(scores, key=lambda entry: -scores[entry])

    async def _full_text(self, query: str, question: str) -> list[str]:
        statement = _RANKED.format(query=query)
        rows = await self.connection.fetch(statement, self.configuration, question, PASSAGES)
        return self._entries(rows)

    def _entries(self, rows: Sequence[asyncpg.Record]) -> list[str]:
        return _entries(self.collection, [str(row["document_id"]) for row in rows])


def product(collection: Collection) -> Ranker:
    """The product's own ranking, over HTTP."""

    async def ranked(question: str) -> list[str]:
        passages = await collection.search(question, PASSAGES)
        return _entries(collection, [passage["document_id"] for passage in passages])

    return ranked


def _entries(collection: Collection, document_ids: Sequence[str]) -> list[str]:
    return [collection.entry_of[each] for each in dict.fromkeys(document_ids)]


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
