"""What the pipeline reads and writes of people's edits, in the statements it makes anyway."""

from collections.abc import Sequence
from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging.job_queue import ClaimedJob
from knowledge.chunk_edit_tables import ChunkEdit, EditKind
from knowledge.chunk_edits import Edit
from knowledge.job_parameters import DOCUMENT, TENANT
from knowledge.preparation import PreparedDocument

_EDITS: Final = cast("sa.Table", ChunkEdit.__table__)
_columns = _EDITS.c


class EditsChanged(Exception):
    """People edited while the document was processed; these are the edits now."""

    def __init__(self, edits: tuple[Edit, ...]) -> None:
        super().__init__("the edits of the document changed")
        self.edits = edits


def standing_edits() -> sa.ScalarSelect[Any]:
    """A column: the edits of the job's document, in the order they were made."""
    one = sa.func.json_build_array(
        _columns.id,
        _columns.kind,
        _columns.original,
        _columns.replacement,
        _columns.char_start,
    )
    return (
        sa.select(sa.func.json_agg(aggregate_order_by(one, _columns.id)))
        .where(
            _columns.organization_id == TENANT,
            _columns.document_id == DOCUMENT,
            _columns.undone_at.is_(None),
        )
        .scalar_subquery()
    )


def read_edits(rows: Sequence[Sequence[Any]] | None) -> tuple[Edit, ...]:
    """From `standing_edits`."""
    return tuple(
        Edit(UUID(edit_id), EditKind(kind), original, replacement, char_start)
        for edit_id, kind, original, replacement, char_start in rows or ()
    )


async def settle_edits(
    session: AsyncSession, job: ClaimedJob, prepared: PreparedDocument, now: tuple[Edit, ...]
) -> None:
    """Notes which edits the version was made with. Raises EditsChanged when those are not `now`."""
    if now != prepared.edits:
        raise EditsChanged(now)
    if prepared.found:
        await session.execute(
            sa.update(_EDITS)
            .where(
                _columns.organization_id == job.organization_id,
                _columns.id.in_(prepared.found),
            )
            .values(found_in=job.payload["version_number"])
        )
