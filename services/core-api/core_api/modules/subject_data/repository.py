"""Answers and files of one organization in the database."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.modules.subject_data.exceptions import AnswerNotFound
from core_api.modules.subject_data.models import SubjectDataAnswer, SubjectDataFile
from shared_schemas.ids import OrganizationId


class SubjectDataRows:
    """Of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def answer_to(self, request_id: UUID) -> SubjectDataAnswer:
        """The answer to a request, or AnswerNotFound."""
        statement = sa.select(SubjectDataAnswer).where(
            SubjectDataAnswer.organization_id == self._organization_id,
            SubjectDataAnswer.request_id == request_id,
        )
        answer = await self._session.scalar(statement)
        if answer is None:
            raise AnswerNotFound
        return answer

    async def files_of(self, request_id: UUID) -> Sequence[SubjectDataFile]:
        """Those of a request, past ones too."""
        statement = (
            sa.select(SubjectDataFile)
            .where(self._mine(), SubjectDataFile.request_id == request_id)
            .order_by(SubjectDataFile.format)
        )
        return (await self._session.scalars(statement)).all()

    async def find_living(
        self, file_id: UUID, *, request_id: UUID | None = None
    ) -> SubjectDataFile | None:
        """A file that can still be fetched."""
        return await self._session.scalar(self._living(file_id, request_id))

    async def lock_living(
        self, file_id: UUID, *, request_id: UUID | None = None
    ) -> SubjectDataFile | None:
        """The same as it is now, locked until the end of the transaction."""
        statement = self._living(file_id, request_id).with_for_update()
        return await self._session.scalar(statement.execution_options(populate_existing=True))

    def _living(self, file_id: UUID, request_id: UUID | None) -> sa.Select[SubjectDataFile]:
        statement = sa.select(SubjectDataFile).where(
            self._mine(),
            SubjectDataFile.id == file_id,
            SubjectDataFile.deleted_at.is_(None),
            SubjectDataFile.key_sealed.is_not(None),
            SubjectDataFile.expires_at > utc_now(),
        )
        if request_id is not None:
            statement = statement.where(SubjectDataFile.request_id == request_id)
        return statement

    def _mine(self) -> sa.ColumnElement[bool]:
        return SubjectDataFile.organization_id == self._organization_id
