"""A person corrects what the assistant remembers."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.memory.facts import Facts, digest_of
from ai_svc.modules.memory.models import Fact, FactCorrection
from chassis.data.columns import utc_now
from chassis.web.etag import check_version
from shared_schemas.actor import Actor


async def correct(
    session: AsyncSession,
    actor: Actor,
    fact_id: UUID,
    text: str,
    *,
    expected: int | None,
    keep_for: timedelta,
) -> tuple[Fact, list[UUID]]:
    """What it said before is kept as long as the fact is. Raises MemoryNotFound, MemoryKnown,
    PreconditionFailed."""
    fact, client_ids = await Facts(session, actor).get(fact_id, for_update=True)
    check_version(fact.version, expected)
    now = utc_now()
    session.add(
        FactCorrection(
            organization_id=actor.organization_id,
            fact_id=fact.id,
            version=fact.version,
            text=fact.text,
            corrected_by=actor.user_id,
            corrected_at=now,
        )
    )
    fact.text = text
    fact.digest = digest_of(text, client_ids)
    fact.confidence = 1.0
    fact.expires_at = now + keep_for
    await session.flush()
    return fact, client_ids
