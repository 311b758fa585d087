"""Files of imports that name a person, with their samples and reports: they go whole, for they were
only kept to be read once. Whether one names the person is read from the file itself."""

from codecs import getincrementaldecoder
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.object_storage import ObjectMissing, ObjectStorage
from core_api.modules.imports.models import (
    ClientImport,
    ClientImportError,
    ClientImportRun,
    storage_prefix,
)
from core_api.subject_stores import Store, StoreBusy, Subject, Tally, Workshop
from shared_schemas.ids import OrganizationId
from shared_schemas.privacy import StoreAction

FORGOTTEN_NAME: Final = "arquivo.csv"
_OVERLAP: Final = 512
"""Longer than any value: one that lies across two parts of a file is found in the second."""
_ERRORS_AT_ONCE: Final = 10_000
_IMPORTS: Final = ClientImport.__table__.c
_RUNS: Final = ClientImportRun.__table__.c
_ERRORS: Final = ClientImportError.__table__.c


class FileStillThere(Exception):
    """It was deleted, and the storage still has it."""


@dataclass(frozen=True, kw_only=True)
class ImportedFiles:
    """Each import that names the subject, or whose run wrote the subject's row."""

    name: str = "client_imports"
    label: str = "Arquivos de importação que citam o titular, amostras e relatórios de erro"
    action: StoreAction = StoreAction.ERASE
    ground: None = None

    async def count(self, workshop: Workshop, subject: Subject) -> int:
        """By what the database knows: files themselves are only read to be erased."""
        async with workshop.database.transaction(subject.organization_id, read_only=True) as tx:
            return len(await self._known(tx, subject))

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        """One import. StoreBusy while it is being imported."""
        found = await self._first(workshop, subject)
        if found is None:
            return 0
        organization_id = subject.organization_id
        await _delete_errors(workshop, organization_id, found)
        await _delete_file(workshop.storage, organization_id, found)
        async with workshop.database.transaction(organization_id) as tx:
            statement = sa.select(ClientImport).where(
                _IMPORTS.organization_id == organization_id, _IMPORTS.id == found
            )
            row = await tx.scalar(statement.with_for_update())
            if row is not None and _says_something(row):
                if row.file_deleted_at is None:
                    row.forget()
                row.file_name = FORGOTTEN_NAME
                await tally(tx, 1)
        return 1

    async def prove(self, workshop: Workshop, subject: Subject) -> int:
        """Reads every file there is again."""
        return 0 if await self._first(workshop, subject) is None else 1

    async def _first(self, workshop: Workshop, subject: Subject) -> UUID | None:
        async with workshop.database.transaction(subject.organization_id, read_only=True) as tx:
            known = set(await self._known(tx, subject))
            busy = set(await _under_way(tx, subject.organization_id))
            files = await _files(tx, subject.organization_id)
        for row in files:
            named = row.id in known or await _names(workshop.storage, subject, row)
            if named and row.id in busy:
                raise StoreBusy("client_imports")
            if named:
                return UUID(str(row.id))
        return None

    async def _known(self, tx: AsyncSession, subject: Subject) -> list[UUID]:
        """Imports whose name, sample, errors or runs are about the subject."""
        wrote = await _runs_about(tx, subject)
        errors = await _errors_about(tx, subject)
        rows = await _files(tx, subject.organization_id)
        return [
            row.id
            for row in rows
            if row.id in wrote
            or row.id in errors
            or subject.is_named_in(f"{row.file_name}\n{row.header}\n{row.sample}")
        ]


def _says_something(row: ClientImport) -> bool:
    return row.file_deleted_at is None or row.file_name != FORGOTTEN_NAME


async def _files(tx: AsyncSession, organization_id: OrganizationId) -> Sequence[Any]:
    """Imports whose file is kept, or that are still called what they were called."""
    statement = sa.select(
        _IMPORTS.id,
        _IMPORTS.file_name,
        _IMPORTS.file_deleted_at,
        _IMPORTS.size_bytes,
        _IMPORTS.encoding,
        sa.cast(_IMPORTS.header, sa.Text()).label("header"),
        sa.cast(_IMPORTS.sample, sa.Text()).label("sample"),
    ).where(
        _IMPORTS.organization_id == organization_id,
        sa.or_(_IMPORTS.file_deleted_at.is_(None), _IMPORTS.file_name != FORGOTTEN_NAME),
    )
    return (await tx.execute(statement.order_by(_IMPORTS.id))).all()


