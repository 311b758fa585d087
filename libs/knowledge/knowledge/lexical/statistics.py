"""How rare each term is in an organization: a snapshot of document frequencies, rebuilt when stale.

BM25 does not need them exact: with frequencies from half the documents nDCG@10 falls by .003 at
most. So indexing a document only counts that something changed, and a rebuild happens when a
quarter of the collection is new (about ten times while it grows tenfold), or a twentieth and
nothing more is on its way. 4-grams are counted in a sample of the chunks; stems in all of them,
since a rare one that a sample missed would look like a typing mistake.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.database import Database
from chassis.messaging.job_queue import FINISHED
from knowledge.lexical.analyzer import FIRST_GRAM, Terms, stem_term
from knowledge.lexical.frequencies import Counted, count_sample, count_stems
from knowledge.lexical.models import LexicalStatistics
from knowledge.lexical.vocabulary import Vocabulary
from knowledge.models import Chunk, IngestionJob
from shared_schemas.ids import OrganizationId

STALE_SHARE: Final = 4
"""Stale when more than one chunk in four was added or removed since the snapshot."""
QUIET_SHARE: Final = 20
"""Stale when it is one in twenty, and no document of the organization is being processed."""
SAMPLE: Final = 5_000
"""Chunks a snapshot is counted from; more are extrapolated."""
SMALLEST_COLLECTION: Final = 300
"""Among a handful of chunks "in one of three" says nothing about a word. Below this many, terms are
weighed as if there were so many, and a question's unknown words do not outweigh the known ones."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Document frequencies of one organization at one time. Immutable, shared between requests."""

    chunk_count: int
    terms: Terms
    frequencies: NDArray[np.int32]
    vocabulary: Vocabulary = field(default_factory=lambda: Vocabulary(()))

    def frequency(self, terms: Terms) -> NDArray[np.int64]:
        """In how many chunks each term occurs; 0 for an unknown one."""
        if not len(self.terms):
            return np.zeros(len(terms), dtype=np.int64)
        places = np.minimum(np.searchsorted(self.terms, terms), len(self.terms) - 1)
        known = self.terms[places] == terms
        return np.where(known, self.frequencies[places], 0).astype(np.int64)

    def idf(self, terms: Terms) -> NDArray[np.float64]:
        """`ln(1 + (n − df + .5)/(df + .5))`: never negative, largest for unknown terms."""
        df = self.frequency(terms)
        n = np.maximum(max(self.chunk_count, SMALLEST_COLLECTION), df)
        weights: NDArray[np.float64] = np.log(1 + (n - df + 0.5) / (df + 0.5))
        return weights

    def knowing(self, found: Mapping[str, int]) -> "Statistics":
        """The same with the frequencies of stems it did not know, which were looked up since."""
        if not found:
            return self
        new = {
            stem_term(stem): frequency
            for stem, frequency in found.items()
            if not self.frequency(np.array([stem_term(stem)], np.int32))[0]
        }
        terms = np.array(sorted(new), dtype=np.int32)
        counts = np.array([new[term] for term in sorted(new)], dtype=np.int32)
        places = np.searchsorted(self.terms, terms)
        return replace(
            self,
            terms=np.insert(self.terms, places, terms),
            frequencies=np.insert(self.frequencies, places, counts),
        )


async def refresh(database: Database, organization_id: OrganizationId, *, changed: int) -> bool:
    """Counts `changed` chunks (added or removed, already committed); rebuilds when that makes it
    stale. Returns whether it did. Losing a call costs nothing but freshness.
    """
    async with database.transaction(organization_id) as session:
        stale = await _note(session, organization_id, changed)
    return stale and await rebuild(database, organization_id)


async def rebuild(database: Database, organization_id: OrganizationId) -> bool:
    """Counts afresh. False when somebody else is at it."""
    async with database.transaction(organization_id) as session:
        if not await claim_rebuild(session, organization_id):
            return False
        mine = LexicalStatistics.organization_id == organization_id
        seen = await session.scalar(sa.select(LexicalStatistics.changed_chunks).where(mine)) or 0
        statistics, stems = await count(session, organization_id, sample=SAMPLE, all_stems=True)
        fresh = {
            "chunk_count": statistics.chunk_count,
            "terms": statistics.terms.astype("<i4").tobytes(),
            "frequencies": statistics.frequencies.astype("<i4").tobytes(),
            "stems": " ".join(stems),
        }
        await session.execute(
            insert(LexicalStatistics)
            .values(organization_id=organization_id, generation=1, changed_chunks=0, **fresh)
            .on_conflict_do_update(
                index_elements=[LexicalStatistics.organization_id],
                set_={
                    **fresh,
                    "generation": LexicalStatistics.generation + 1,
                    # What was counted meanwhile is not in this snapshot.
                    "changed_chunks": sa.func.greatest(LexicalStatistics.changed_chunks - seen, 0),
                    "updated_at": sa.func.now(),
                },
            )
        )
    return True


