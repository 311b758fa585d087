"""Searching."""

from ai_svc.searching import embedded, searched
from ai_svc.workshop import Workshop
from knowledge.search import Passage, SearchQuery, search
from shared_schemas.ids import OrganizationId


async def find_passages(
    workshop: Workshop, organization_id: OrganizationId, query: SearchQuery
) -> list[Passage]:
    """The passages a search finds."""
    embedding = await embedded(workshop.embedder, query.text)
    async with workshop.database.transaction(organization_id, read_only=True) as session:
        passages = await search(
            session, organization_id, query, statistics=workshop.statistics, embedding=embedding
        )
    searched("search", passages)
    return passages
