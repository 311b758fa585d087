"""What people do with conversations, inside the caller's transaction."""

from asyncio import timeout
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
import structlog
from redis.exceptions import RedisError
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.desk import Desk
from ai_svc.modules.chat.event_store import EventStore
from ai_svc.modules.chat.exceptions import NotAnAnswer
from ai_svc.modules.chat.metrics import FEEDBACK
from ai_svc.modules.chat.models import (
    Conversation,
    ConversationMessage,
    MessageDocument,
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
from ai_svc.modules.memory import service as memory
from ai_svc.modules.prompts.service import Alias
from ai_svc.modules.proposals import service as proposals
from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.messaging.endurance import describe
from chassis.web.errors import Forbidden
from chassis.web.etag import check_version
from knowledge.access import reader_of
from knowledge.deletion import forget_replies
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, new_id
from shared_schemas.permissions import Permission

_log = structlog.get_logger(__name__)

_PATIENCE: Final = 0.25
"""Seconds. What a Redis that is down keeps of a run goes by itself, in a quarter of an hour."""


def may_name(actor: Actor, client_id: UUID | None) -> None:
    """Raises Forbidden when a client is named by who may not see clients."""
    if client_id is not None and not actor.may(Permission.CLIENTS_READ):
        raise Forbidden


def may_try(actor: Actor, alias: Alias) -> None:
    """Raises Forbidden when who does not choose the prompts wants those that were not chosen."""
    if alias is not Alias.PRODUCTION and not actor.may(Permission.ASSISTANT_CONFIGURE):
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


@dataclass(frozen=True, slots=True)
class AtHand:
    """Of which conversations and runs Redis may hold words."""

    organization_id: OrganizationId
    conversation_ids: Sequence[UUID]
    run_ids: Sequence[UUID]


async def standing_on(
    session: AsyncSession, organization_id: OrganizationId, document_id: UUID
) -> AtHand:
    """Where answers that stand on the document may be at hand. To be asked while its row is locked:
    an answer that comes later finds no document."""
    message, link = ConversationMessage, MessageDocument
    rows = await session.execute(
        sa.select(message.conversation_id, message.run_id)
        .join(
            link,
            sa.and_(link.organization_id == message.organization_id, link.message_id == message.id),
        )
        .join(
            Conversation,
            sa.and_(
                Conversation.organization_id == message.organization_id,
                Conversation.id == message.conversation_id,
            ),
        )
        .where(
            message.organization_id == organization_id,
            link.document_id == document_id,
            Conversation.active_at > utc_now() - memory.AT_HAND,
        )
    )
    found = rows.all()
    return AtHand(
        organization_id,
        sorted({row.conversation_id for row in found}),
        [row.run_id for row in found if row.run_id is not None],
    )


async def let_go(desk: Desk, at_hand: AtHand) -> None:
    """After the document's deletion is committed, which has taken the words in PostgreSQL."""
    await memory.forget_conversations(desk, at_hand.organization_id, at_hand.conversation_ids)
    try:
        async with timeout(_PATIENCE):
            await EventStore(desk.redis).forget(at_hand.organization_id, at_hand.run_ids)
    except (RedisError, OSError) as error:
        _log.warning("chat_events_not_forgotten", error=describe(error))


async def prune(database: Database, keep_for: timedelta) -> int:
    """Deletes conversations in which nothing was said for that long, in every organization."""
    pruned = sa.func.ai.prune_conversations(utc_now() - keep_for)
    (row,) = await database.worker_statement(sa.select(pruned.label("conversations")))
    return int(row.conversations)
