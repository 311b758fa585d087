"""What a client's fields were before, as far as the audit log knows and the client's key opens."""

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.audit.models import CLIENT_CHANGES, AuditEvent
from core_api.modules.audit.service import opened_values
from shared_schemas.ids import OrganizationId

_PAGE: Final = 500


async def former_values(
    session: AsyncSession, organization_id: OrganizationId, client_ids: Collection[UUID]
) -> list[tuple[str, Any]]:
    """Field and value, of every change of the clients' own data: before and after it."""
    found: list[tuple[str, Any]] = []
    after = UUID(int=0)
    while True:
        page = (
            await session.execute(
                sa.select(AuditEvent.id, AuditEvent.values)
                .where(
                    AuditEvent.organization_id == organization_id,
                    AuditEvent.about.in_(client_ids),
                    sa.or_(CLIENT_CHANGES, AuditEvent.action.like("client.merge%")),
                    AuditEvent.id > after,
                )
                .order_by(AuditEvent.id)
                .limit(_PAGE)
            )
        ).all()
        for values in await opened_values(session, organization_id, page):
            for field, pair in values.items():
                found += [(field, pair[side]) for side in ("from", "to") if pair.get(side)]
        if len(page) < _PAGE:
            return found
        after = page[-1].id