async def settle(database: Database, organization_id: OrganizationId) -> bool:
    """Rebuilds after however small a change, if nothing is on its way. Returns whether it did."""
    changed = sa.select(LexicalStatistics.changed_chunks).where(
        LexicalStatistics.organization_id == organization_id
    )
    async with database.transaction(organization_id) as session:
        due = bool(await session.scalar(changed)) and await _is_quiet(session, organization_id)
    return due and await rebuild(database, organization_id)


async def claim_rebuild(session: AsyncSession, organization_id: OrganizationId) -> bool:
    """Whether this transaction, until its end, is the one that rebuilds."""
    lock = sa.func.pg_try_advisory_xact_lock(_lock(organization_id))
    return bool(await session.scalar(sa.select(lock)))


async def wait_for_rebuild(session: AsyncSession, organization_id: OrganizationId) -> None:
    """Until none is under way; none begins before this transaction's end."""
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(_lock(organization_id))))


def _lock(organization_id: OrganizationId) -> sa.Function[int]:
    return sa.func.hashtextextended(f"lexical_statistics:{organization_id}", 0)


async def count(
    session: AsyncSession,
    organization_id: OrganizationId,
    *,
    sample: int,
    all_stems: bool = False,
) -> tuple[Statistics, list[str]]:
    """The statistics, and the stems, of the organization's chunks, extrapolated from `sample`.

    `all_stems`: those are counted in all chunks.
    """
    total = (
        await session.scalar(
            sa.select(sa.func.count())
            .select_from(Chunk)
            .where(Chunk.organization_id == organization_id)
        )
        or 0
    )
    counted = await count_sample(session, organization_id, share=min(1.0, sample / max(total, 1)))
    if all_stems and counted.chunks < total:
        stems = await count_stems(session, organization_id)
        return await asyncio.to_thread(_extrapolated, counted, total, stems)
    return await asyncio.to_thread(_extrapolated, counted, total, None)


def _extrapolated(
    counted: Counted, total: int, exact: Mapping[str, int] | None
) -> tuple[Statistics, list[str]]:
    """`exact` are the frequencies of all stems, where the sample has not all chunks.

    Sorts all stems, meant for a thread.
    """
    scale = total / counted.chunks if counted.chunks else 1.0
    terms = counted.terms
    frequencies = np.maximum(np.rint(counted.frequencies * scale), 1).astype(np.int64)
    stems = sorted(counted.stems if exact is None else exact)
    if exact is not None:
        terms, frequencies = _with_exact(terms, frequencies, exact)
    vocabulary = Vocabulary(stems)
    return Statistics(total, terms, frequencies.astype(np.int32), vocabulary), stems


def _with_exact(
    terms: Terms, frequencies: NDArray[np.int64], exact: Mapping[str, int]
) -> tuple[Terms, NDArray[np.int64]]:
    """The sampled 4-grams, after the counted stems: their numbers come first."""
    grams = terms >= FIRST_GRAM
    hashed = np.fromiter(map(stem_term, exact), np.int32, len(exact))
    stems, places = np.unique(hashed, return_inverse=True)
    counts = np.fromiter(exact.values(), np.float64, len(exact))
    # Two stems of one number are one term, as in the chunks' vectors.
    of_stems = np.bincount(places, weights=counts, minlength=len(stems)).astype(np.int64)
    return (
        np.concatenate([stems, terms[grams]]).astype(np.int32),
        np.concatenate([of_stems, frequencies[grams]]),
    )


async def _note(session: AsyncSession, organization_id: OrganizationId, changed: int) -> bool:
    """Whether the snapshot has become stale."""
    noted = await session.execute(
        insert(LexicalStatistics)
        .values(
            organization_id=organization_id,
            generation=0,
            chunk_count=0,
            changed_chunks=changed,
            terms=b"",
            frequencies=b"",
            stems="",
        )
        .on_conflict_do_update(
            index_elements=[LexicalStatistics.organization_id],
            set_={"changed_chunks": LexicalStatistics.changed_chunks + changed},
        )
        .returning(LexicalStatistics.chunk_count, LexicalStatistics.changed_chunks)
    )
    chunk_count, changed_chunks = noted.one()
    if changed_chunks * STALE_SHARE > chunk_count:
        return True
    return changed_chunks * QUIET_SHARE > chunk_count and await _is_quiet(session, organization_id)


async def _is_quiet(session: AsyncSession, organization_id: OrganizationId) -> bool:
    """Whether no document waits or is being processed: a batch is settled by its last one."""
    jobs = IngestionJob.__table__.c
    unfinished = sa.exists().where(
        jobs.organization_id == organization_id, jobs.state.not_in(FINISHED)
    )
    return not await session.scalar(sa.select(unfinished))
