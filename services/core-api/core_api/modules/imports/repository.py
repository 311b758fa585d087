"""Imports of one organization in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging.job_queue import FINISHED
from chassis.web.pagination import CursorPage
from core_api.keyset import Keyset
from core_api.modules.imports.exceptions import ClientImportNotFound
from core_api.modules.imports.models import ClientImport, ClientImportError, ClientImportRun
from shared_schemas.ids import OrganizationId

_RUNS: Final = ClientImportRun.__table__.c
_ERRORS_AT_ONCE: Final = 500

NEWEST_FIRST: Final = Keyset(
    name="-created_at",
    column=ClientImport.created_at,
    id=ClientImport.id,
    parse=datetime.fromisoformat,
)


class ClientImports:
    """The imports of one organization, their runs and errors."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def get(self, import_id: UUID) -> ClientImport:
        """The import, or ClientImportNotFound."""
        return await self._one(self._mine().where(ClientImport.id == import_id))

    async def get_for_update(self, import_id: UUID) -> ClientImport:
        """The same, locked until the end of the transaction."""
        return await self._one(self._mine().where(ClientImport.id == import_id).with_for_update())

    async def list(self, page: CursorPage) -> Sequence[ClientImport]:
        """A page, newest first."""
        return (await self._session.scalars(NEWEST_FIRST.page(self._mine(), page))).all()

    async def latest_runs(self, import_ids: Sequence[UUID]) -> dict[UUID, Any]:
        """Of each import the columns of its latest run, if it has one."""
        statement = (
            sa.select(*_RUNS)
            .where(_RUNS.organization_id == self._organization_id, _RUNS.import_id.in_(import_ids))
            .ext(distinct_on(_RUNS.import_id))
            .order_by(_RUNS.import_id, _RUNS.created_at.desc(), _RUNS.id.desc())
        )
        return {run.import_id: run for run in await self._session.execute(statement)}

    async def unfinished_run(self, import_id: UUID) -> UUID | None:
        """The run that is waiting or running."""
        statement = sa.select(_RUNS.id).where(
            _RUNS.organization_id == self._organization_id,
            _RUNS.import_id == import_id,
            _RUNS.state.not_in(FINISHED),
        )
        found: UUID | None = await self._session.scalar(statement)
        return found

    async def run(self, run_id: UUID) -> Any:
        """The columns of a run, or None."""
        statement = sa.select(*_RUNS).where(
            _RUNS.organization_id == self._organization_id, _RUNS.id == run_id
        )
        return (await self._session.execute(statement)).one_or_none()

    async def errors_after(self, run_id: UUID, row_number: int) -> Sequence[Any]:
        """The next rows that could not be used, in the order of the file."""
        columns = ClientImportError.__table__.c
        statement = (
            sa.select(columns.row_number, columns.cells, columns.problems)
            .where(
                columns.organization_id == self._organization_id,
                columns.run_id == run_id,
                columns.row_number > row_number,
            )
            .order_by(columns.row_number)
            .limit(_ERRORS_AT_ONCE)
        )
        rows: Sequence[Any] = (await self._session.execute(statement)).all()
        return rows

    async def _one(self, statement: sa.Select[ClientImport]) -> ClientImport:
        found = (await self._session.scalars(statement)).one_or_none()
        if found is None:
            raise ClientImportNotFound
        return found

    def _mine(self) -> sa.Select[ClientImport]:
        return sa.select(ClientImport).where(ClientImport.organization_id == self._organization_id)
