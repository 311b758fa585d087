"""Deleting copies: those whose time is over, those nobody was told of, and those of a person who is
erased."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.data.object_storage import STORAGE_FAILURES, ObjectStorage
from core_api.modules.audit import service as audit
from core_api.modules.privacy.execution import PrivacyRequest
from core_api.modules.subject_data.models import (
    SubjectDataAnswer,
    SubjectDataFile,
    folder,
    object_key,
)
from shared_schemas.ids import OrganizationId

_log = structlog.get_logger(__name__)

_GRACE: Final = timedelta(hours=2)
"""An object this young may still get its row."""
_AT_ONCE: Final = 200
_REASON: Final = "o prazo para buscar a cópia dos dados terminou"


async def expire_files(database: Database, storage: ObjectStorage, run_id: str) -> int:
    """Deletes what is past its time; how many files. First the key, so that nobody opens it any
    more, then the object: killed in between, the sweep of objects finds it."""
    columns = SubjectDataFile.__table__.c
    due = (
        sa.select(columns.organization_id, columns.id)
        .where(columns.expires_at <= utc_now(), columns.deleted_at.is_(None))
        .order_by(columns.expires_at)
        .limit(_AT_ONCE)
    )
    expired = 0
    for row in await database.worker_statement(due):
        tenant = OrganizationId(row.organization_id)
        async with database.transaction(tenant) as session:
            ended = await _expire(session, tenant, row.id, run_id)
        if ended:
            await _delete(storage, tenant, row.id)
            expired += 1
    return expired


async def sweep_objects(
    database: Database, storage: ObjectStorage, *, grace: timedelta = _GRACE
) -> int:
    """Deletes objects older than `grace` that no living file answers for; how many."""
    before, swept = utc_now() - grace, 0
    for name in await storage.folders():
        tenant = _tenant(name)
        if tenant is None:
            continue
        async for page in storage.pages(folder(tenant)):
            old = {
                file_id: listed.key
                for listed in page
                if listed.modified_at < before and (file_id := _file_of(listed.key))
            }
            for file_id in old.keys() - await _living(database, tenant, old.keys()):
                await storage.delete(old[file_id])
                swept += 1
    return swept


async def count_copies(
    session: AsyncSession, organization_id: OrganizationId, client_ids: Sequence[UUID]
) -> int:
    """How many answers and files there are about these clients: for who erases them."""
    answers = sa.select(sa.func.count()).where(
        SubjectDataAnswer.organization_id == organization_id,
        SubjectDataAnswer.answer_sealed.is_not(None),
        SubjectDataAnswer.request_id.in_(_requests(organization_id, client_ids)),
    )
    files = sa.select(sa.func.count()).where(
        SubjectDataFile.organization_id == organization_id,
        SubjectDataFile.request_id.in_(_requests(organization_id, client_ids)),
    )
    found = await session.execute(sa.select(answers.scalar_subquery() + files.scalar_subquery()))
    return int(found.scalar_one())


async def object_keys(
    session: AsyncSession, organization_id: OrganizationId, client_ids: Sequence[UUID]
) -> list[str]:
    """Where the files about these clients lie: to be read before `forget_copies`, and deleted and
    looked for after its commit."""
    statement = sa.select(SubjectDataFile.id).where(
        SubjectDataFile.organization_id == organization_id,
        SubjectDataFile.request_id.in_(_requests(organization_id, client_ids)),
    )
    return [object_key(organization_id, file_id) for file_id in await session.scalars(statement)]


async def forget_copies(
    session: AsyncSession, organization_id: OrganizationId, client_ids: Sequence[UUID]
) -> int:
    """Takes away the rows of files, keys with them, and what answers said; of how many."""
    requests = _requests(organization_id, client_ids)
    files = await session.execute(
        sa.delete(SubjectDataFile)
        .where(
            SubjectDataFile.organization_id == organization_id,
            SubjectDataFile.request_id.in_(requests),
        )
        .returning(SubjectDataFile.id)
        .execution_options(synchronize_session="fetch")
    )
    answers = await session.execute(
        sa.update(SubjectDataAnswer)
        .where(
            SubjectDataAnswer.organization_id == organization_id,
            SubjectDataAnswer.answer_sealed.is_not(None),
            SubjectDataAnswer.request_id.in_(requests),
        )
        .values(answer_sealed=None)
        .returning(SubjectDataAnswer.id)
        .execution_options(synchronize_session="fetch")
    )
    return len(files.all()) + len(answers.all())


async def _expire(
    session: AsyncSession, organization_id: OrganizationId, file_id: UUID, run_id: str
) -> bool:
    statement = (
        sa.select(SubjectDataFile, PrivacyRequest.client_id)
        .join(
            PrivacyRequest,
            sa.and_(
                PrivacyRequest.organization_id == SubjectDataFile.organization_id,
                PrivacyRequest.id == SubjectDataFile.request_id,
            ),
        )
        .where(
            SubjectDataFile.organization_id == organization_id,
            SubjectDataFile.id == file_id,
            SubjectDataFile.expires_at <= utc_now(),
            SubjectDataFile.deleted_at.is_(None),
        )
        .with_for_update(of=SubjectDataFile, skip_locked=True)
    )
    found = (await session.execute(statement)).one_or_none()
    if found is None:
        return False
    file, client_id = found
    file.key_sealed, file.deleted_at = None, utc_now()
    audit.record_by_system(
        session,
        organization_id,
        "subject_data_file.expired",
        file.id,
        reason=_REASON,
        run_id=run_id,
        about=client_id,
        related={"privacy_request_id": file.request_id},
    )
    return True


async def _delete(storage: ObjectStorage, organization_id: OrganizationId, file_id: UUID) -> None:
    try:
        await storage.delete(object_key(organization_id, file_id))
    except STORAGE_FAILURES as error:
        _log.warning("object_left_for_the_sweep", file_id=str(file_id), error=type(error).__name__)


async def _living(database: Database, organization_id: OrganizationId, ids: Any) -> set[UUID]:
    async with database.transaction(organization_id, read_only=True) as session:
        statement = sa.select(SubjectDataFile.id).where(
            SubjectDataFile.organization_id == organization_id,
            SubjectDataFile.id.in_(list(ids)),
            SubjectDataFile.deleted_at.is_(None),
        )
        return set(await session.scalars(statement))


def _requests(organization_id: OrganizationId, client_ids: Sequence[UUID]) -> sa.ScalarSelect[UUID]:
    return (
        sa.select(PrivacyRequest.id)
        .where(
            PrivacyRequest.organization_id == organization_id,
            PrivacyRequest.client_id.in_(client_ids),
        )
        .scalar_subquery()
    )


def _tenant(name: str) -> OrganizationId | None:
    try:
        return OrganizationId(UUID(name))
    except ValueError:
        return None  # not ours


def _file_of(key: str) -> UUID | None:
    try:
        return UUID(key.rpartition("/")[2])
    except ValueError:
        return None
