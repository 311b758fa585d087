"""Keeping the word statistics fresh beside the indexing: one at a time, many documents at once."""

import asyncio
import contextlib
from collections import Counter
from typing import Final

import structlog

from chassis.data.database import Database
from chassis.messaging.endurance import describe
from knowledge.lexical import statistics
from shared_schemas.ids import OrganizationId

_log = structlog.get_logger(__name__)

_GATHER_SECONDS: Final = 0.2
"""Between two counts, while documents come one after the other."""


class WordCounts:
    """Counts changed chunks per organization. What arrives during a refresh shares the next one.

    Losing a count costs freshness only, so nothing here fails a document.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changed: Counter[OrganizationId] = Counter()
        self._refreshing: asyncio.Task[None] | None = None
        self._awaited = asyncio.Event()

    def changed(self, organization_id: OrganizationId, chunks: int) -> None:
        """So many chunks were added or removed, and committed."""
        self._changed[organization_id] += chunks
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh())

    async def settled(self) -> None:
        """Returns when everything counted so far is in the statistics."""
        self._awaited.set()
        try:
            if self._refreshing is not None:
                await asyncio.shield(self._refreshing)
        finally:
            self._awaited.clear()

    async def _refresh(self) -> None:
        while self._changed:
            changed, self._changed = self._changed, Counter()
            for organization_id, chunks in changed.items():
                await self._count(organization_id, chunks)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GATHER_SECONDS):
                    await self._awaited.wait()

    async def _count(self, organization_id: OrganizationId, chunks: int) -> None:
        try:
            await statistics.refresh(self._database, organization_id, changed=chunks)
        except Exception as error:  # noqa: BLE001 - the next document counts again
            _log.warning("word_counts_not_refreshed", error=describe(error))