async def _runs_about(tx: AsyncSession, subject: Subject) -> set[UUID]:
    """Imports, with their file, whose run registered or changed the subject: both bear the
    correlation id of who started it."""
    events = sa.table(
        "audit_events",
        sa.column("organization_id", sa.Uuid()),
        sa.column("about", sa.Uuid()),
        sa.column("request_id", sa.Text()),
        schema="crm",
    )
    statement = (
        sa.select(_RUNS.import_id)
        .join(_IMPORTS.id.table, _IMPORTS.id == _RUNS.import_id)
        .where(
            _RUNS.organization_id == subject.organization_id,
            _IMPORTS.file_deleted_at.is_(None),
            _RUNS.correlation_id.in_(
                sa.select(events.c.request_id).where(
                    events.c.organization_id == subject.organization_id,
                    events.c.about.in_(subject.client_ids),
                )
            ),
        )
    )
    return set(await tx.scalars(statement))


async def _errors_about(tx: AsyncSession, subject: Subject) -> set[UUID]:
    said = sa.cast(_ERRORS.cells, sa.Text())
    words = sorted(subject.words)
    if not words:
        return set()
    folded = sa.func.crm.fold(said)
    statement = (
        sa.select(_RUNS.import_id)
        .distinct()
        .select_from(_ERRORS.id.table)
        .join(_RUNS.id.table, _RUNS.id == _ERRORS.run_id)
        .where(
            _ERRORS.organization_id == subject.organization_id,
            sa.or_(
                *(sa.func.strpos(folded, word) > 0 for word in words),
                *(
                    sa.func.strpos(sa.func.regexp_replace(said, "[^0-9]", "", "g"), number) > 0
                    for number in sorted(subject.numbers)
                ),
            ),
        )
    )
    return set(await tx.scalars(statement))


async def _under_way(tx: AsyncSession, organization_id: OrganizationId) -> Sequence[UUID]:
    statement = sa.select(_RUNS.import_id).where(
        _RUNS.organization_id == organization_id, _RUNS.state.in_(("pending", "processing"))
    )
    return (await tx.scalars(statement)).all()


async def _names(storage: ObjectStorage, subject: Subject, row: Any) -> bool:
    """Reads the file part by part."""
    if row.file_deleted_at is not None:
        return False
    key = storage_prefix(subject.organization_id, row.id)
    decoder = getincrementaldecoder(row.encoding)(errors="replace")
    before = ""
    try:
        async for part in storage.ranges(key, row.size_bytes):
            text = before + decoder.decode(part)
            if subject.is_named_in(text):
                return True
            before = text[-_OVERLAP:]
    except ObjectMissing:
        return False
    return False


async def _delete_errors(
    workshop: Workshop, organization_id: OrganizationId, import_id: UUID
) -> None:
    """As the worker role: the application's may not delete them."""
    runs = sa.select(_RUNS.id).where(
        _RUNS.organization_id == organization_id, _RUNS.import_id == import_id
    )
    some = sa.select(_ERRORS.id).where(
        _ERRORS.organization_id == organization_id, _ERRORS.run_id.in_(runs)
    )
    gone = sa.delete(ClientImportError).where(ClientImportError.id.in_(some.limit(_ERRORS_AT_ONCE)))
    statement = gone.returning(ClientImportError.id).execution_options(synchronize_session=False)
    more = True
    while more:
        async with workshop.database.worker_transaction() as session:
            more = (await session.execute(statement)).first() is not None


async def _delete_file(
    storage: ObjectStorage, organization_id: OrganizationId, import_id: UUID
) -> None:
    key = storage_prefix(organization_id, import_id)
    await storage.delete(key)
    try:
        await storage.open(key)
    except ObjectMissing:
        return
    raise FileStillThere(key)


IMPORT_STORES: Final[tuple[Store, ...]] = (ImportedFiles(),)
