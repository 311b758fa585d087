"""What a request leaves behind besides its answer: events in the outbox, rows in the audit log."""

import json
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from chassis.data.database import Database
from core_api.modules.audit.models import AuditEvent
from core_api.modules.audit.service import opened_reasons
from core_api.tables import SYSTEM_TABLES
from devstack.people import AURORA
from shared_schemas.ids import OrganizationId


class Records:
    """Reads as the service's own role, in one organization."""

    def __init__(self, database: Database, organization_id: UUID = AURORA.id) -> None:
        self._database = database
        self._organization_id = OrganizationId(organization_id)

    async def events(self, event_type: str) -> list[dict[str, Any]]:
        """The events of one type, in the order of publishing."""
        outbox = SYSTEM_TABLES.outbox.c
        statement = sa.select(outbox.envelope).where(outbox.event_type == event_type)
        async with self._database.transaction(self._organization_id) as session:
            envelopes = await session.scalars(statement.order_by(outbox.position))
            return [json.loads(envelope) for envelope in envelopes]

    async def audit(self, action: str) -> list[dict[str, Any]]:
        """The audit rows of one action, oldest first, their reasons opened."""
        statement = sa.select(*AuditEvent.__table__.c).where(AuditEvent.action == action)
        async with self._database.transaction(self._organization_id) as session:
            rows = (await session.execute(statement.order_by(AuditEvent.id))).all()
            reasons = await opened_reasons(session, self._organization_id, rows)
            return [
                {**row._asdict(), "subject_id": str(row.subject_id), "reason": reason}
                for row, reason in zip(rows, reasons, strict=True)
            ]
