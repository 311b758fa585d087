"""Whether all that is derived from the documents is there, once, and of today. Faults: zero."""

from dataclasses import asdict, dataclass, fields
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.database import Database
from knowledge.metrics import INDEX_FAULTS
from knowledge.organizations import knowledge_organizations
from knowledge.transfers import KEPT_HERE
from shared_schemas.ids import OrganizationId


@dataclass(frozen=True, slots=True)
class IndexHealth:
    """What there is of one organization or of all, and what is wrong with it."""

    documents: int = 0
    """That can be searched."""
    chunks: int = 0
    orphaned_chunks: int = 0
    """Of a version that is not the document's current one."""
    incomplete_documents: int = 0
    """With more or fewer chunks than their version was cut into."""
    missing_vectors: int = 0
    """Chunks with words, but a vector of length zero or an empty lexical one."""
    stale_models: int = 0
    """Chunks embedded by another model than today's: not zero while re-embedding. Those that must
    not be sent to it are as they should be."""
    forgotten_documents: int = 0
    """Waiting or being processed, without a job that would end it."""

    def __add__(self, other: "IndexHealth") -> "IndexHealth":
        return IndexHealth(
            **{
                each.name: getattr(self, each.name) + getattr(other, each.name)
                for each in fields(self)
            }
        )

    @property
    def faults(self) -> dict[str, int]:
        """By kind, zeros included."""
        counts = asdict(self)
        return {kind: counts[kind] for kind in FAULTS}


FAULTS: Final = (
    "orphaned_chunks",
    "incomplete_documents",
    "missing_vectors",
    "stale_models",
    "forgotten_documents",
)

_COUNT: Final = sa.text("""
WITH chunk AS (
  SELECT c.document_id, c.version_number, c.embedding_model NOT IN (:model, :kept_here) AS stale,
         c.content ~ '[[:alnum:]]' AND (l2_norm(c.embedding) = 0 OR l2_norm(c.lexv) = 0) AS blind
  FROM ai.chunks c WHERE c.organization_id = :organization_id
), counted AS (
  SELECT document_id, version_number, count(*) AS chunks,
         count(*) FILTER (WHERE stale) AS stale, count(*) FILTER (WHERE blind) AS blind
  FROM chunk GROUP BY document_id, version_number
), current AS (
  SELECT d.id, v.number, v.chunk_count
  FROM ai.documents d
  JOIN ai.document_versions v ON v.organization_id = d.organization_id
   AND v.document_id = d.id AND v.number = d.current_version
  WHERE d.organization_id = :organization_id
), matched AS (
  SELECT current.id, current.chunk_count, counted.*
  FROM current FULL JOIN counted
    ON counted.document_id = current.id AND counted.version_number = current.number
)
SELECT
  count(id) AS documents,
  coalesce(sum(chunks), 0)::bigint AS chunks,
  coalesce(sum(chunks) FILTER (WHERE id IS NULL), 0)::bigint AS orphaned_chunks,
  count(*) FILTER (WHERE id IS NOT NULL AND chunk_count <> coalesce(chunks, 0))
    AS incomplete_documents,
  coalesce(sum(blind), 0)::bigint AS missing_vectors,
  coalesce(sum(stale), 0)::bigint AS stale_models,
  (SELECT count(*) FROM ai.documents d
   WHERE d.organization_id = :organization_id AND d.status IN ('pending', 'processing')
     AND NOT EXISTS (SELECT 1 FROM ai.ingestion_queue j
                     WHERE j.organization_id = d.organization_id AND j.document_id = d.id
                       AND j.state IN ('pending', 'processing'))) AS forgotten_documents
FROM matched
""")


async def check(session: AsyncSession, organization_id: OrganizationId, model: str) -> IndexHealth:
    """One organization's. Reads every vector: a second per 100,000 chunks."""
    row = (
        await session.execute(
            _COUNT,
            {"organization_id": organization_id, "model": model, "kept_here": KEPT_HERE},
        )
    ).one()
    return IndexHealth(**row._asdict())


async def check_all(database: Database, model: str) -> IndexHealth:
    """Every organization's together, each in a transaction of its own; shown as a metric."""
    found = IndexHealth()
    for each in await knowledge_organizations(database):
        async with database.transaction(each.organization_id, read_only=True) as session:
            found += await check(session, each.organization_id, model)
    for kind, count in found.faults.items():
        INDEX_FAULTS.labels(kind).set(count)
    return found
