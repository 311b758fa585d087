"""Deleting what was sent once it is past its time: the file, its sample and its error reports.

And objects that no import answers for: the process died between storing a file and the commit.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
import structlog

from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.data.object_storage import STORAGE_FAILURES, ObjectStorage
from core_api.changes import Change
from core_api.modules.audit import service as audit
from core_api.modules.imports.models import (
    ClientImport,
    ClientImportError,
    ClientImportRun,
    owner_of,
    storage_folder,
    storage_prefix,
)
from shared_schemas.ids import OrganizationId

_log = structlog.get_logger(__name__)

_GRACE: Final = timedelta(days=1)
"""An object this young may still get its row."""
_AT_ONCE: Final = 500
_ERRORS_AT_ONCE: Final = 10_000
_STORAGE_SECONDS: Final = 10.0
_REASON: Final = "Prazo de guarda do arquivo encerrado"
_GONE_WRONG: Final = (*STORAGE_FAILURES, TimeoutError)

_IMPORTS: Final = ClientImport.__table__.c
_RUNS: Final = ClientImportRun.__table__.c
_ERRORS: Final = ClientImportError.__table__.c


async def forget_imports(
    database: Database, storage: ObjectStorage, keep: timedelta, request_id: str
) -> int:
    """Whatever ended, or was never started, longer ago than `keep`; returns how many files.

    Each import by itself: what the storage does not delete now is deleted another time.
    """
    before, forgotten = utc_now() - keep, 0
    after: tuple[datetime, UUID] | None = None
    while due := await database.worker_statement(_due_after(before, after)):
        for row in due:
            organization_id = OrganizationId(row.organization_id)
            try:
                forgotten += await _forget(
                    database, storage, organization_id, row.id, before, request_id
                )
            except _GONE_WRONG as error:
                _log.warning("import_not_forgotten", import_id=str(row.id), error=repr(error))
        after = due[-1].created_at, due[-1].id
    return forgotten


async def sweep_import_files(
    database: Database, storage: ObjectStorage, *, grace: timedelta = _GRACE
) -> int:
    """Deletes objects older than `grace` whose import is not there; returns how many."""
    before, swept = utc_now() - grace, 0
    for name in await storage.folders():
        try:
            organization_id = OrganizationId(UUID(name))
        except ValueError:
            continue  # not ours
        async for page in storage.pages(storage_folder(organization_id)):
            old = {
                import_id: listed.key
                for listed in page
                if listed.modified_at < before and (import_id := owner_of(listed.key))
            }
            for import_id in old.keys() - await _alive(database, organization_id, old.keys()):
                await storage.delete(old[import_id])
                swept += 1
    return swept


async def _forget(
    database: Database,
    storage: ObjectStorage,
    organization_id: OrganizationId,
    import_id: UUID,
    before: datetime,
    request_id: str,
) -> bool:
    """`file_deleted_at` is set when everything is gone, not before: until then it is tried again.

    Both transactions hold the import: nobody can start it in between without being seen.
    """
    mine = sa.and_(_IMPORTS.organization_id == organization_id, _IMPORTS.id == import_id)
    still_due = sa.and_(mine, _is_due(before))
    async with database.worker_transaction() as session:
        lock = sa.select(_IMPORTS.id).where(still_due).with_for_update(skip_locked=True)
        if (await session.execute(lock)).first() is None:
            return False
        rows = _errors_of(organization_id, import_id)
        while (await session.execute(rows)).first() is not None:
            pass
    async with database.transaction(organization_id) as session:
        found = await session.scalar(
            sa.select(ClientImport).where(still_due).with_for_update(skip_locked=True)
        )
        if found is None:
            return False
        async with asyncio.timeout(_STORAGE_SECONDS):  # a row is locked meanwhile
            await storage.delete(storage_prefix(organization_id, import_id))
        found.forget()
        audit.record_by_system(
            session,
            organization_id,
            "client_import.file_deleted",
            import_id,
            changes={"file_deleted_at": Change(None, found.file_deleted_at)},
            reason=_REASON,
            run_id=request_id,
        )
    return True


async def _alive(database: Database, organization_id: OrganizationId, import_ids: Any) -> set[UUID]:
    """Those that have not lost their file."""
    async with database.transaction(organization_id, read_only=True) as session:
        statement = sa.select(_IMPORTS.id).where(
            _IMPORTS.organization_id == organization_id,
            _IMPORTS.id.in_(list(import_ids)),
            _IMPORTS.file_deleted_at.is_(None),
        )
        return set(await session.scalars(statement))


def _is_due(before: datetime) -> sa.ColumnElement[bool]:
    """Uploaded before, and no run waits, is under way or has ended since."""
    recent = sa.or_(_RUNS.finished_at.is_(None), _RUNS.finished_at >= before)
    return sa.and_(
        _IMPORTS.file_deleted_at.is_(None),
        _IMPORTS.created_at < before,
        ~sa.exists().where(
            _RUNS.organization_id == _IMPORTS.organization_id,
            _RUNS.import_id == _IMPORTS.id,
            recent,
        ),
    )


def _due_after(before: datetime, after: tuple[datetime, UUID] | None) -> sa.Select[Any]:
    statement = (
        sa.select(_IMPORTS.id, _IMPORTS.organization_id, _IMPORTS.created_at)
        .where(_is_due(before))
        .order_by(_IMPORTS.created_at, _IMPORTS.id)
        .limit(_AT_ONCE)
    )
    if after is None:
        return statement
    return statement.where(sa.tuple_(_IMPORTS.created_at, _IMPORTS.id) > sa.tuple_(*after))


def _errors_of(organization_id: OrganizationId, import_id: UUID) -> sa.Executable:
    """Some of its rows at a time: no statement takes longer than one may."""
    runs = sa.select(_RUNS.id).where(
        _RUNS.organization_id == organization_id, _RUNS.import_id == import_id
    )
    some = (
        sa.select(_ERRORS.id)
        .where(_ERRORS.organization_id == organization_id, _ERRORS.run_id.in_(runs))
        .limit(_ERRORS_AT_ONCE)
    )
    gone = sa.delete(ClientImportError).where(ClientImportError.id.in_(some))
    return gone.returning(ClientImportError.id).execution_options(synchronize_session=False)
