"""Reading conversations and messages of one organization, as far as a person may."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.chat.access import visible, withheld
from ai_svc.modules.chat.exceptions import (
    ConversationNotFound,
    ConversationReadOnly,
    MessageNotFound,
)
from ai_svc.modules.chat.models import (
    Conversation,
    ConversationMessage,
    MessageFeedback,
    Sharing,
)
from ai_svc.modules.chat.words import query_of
from knowledge.access import Reader
from shared_schemas.actor import Actor

_CANDIDATES: Final = 500
"""Messages with the words that are looked through, newest first."""


class Conversations:
    """One's own, and those others share."""

    def __init__(self, session: AsyncSession, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    async def get(self, conversation_id: UUID) -> Conversation:
        """Raises ConversationNotFound."""
        return await self._one(self._mine().where(Conversation.id == conversation_id))

    async def get_own(self, conversation_id: UUID) -> Conversation:
        """Locked, to be written in. Raises ConversationNotFound, ConversationReadOnly."""
        statement = self._mine().where(Conversation.id == conversation_id)
        found = await self._one(statement.with_for_update(of=Conversation))
        if found.owner_id != self._actor.user_id:
            raise ConversationReadOnly
        return found

    async def list(
        self, *, shared: bool, limit: int, after: tuple[datetime, UUID] | None
    ) -> Sequence[Conversation]:
        """Up to `limit + 1`, those with the latest message first. `shared`: others' instead."""
        own = Conversation.owner_id == self._actor.user_id
        others = sa.and_(
            Conversation.visibility == Sharing.ORGANIZATION,
            Conversation.owner_id != self._actor.user_id,
        )
        statement = self._mine().where(others if shared else own)
        if after is not None:
            position = sa.tuple_(Conversation.active_at, Conversation.id)
            statement = statement.where(position < after)
        order = (Conversation.active_at.desc(), Conversation.id.desc())
        rows = await self._session.scalars(statement.order_by(*order).limit(limit + 1))
        return rows.all()

    async def search(self, reader: Reader, text: str, limit: int) -> Sequence[Any]:
        """(conversation, message) of the newest message of each conversation that has all the
        words and may be read, newest first."""
        wanted = query_of(self._actor.organization_id, text)
        if wanted is None:
            return []
        message = ConversationMessage
        candidate = sa.func.ai.candidate_messages(
            wanted, self._actor.user_id, _CANDIDATES, type_=sa.Uuid()
        ).column_valued("candidate")
        same = sa.and_(
            Conversation.organization_id == message.organization_id,
            Conversation.id == message.conversation_id,
        )
        newest = (
            sa.select(message.id)
            .join(Conversation, same)
            .where(
                visible(reader),
                sa.not_(withheld(reader)),
                message.id.in_(sa.select(candidate)),
            )
            .order_by(message.conversation_id, message.id.desc())
            .ext(distinct_on(message.conversation_id))
        )
        rows = await self._session.execute(
            sa.select(Conversation, message)
            .join(message, same)
            .where(visible(reader), message.id.in_(newest))
            .order_by(message.id.desc())
            .limit(limit)
        )
        return rows.all()

    async def _one(self, statement: sa.Select[Any]) -> Conversation:
        found: Conversation | None = await self._session.scalar(statement)
        if found is None:
            raise ConversationNotFound
        return found

    def _mine(self) -> sa.Select[Any]:
        return sa.select(Conversation).where(visible(self._actor))


class Messages:
    """Of one conversation that may be read: (message, withheld, what the reader says of it)."""

    def __init__(self, session: AsyncSession, reader: Reader, conversation_id: UUID) -> None:
        self._session = session
        self._reader = reader
        self._conversation_id = conversation_id

    async def get(self, message_id: UUID) -> Any:
        """Raises MessageNotFound."""
        statement = self._mine().where(ConversationMessage.id == message_id)
        found = (await self._session.execute(statement)).one_or_none()
        if found is None:
            raise MessageNotFound
        return found

    async def list(self, *, limit: int, after: int | None) -> Sequence[Any]:
        """Up to `limit + 1`, in the order they were said."""
        statement = self._mine().order_by(ConversationMessage.position).limit(limit + 1)
        if after is not None:
            statement = statement.where(ConversationMessage.position > after)
        rows: Sequence[Any] = (await self._session.execute(statement)).all()
        return rows

    def _mine(self) -> sa.Select[Any]:
        message = ConversationMessage
        rating = (
            sa.select(MessageFeedback.rating)
            .where(
                MessageFeedback.organization_id == message.organization_id,
                MessageFeedback.message_id == message.id,
                MessageFeedback.user_id == self._reader.user_id,
            )
            .correlate(message)
            .scalar_subquery()
        )
        return (
            sa.select(message, withheld(self._reader).label("withheld"), rating.label("rating"))
            .join(
                Conversation,
                sa.and_(
                    Conversation.organization_id == message.organization_id,
                    Conversation.id == message.conversation_id,
                ),
            )
            .where(visible(self._reader), message.conversation_id == self._conversation_id)
        )
