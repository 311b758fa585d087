"""Keeping the word statistics fresh beside the indexing: one at a time, many documents at once."""

import asyncio
from collections import Counter

import structlog

from chassis.data.database import Database
from chassis.messaging.endurance import describe
from knowledge.lexical import statistics
from shared_schemas.ids import OrganizationId

_log = structlog.get_logger(__name__)


class WordCounts:
    """Counts changed chunks per organization. What arrives during a refresh shares the next one.

    Losing a count costs freshness only, so nothing here fails a document.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changed: Counter[OrganizationId] = Counter()
        self._refreshing: asyncio.Task[None] | None = None

    def changed(self, organization_id: OrganizationId, chunks: int) -> None:
        """So many chunks were added or removed, and committed."""
        self._changed[organization_id] += chunks
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh())

    async def settled(self) -> None:
        """Returns when everything counted so far is in the statistics."""
        if self._refreshing is not None:
            await asyncio.shield(self._refreshing)

    async def _refresh(self) -> None:
        while self._changed:
            organization_id, chunks = self._changed.popitem()
            try:
                await statistics.refresh(self._database, organization_id, changed=chunks)
            except Exception as error:  # noqa: BLE001 - the next document counts again
                _log.warning("word_counts_not_refreshed", error=describe(error))
