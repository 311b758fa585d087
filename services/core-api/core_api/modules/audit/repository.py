"""Reading the audit log of one organization."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage
from core_api.keyset import Keyset
from core_api.modules.audit.models import AuditEvent
from shared_schemas.ids import OrganizationId

NEWEST_FIRST: Final = Keyset(
    name="-occurred_at",
    column=AuditEvent.occurred_at,
    id=AuditEvent.id,
    parse=datetime.fromisoformat,
)


@dataclass(frozen=True, kw_only=True)
class AuditFilter:
    """Which events; None means any."""

    actor_id: UUID | None = None
    subject_id: UUID | None = None
    about: UUID | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditEvents:
    """The events of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def list(self, wanted: AuditFilter, page: CursorPage) -> Sequence[AuditEvent]:
        """A page, newest first."""
        statement = self._mine()
        if wanted.actor_id is not None:
            statement = statement.where(AuditEvent.actor_id == wanted.actor_id)
        if wanted.subject_id is not None:
            statement = statement.where(AuditEvent.subject_id == wanted.subject_id)
        if wanted.about is not None:
            statement = statement.where(AuditEvent.about == wanted.about)
        if wanted.action is not None:
            statement = statement.where(AuditEvent.action == wanted.action)
        if wanted.since is not None:
            statement = statement.where(AuditEvent.occurred_at >= wanted.since)
        if wanted.until is not None:
            statement = statement.where(AuditEvent.occurred_at < wanted.until)
        return (await self._session.scalars(NEWEST_FIRST.page(statement, page))).all()

    def _mine(self) -> sa.Select[AuditEvent]:
        return sa.select(AuditEvent).where(AuditEvent.organization_id == self._organization_id)
