"""Statistics kept in the process: read from the database once per generation, not per question."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import numpy as np
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge.lexical.models import LexicalStatistics
from knowledge.lexical.statistics import Statistics, count
from knowledge.lexical.vocabulary import Vocabulary
from shared_schemas.ids import OrganizationId

FIRST_QUESTIONS: Final = 200
"""Chunks looked at when an organization has documents but no snapshot yet."""
_BYTES_PER_TERM: Final = 8
_BYTES_PER_STEM: Final = 80


@dataclass(frozen=True, slots=True)
class _Entry:
    generation: int
    statistics: Statistics
    size: int


class StatisticsCache:
    """Least recently used organizations leave when `most_bytes` (about) are exceeded."""

    def __init__(self, most_bytes: int = 64 * 1024 * 1024) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._entries: OrderedDict[OrganizationId, _Entry] = OrderedDict()

    async def read(self, session: AsyncSession, organization_id: OrganizationId) -> Statistics:
        """The organization's current snapshot."""
        generation = await session.scalar(sa.select(generation_of(organization_id)))
        return await self.of_generation(session, organization_id, generation)

    async def of_generation(
        self, session: AsyncSession, organization_id: OrganizationId, generation: int | None
    ) -> Statistics:
        """The same for who has asked for `generation_of` in this transaction."""
        if not generation:
            return (await count(session, organization_id, sample=FIRST_QUESTIONS))[0]
        entry = self._entries.get(organization_id)
        if entry is None or entry.generation != generation:
            entry = await _load(session, organization_id)
            self._keep(organization_id, entry)
        self._entries.move_to_end(organization_id)
        return entry.statistics

    def _keep(self, organization_id: OrganizationId, entry: _Entry) -> None:
        replaced = self._entries.pop(organization_id, None)
        self._bytes += entry.size - (replaced.size if replaced else 0)
        self._entries[organization_id] = entry
        while self._bytes > self._most_bytes and len(self._entries) > 1:
            _, dropped = self._entries.popitem(last=False)
            self._bytes -= dropped.size


def generation_of(organization_id: OrganizationId | sa.BindParameter[UUID]) -> sa.ScalarSelect[int]:
    """Of the current snapshot, null when there is none; as a column of any statement."""
    return sa.select(LexicalStatistics.generation).where(_of(organization_id)).scalar_subquery()


async def _load(session: AsyncSession, organization_id: OrganizationId) -> _Entry:
    row = (
        await session.execute(
            sa.select(
                LexicalStatistics.generation,
                LexicalStatistics.chunk_count,
                LexicalStatistics.terms,
                LexicalStatistics.frequencies,
                LexicalStatistics.stems,
            ).where(_of(organization_id))
        )
    ).one()
    stems = row.stems.split()
    statistics = Statistics(
        chunk_count=row.chunk_count,
        terms=np.frombuffer(row.terms, dtype="<i4"),
        frequencies=np.frombuffer(row.frequencies, dtype="<i4"),
        vocabulary=Vocabulary(stems),
    )
    size = len(statistics.terms) * _BYTES_PER_TERM + len(stems) * _BYTES_PER_STEM
    return _Entry(row.generation, statistics, size)


def _of(organization_id: OrganizationId | sa.BindParameter[UUID]) -> sa.ColumnElement[bool]:
    return LexicalStatistics.organization_id == organization_id
