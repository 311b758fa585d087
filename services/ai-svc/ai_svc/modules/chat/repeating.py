"""A request that is repeated with its `Idempotency-Key` gets the answer that was begun then."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.chat.asked import Asked, Begun
from ai_svc.modules.chat.models import ConversationMessage
from chassis.web.idempotency import IdempotencyKeyReused
from shared_schemas.actor import Actor


async def begun_before(session: AsyncSession, actor: Actor, asked: Asked) -> Begun | None:
    """What the same key has begun; until the transaction ends nobody else begins with it. Raises
    IdempotencyKeyReused."""
    if asked.key is None:
        return None
    name = f"chat:{actor.organization_id}:{actor.user_id}:{asked.key}"
    # Two statements: the second one's snapshot must be taken after the lock was waited for.
    await session.execute(
        sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0)))
    )
    row = await session.scalar(
        sa.select(ConversationMessage).where(
            ConversationMessage.organization_id == actor.organization_id,
            ConversationMessage.author_id == actor.user_id,
            ConversationMessage.request_key == asked.key,
        )
    )
    if row is None:
        return None
    if row.request_fingerprint != asked.fingerprint:
        raise IdempotencyKeyReused
    return Begun(
        conversation_id=row.conversation_id,
        question_id=row.in_reply_to or row.id,
        message_id=row.id,
        run_id=row.running_under,
        content=asked.content,
        position=row.position,
        is_replay=True,
    )
