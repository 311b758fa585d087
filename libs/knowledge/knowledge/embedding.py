"""Vectors of a document's passages: by the embedder, or made here where they may not leave."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from chassis.data.database import Database
from knowledge.embedders.local import LocalEmbedder
from knowledge.embedders.port import Embedder, Vectors
from knowledge.transfers import documents_may_leave
from shared_schemas.ids import OrganizationId

_HERE: Final = LocalEmbedder()


class MustStayHere(Exception):
    """The document may not, or may no longer, be sent to the embedder."""


async def embed_passages(
    database: Database,
    embedder: Embedder,
    organization_id: OrganizationId,
    document_id: UUID,
    texts: Sequence[str],
) -> Vectors:
    """Asks before the passages leave. Raises MustStayHere, EmbeddingFailed."""
    if embedder.recipient is not None:
        async with database.transaction(organization_id, read_only=True) as session:
            may = await documents_may_leave(
                session, organization_id, [document_id], embedder.recipient
            )
        if not may:
            raise MustStayHere
    return await embedder.embed(texts)


async def embed_here(texts: Sequence[str]) -> Vectors:
    """Their model is called `KEPT_HERE`, which says why."""
    return await _HERE.embed(texts)
