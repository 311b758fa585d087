"""Whose turn it is to change a document: its changes first, then its jobs, then itself."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge.models import IngestionJob
from shared_schemas.ids import OrganizationId


async def lock_jobs(
    session: AsyncSession, organization_id: OrganizationId, document_id: UUID
) -> None:
    """Before the document's row is locked: the worker holds a job, and waits for the document.

    Who changes a document comes alone. Waiting for the jobs only, one would not see the job that
    came with the change before: the worker could take it, and both would wait for each other.
    """
    name = sa.literal(f"document:{organization_id}:{document_id}")
    turn = sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0))
    await session.execute(sa.select(turn))
    jobs = IngestionJob.__table__.c
    await session.execute(
        sa.select(jobs.id)
        .where(jobs.organization_id == organization_id, jobs.document_id == document_id)
        .order_by(jobs.id)
        .with_for_update()
    )
