"""Taking the words of deleted chunks out of a snapshot that is not stale enough to be rebuilt.

A vocabulary is readable: what only a deleted document said must not stand in it until a twentieth
of the collection has changed.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from chassis.data.database import Database
from knowledge.lexical.analyzer import stem_term
from knowledge.lexical.frequencies import Counted, find_frequencies
from knowledge.lexical.models import LexicalStatistics
from knowledge.lexical.statistics import wait_for_rebuild
from shared_schemas.ids import OrganizationId

_STORED: Final = "<i4"


async def forget(database: Database, organization_id: OrganizationId, gone: Counted) -> bool:
    """The snapshot without the stems that were in `gone` only, whose deletion is committed: of two
    deletions at once the later one sees that nobody else has them. Returns whether it changed.

    Exact for stems. 4-grams are numbers nobody can read: they go with their last chunk where the
    snapshot has counted all chunks, and with the next rebuild where it was a sample.
    """
    row = LexicalStatistics
    mine = row.organization_id == organization_id
    async with database.transaction(organization_id) as session:
        await wait_for_rebuild(session, organization_id)
        found = await session.execute(sa.select(row.terms, row.frequencies, row.stems).where(mine))
        known = found.one_or_none()
        if known is None:
            return False
        alive = await find_frequencies(session, sorted(gone.stems))
        fresh = await asyncio.to_thread(_without, known, gone, alive.keys())
        if fresh is None:
            return False
        await session.execute(
            sa.update(row)
            .where(mine)
            .values(**fresh, generation=row.generation + 1)
            .execution_options(synchronize_session=False)
        )
    return True


def _without(known: Any, gone: Counted, alive: Iterable[str]) -> dict[str, Any] | None:
    """What is to be written; None when nothing changes. Meant for a thread."""
    terms = np.frombuffer(known.terms, _STORED)
    before = np.frombuffer(known.frequencies, _STORED)
    living = set(alive)
    lost = gone.stems - living
    counts = before.copy()
    places, there = _places(terms, gone.terms)
    counts[places] -= gone.frequencies[there].astype(counts.dtype)
    places, _ = _places(terms, _hashed(living))
    counts[places] = np.maximum(counts[places], 1)
    places, _ = _places(terms, _hashed(lost))
    counts[places] = 0
    if np.array_equal(counts, before):
        return None
    kept = counts > 0
    return {
        "terms": terms[kept].tobytes(),
        "frequencies": counts[kept].tobytes(),
        "stems": " ".join(stem for stem in known.stems.split() if stem not in lost),
    }


def _hashed(stems: Iterable[str]) -> NDArray[np.int32]:
    return np.array(sorted({stem_term(stem) for stem in stems}), dtype=np.int32)


def _places(
    terms: NDArray[np.int32], wanted: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where those of the wanted terms stand that there are, and which those are."""
    if not len(terms):
        return np.zeros(0, np.int64), np.zeros(len(wanted), np.bool_)
    places = np.minimum(np.searchsorted(terms, wanted), len(terms) - 1)
    there: NDArray[np.bool_] = terms[places] == wanted
    return places[there], there
