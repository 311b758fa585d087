"""Reading the audit log of one organization."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
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
    subject_type: str | None = None
    subject_id: UUID | None = None
    about: UUID | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def equal(self) -> dict[str, Any]:
        """The columns that must have one value."""
        names = ("actor_id", "subject_type", "subject_id", "about", "action")
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    def as_ids(self) -> dict[str, str]:
        """What was asked for, to be noted: ids, names of actions, times."""
        times = {"since": self.since, "until": self.until}
        given = {name: str(value) for name, value in self.equal().items()}
        return given | {name: at.isoformat() for name, at in times.items() if at is not None}


class AuditEvents:
    """The events of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def list(self, wanted: AuditFilter, page: CursorPage) -> Sequence[AuditEvent]:
        """A page, newest first."""
        return (await self._session.scalars(NEWEST_FIRST.page(self._found(wanted), page))).all()

    async def count(self, wanted: AuditFilter) -> int:
        """How many there are."""
        found = self._found(wanted).subquery()
        return await self._session.scalar(sa.select(sa.func.count()).select_from(found)) or 0

    def _found(self, wanted: AuditFilter) -> sa.Select[AuditEvent]:
        statement = self._mine()
        for name, value in wanted.equal().items():
            statement = statement.where(AuditEvent.__table__.c[name] == value)
        if wanted.since is not None:
            statement = statement.where(AuditEvent.occurred_at >= wanted.since)
        if wanted.until is not None:
            statement = statement.where(AuditEvent.occurred_at < wanted.until)
        return statement

    def _mine(self) -> sa.Select[AuditEvent]:
        return sa.select(AuditEvent).where(AuditEvent.organization_id == self._organization_id)
