"""Taking erasures in: from this transaction on nobody reads about the person, or adds anything."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.privacy.work import ERASURES
from chassis.messaging.consumer import Subscription
from chassis.messaging.job_queue import FINISHED, JobState
from knowledge.absence_tables import ClientAbsence
from shared_schemas.events import PrivacyErasureRequested
from shared_schemas.ids import OrganizationId

_FOREVER: Final = 32_767
"""Attempts. A person's erasure is not given up because a storage was down for a day."""


async def begin_erasure(session: AsyncSession, event: PrivacyErasureRequested) -> None:
    """Puts it into the queue, once for each request; told again it changes nothing. Of a backup
    that was restored (`replay`) it is done again, and answered again: once for each such event."""
    given = event.payload
    client_ids = sorted({given.client_id, *given.subjects})
    for client_id in client_ids:
        # Whoever writes about the client has committed now, or comes after us: `ai.guard_erased`.
        await session.execute(sa.select(sa.func.pg_advisory_xact_lock(_lock(event, client_id))))
    await session.execute(_mark(event.organization_id, client_ids, event.timestamp))
    values = {
        "organization_id": event.organization_id,
        "privacy_request_id": given.privacy_request_id,
        "client_id": given.client_id,
        "client_ids": client_ids,
        "correlation_id": event.correlation_id,
        "traceparent": event.traceparent,
    }
    asked = insert(ERASURES).values(id=event.event_id, max_attempts=_FOREVER, erased={}, **values)
    once = [ERASURES.c.organization_id, ERASURES.c.privacy_request_id]
    if given.mode != "replay":
        await session.execute(asked.on_conflict_do_nothing(index_elements=once))
        return
    await session.execute(
        asked.on_conflict_do_update(
            index_elements=once,
            set_={
                **values,
                "id": event.event_id,
                "state": JobState.PENDING,
                "attempts": 0,
                "erased": {},
                "run_at": sa.func.clock_timestamp(),
                "finished_at": None,
            },
            where=sa.and_(ERASURES.c.state.in_(FINISHED), ERASURES.c.id != event.event_id),
        )
    )


def _lock(event: PrivacyErasureRequested, client_id: UUID) -> Any:
    tenant = sa.literal(event.organization_id, sa.Uuid())
    return sa.func.ai.client_lock(tenant, sa.literal(client_id, sa.Uuid()))


def _mark(organization_id: OrganizationId, client_ids: list[UUID], at: datetime) -> Any:
    rows = [
        {
            "organization_id": organization_id,
            "client_id": client_id,
            "is_deleted": False,
            "changed_at": at,
            "erased_at": at,
        }
        for client_id in client_ids
    ]
    new = insert(ClientAbsence).values(rows)
    first = sa.func.coalesce(ClientAbsence.erased_at, new.excluded.erased_at)
    return new.on_conflict_do_update(
        index_elements=[ClientAbsence.organization_id, ClientAbsence.client_id],
        set_={"erased_at": first},
    )


SUBSCRIPTIONS: Final = (Subscription(PrivacyErasureRequested, begin_erasure),)
