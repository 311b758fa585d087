"""What people do with conversations, inside the caller's transaction."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.chat.exceptions import NotAnAnswer
from ai_svc.modules.chat.metrics import FEEDBACK
from ai_svc.modules.chat.models import (
    Conversation,
    ConversationMessage,
    MessageFeedback,
    MessageStatus,
    Speaker,
)
from ai_svc.modules.chat.repository import Conversations, Messages
from ai_svc.modules.chat.schemas import (
    ConversationChange,
    ConversationCreate,
    MessageFeedbackInput,
)
from ai_svc.modules.proposals import service as proposals
from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.web.errors import Forbidden
from chassis.web.etag import check_version
from knowledge.access import reader_of
from knowledge.deletion import forget_replies
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id
from shared_schemas.permissions import Permission


def may_name(actor: Actor, client_id: UUID | None) -> None:
    """Raises Forbidden when a client is named by who may not see clients."""
    if client_id is not None and not actor.may(Permission.CLIENTS_READ):
        raise Forbidden


async def create(session: AsyncSession, actor: Actor, wanted: ConversationCreate) -> Conversation:
    """The actor's own. Raises Forbidden; ClientErased by constraint."""
    may_name(actor, wanted.client_id)
    conversation = Conversation(
        id=new_id(),
        organization_id=actor.organization_id,
        owner_id=actor.user_id,
        title=wanted.title,
        visibility=wanted.visibility,
        client_id=wanted.client_id,
        ticket_id=wanted.ticket_id,
        message_count=0,
        active_at=utc_now(),
    )
    session.add(conversation)
    await session.flush()
    return conversation


async def change(
    session: AsyncSession,
    actor: Actor,
    conversation_id: UUID,
    wanted: ConversationChange,
    expected: int | None,
) -> Conversation:
    """Renames, shares, or takes back. Raises ConversationNotFound, ConversationReadOnly,
    PreconditionFailed."""
    conversation = await Conversations(session, actor).get_own(conversation_id)
    check_version(conversation.version, expected)
    if wanted.title is not None:
        conversation.title = wanted.title
    if wanted.visibility is not None:
        conversation.visibility = wanted.visibility
    await session.flush()
    return conversation


async def delete(session: AsyncSession, actor: Actor, conversation_id: UUID) -> Sequence[UUID]:
    """With everything in it. Returns its runs, whose events are to be forgotten, and which are to
    be stopped once this is committed. Raises ConversationNotFound, ConversationReadOnly."""
    conversation = await Conversations(session, actor).get_own(conversation_id)
    tenant = conversation.organization_id
    runs = await session.scalars(
        sa.select(ConversationMessage.run_id)
        .where(
            ConversationMessage.organization_id == tenant,
            ConversationMessage.conversation_id == conversation.id,
            ConversationMessage.run_id.is_not(None),
        )
        .order_by(ConversationMessage.position)
    )
    run_ids = [each for each in runs if each is not None]
    await proposals.forget_conversation(session, tenant, conversation.id)
    await forget_replies(session, tenant, [conversation.id])
    await session.execute(
        sa.delete(Conversation)
        .where(Conversation.organization_id == tenant, Conversation.id == conversation.id)
        .execution_options(synchronize_session=False)
    )
    return run_ids


async def ask_to_stop(
    session: AsyncSession, actor: Actor, conversation_id: UUID, message_id: UUID
) -> Any:
    """Writes down that the answer is to be stopped, if it is being written; the message. Raises
    ConversationNotFound, ConversationReadOnly, MessageNotFound."""
    conversation = await Conversations(session, actor).get_own(conversation_id)
    await session.execute(
        sa.update(ConversationMessage)
        .where(
            ConversationMessage.organization_id == conversation.organization_id,
            ConversationMessage.conversation_id == conversation.id,
            ConversationMessage.id == message_id,
            ConversationMessage.status == MessageStatus.RUNNING,
        )
        .values(
            stop_requested_at=sa.func.coalesce(ConversationMessage.stop_requested_at, utc_now())
        )
        .execution_options(synchronize_session=False)
    )
    reader = await reader_of(session, actor)
    return await Messages(session, reader, conversation.id).get(message_id)


async def judge(
    session: AsyncSession,
    actor: Actor,
    conversation_id: UUID,
    message_id: UUID,
    said: MessageFeedbackInput,
) -> MessageFeedback:
    """One judgement per person and answer: the later one holds. Raises ConversationNotFound,
    MessageNotFound, NotAnAnswer."""
    conversation = await Conversations(session, actor).get(conversation_id)
    found = await Messages(session, await reader_of(session, actor), conversation.id).get(
        message_id
    )
    message: ConversationMessage = found[0]
    if (
        message.role is not Speaker.ASSISTANT
        or message.status is MessageStatus.RUNNING
        or found.withheld
    ):
        raise NotAnAnswer
    now = utc_now()
    fresh = {**said.model_dump(), "updated_at": now}
    feedback: MessageFeedback = (
        await session.execute(
            insert(MessageFeedback)
            .values(
                id=new_id(),
                organization_id=actor.organization_id,
                message_id=message.id,
                user_id=actor.user_id,
                created_at=now,
                **fresh,
            )
            .on_conflict_do_update(
                index_elements=["organization_id", "message_id", "user_id"], set_=fresh
            )
            .returning(MessageFeedback)
        )
    ).scalar_one()
    FEEDBACK.labels(said.rating.value).inc()
    return feedback


async def prune(database: Database, keep_for: timedelta) -> int:
    """Deletes conversations in which nothing was said for that long, in every organization."""
    pruned = sa.func.ai.prune_conversations(utc_now() - keep_for)
    (row,) = await database.worker_statement(sa.select(pruned.label("conversations")))
    return int(row.conversations)
