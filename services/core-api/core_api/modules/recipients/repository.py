"""Notices to recipients of one organization in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage
from core_api.keyset import Keyset
from core_api.modules.recipients.exceptions import RecipientNoticeNotFound
from core_api.modules.recipients.models import Act, NoticeState, RecipientNotice
from shared_schemas.ids import OrganizationId

NEWEST_FIRST: Final = Keyset(
    name="-created_at",
    column=RecipientNotice.created_at,
    id=RecipientNotice.id,
    parse=datetime.fromisoformat,
)
OPEN: Final = (NoticeState.PENDING, NoticeState.SENT)


@dataclass(frozen=True, kw_only=True)
class NoticeFilter:
    """Which notices; None means any."""

    state: NoticeState | None = None
    act: Act | None = None
    client_id: UUID | None = None
    cause_id: UUID | None = None


class RecipientNotices:
    """Those of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def get(self, notice_id: UUID, *, lock: bool = False) -> RecipientNotice:
        """The notice, or RecipientNoticeNotFound."""
        statement = self._mine().where(RecipientNotice.id == notice_id)
        if lock:
            statement = statement.with_for_update()
        found = (await self._session.scalars(statement)).one_or_none()
        if found is None:
            raise RecipientNoticeNotFound
        return found

    async def list(self, wanted: NoticeFilter, page: CursorPage) -> Sequence[RecipientNotice]:
        """A page, newest first."""
        statement = self._mine()
        if wanted.state is not None:
            statement = statement.where(RecipientNotice.state == wanted.state)
        if wanted.act is not None:
            statement = statement.where(RecipientNotice.act == wanted.act)
        if wanted.client_id is not None:
            statement = statement.where(RecipientNotice.client_id == wanted.client_id)
        if wanted.cause_id is not None:
            statement = statement.where(RecipientNotice.cause_id == wanted.cause_id)
        return (await self._session.scalars(NEWEST_FIRST.page(statement, page))).all()

    async def add(self, rows: Sequence[dict[str, Any]]) -> dict[UUID, str]:
        """Those that are not there yet: which ones, and whom they are to. One statement."""
        statement = insert(RecipientNotice).values(list(rows))
        once = statement.on_conflict_do_nothing(constraint="uq_recipient_notices_once")
        added = once.returning(RecipientNotice.id, RecipientNotice.recipient)
        return {row.id: row.recipient for row in await self._session.execute(added)}

    def _mine(self) -> sa.Select[RecipientNotice]:
        return sa.select(RecipientNotice).where(
            RecipientNotice.organization_id == self._organization_id
        )
