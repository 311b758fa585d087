"""Hearing from core-api that a client was corrected (LGPD art. 18 III)."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.memory.models import ClientCorrection
from chassis.messaging.consumer import Subscription
from knowledge.access import client_kin
from shared_schemas.events import ClientUpdated

_FINDABLE: Final = frozenset({"name", "email", "emails", "phone", "phones", "document"})
"""Old values of these are found in texts, whole."""
_UNFINDABLE: Final = frozenset({"kind", "addresses", "custom_fields", "external_id"})


async def follow_client(session: AsyncSession, event: ClientUpdated) -> None:
    """From now on what is remembered from before is used without the old value: of the client and
    of all who were merged with it. In any order, and repeated, the latest stands."""
    changed = set(event.payload.changed)
    if not changed & (_FINDABLE | _UNFINDABLE):
        return
    tenant, at = event.organization_id, event.timestamp
    kin = await session.scalar(sa.select(client_kin(tenant, event.payload.client_id)))
    rows = [
        {
            "organization_id": tenant,
            "client_id": client_id,
            "corrected_at": at,
            "unfindable_at": at if changed & _UNFINDABLE else None,
        }
        for client_id in sorted(kin or [event.payload.client_id])
    ]
    new = insert(ClientCorrection).values(rows)
    # GREATEST passes over NULL.
    latest = {
        name: sa.func.greatest(ClientCorrection.__table__.c[name], new.excluded[name])
        for name in ("corrected_at", "unfindable_at")
    }
    key = [ClientCorrection.organization_id, ClientCorrection.client_id]
    await session.execute(new.on_conflict_do_update(index_elements=key, set_=latest))


SUBSCRIPTIONS: Final = (Subscription(ClientUpdated, follow_client),)
