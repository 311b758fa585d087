"""The rows of a message that is taken in. Built once, and on the tables: a message is few rows, and
half of its time went to building these."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.chat.ending import LOST, LOST_MESSAGE
from ai_svc.modules.chat.models import (
    Conversation,
    ConversationMessage,
    MessageClient,
    MessageStatus,
)
from ai_svc.modules.chat.words import TERMS, found_by
from chassis.data.columns import utc_now

_CONVERSATIONS: Final = cast("sa.Table", Conversation.__table__)
_MESSAGES: Final = cast("sa.Table", ConversationMessage.__table__)
_LINKS: Final = cast("sa.Table", MessageClient.__table__)
_WRITTEN: Final = (
    "id",
    "organization_id",
    "conversation_id",
    "position",
    "role",
    "status",
    "author_id",
    "content",
    "in_reply_to",
    "ticket_id",
    "run_id",
    "run_expires_at",
    "finished_at",
    "request_key",
    "request_fingerprint",
)
_INSERT: Final = sa.insert(_MESSAGES).values(terms=TERMS)
_HOLD: Final = sa.insert(_LINKS)
_END_DEAD: Final = (
    sa.update(_MESSAGES)
    .where(
        _MESSAGES.c.organization_id == sa.bindparam("tenant"),
        _MESSAGES.c.conversation_id == sa.bindparam("conversation"),
        _MESSAGES.c.status == MessageStatus.RUNNING,
        _MESSAGES.c.run_expires_at < sa.func.clock_timestamp(),
    )
    .values(
        status=MessageStatus.FAILED,
        error_code=LOST,
        error_message=LOST_MESSAGE,
        run_expires_at=None,
        finished_at=sa.bindparam("now"),
    )
    .returning(_MESSAGES.c.run_id)
)
_SO_FAR: Final = (
    sa.select(sa.func.array_agg(_LINKS.c.client_id.distinct()))
    .where(
        _LINKS.c.organization_id == _MESSAGES.c.organization_id,
        _LINKS.c.message_id == _MESSAGES.c.id,
        _MESSAGES.c.organization_id == sa.bindparam("tenant"),
        _MESSAGES.c.conversation_id == sa.bindparam("conversation"),
    )
    .scalar_subquery()
)
_MOVE_ON: Final = (
    sa.update(_CONVERSATIONS)
    .where(
        _CONVERSATIONS.c.organization_id == sa.bindparam("tenant"),
        _CONVERSATIONS.c.id == sa.bindparam("conversation"),
    )
    .values(
        message_count=sa.bindparam("count"),
        active_at=sa.bindparam("now"),
        updated_at=sa.bindparam("now"),
        title=sa.bindparam("title_now"),
    )
    .returning(_SO_FAR)
)


async def end_dead(session: AsyncSession, conversation: Conversation) -> list[UUID]:
    """Of the conversation, the runs whose process is gone: ended."""
    ended = await session.scalars(_END_DEAD, {**_this(conversation), "now": utc_now()})
    return [run_id for run_id in ended if run_id is not None]


async def insert(session: AsyncSession, new: Sequence[ConversationMessage]) -> None:
    """One statement; that one answer at a time is written is decided here."""
    rows = [
        {name: getattr(message, name) for name in _WRITTEN}
        | {"found": found_by(message.organization_id, message.content)}
        for message in new
    ]
    await session.execute(_INSERT, rows)


async def move_on(
    session: AsyncSession, conversation: Conversation, *, count: int, title: str | None
) -> Sequence[UUID]:
    """Not a change of the owner's: the version stays. Says whose data its messages hold: asked
    after the answer stands, so with what the one before it has come to hold until its end."""
    moved = {"count": count, "now": utc_now(), "title_now": title}
    return await session.scalar(_MOVE_ON, {**_this(conversation), **moved}) or ()


async def hold(
    session: AsyncSession, new: Iterable[ConversationMessage], client_ids: Collection[UUID]
) -> None:
    """Notes whose data these messages hold."""
    rows = [
        {
            "organization_id": message.organization_id,
            "message_id": message.id,
            "client_id": client_id,
        }
        for message in new
        for client_id in sorted(client_ids)
    ]
    if rows:
        await session.execute(_HOLD, rows)


def _this(conversation: Conversation) -> dict[str, UUID]:
    return {"tenant": conversation.organization_id, "conversation": conversation.id}
