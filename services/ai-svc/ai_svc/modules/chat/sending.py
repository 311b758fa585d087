"""Taking a message in: the question and the answer that is about to be written, in one transaction.

The conversation is locked meanwhile, so that messages are numbered one after the other; that only
one answer is written at a time is a constraint.
"""

from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.chat import sending_rows as rows
from ai_svc.modules.chat.asked import Asked, Begun
from ai_svc.modules.chat.exceptions import ConversationFull, MessageNotFound, NotAnAnswer
from ai_svc.modules.chat.models import (
    LEASE,
    Conversation,
    ConversationMessage,
    MessageStatus,
    Speaker,
)
from ai_svc.modules.chat.repeating import begun_before
from ai_svc.modules.chat.repository import Conversations
from ai_svc.modules.usage import service as usage
from chassis.data.columns import utc_now
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id

MOST_MESSAGES: Final = 500
"""Of one conversation: what is longer nobody reads, and each message carries those before."""
_LONGEST_TITLE: Final = 80


async def begin(session: AsyncSession, actor: Actor, asked: Asked) -> Begun:
    """Raises ConversationNotFound, ConversationReadOnly, ConversationFull, MessageNotFound,
    NotAnAnswer, IdempotencyKeyReused; ConversationBusy and ClientErased by constraint."""
    earlier = await begun_before(session, actor, asked)
    if earlier is not None:
        return earlier
    conversation = await Conversations(session, actor).get_own(asked.conversation_id)
    if conversation.message_count:
        await _end_dead_run(session, conversation)
    is_new = asked.regenerates is None
    count = conversation.message_count + (2 if is_new else 1)
    if count > MOST_MESSAGES:
        raise ConversationFull(limit=MOST_MESSAGES)
    if asked.regenerates is None:
        question = _question(actor, conversation, asked)
    else:
        question = await _question_of(session, conversation, asked.regenerates)
    answer = _answer(actor, question, asked, count)
    new = [question, answer] if is_new else [answer]
    await rows.insert(session, new)
    so_far = await rows.move_on(
        session, conversation, count=count, title=_title(conversation, asked)
    )
    client_id = asked.client_id or conversation.client_id
    carried = frozenset(
        each for each in (client_id, conversation.client_id, *so_far) if each is not None
    )
    # New messages hold the data of everybody the conversation has held so far.
    await rows.hold(session, new, carried)
    return Begun(
        conversation_id=conversation.id,
        question_id=question.id,
        message_id=answer.id,
        run_id=answer.running_under,
        content=question.content or "",
        position=count,
        client_id=client_id,
        client_ids=carried,
        ticket_id=answer.ticket_id,
        agent=asked.agent,
        prompt_alias=asked.prompt_alias,
    )


async def _end_dead_run(session: AsyncSession, conversation: Conversation) -> None:
    """One whose process is gone stands in nobody's way."""
    dead = await rows.end_dead(session, conversation)
    if dead:
        await usage.abandon(session, conversation.organization_id, dead)


def _question(actor: Actor, conversation: Conversation, asked: Asked) -> ConversationMessage:
    return ConversationMessage(
        id=new_id(),
        organization_id=conversation.organization_id,
        conversation_id=conversation.id,
        position=conversation.message_count + 1,
        role=Speaker.USER,
        status=MessageStatus.DONE,
        author_id=actor.user_id,
        content=asked.content,
        ticket_id=asked.ticket_id or conversation.ticket_id,
        finished_at=utc_now(),
    )


async def _question_of(
    session: AsyncSession, conversation: Conversation, answer_id: UUID
) -> ConversationMessage:
    mine = sa.select(ConversationMessage).where(
        ConversationMessage.organization_id == conversation.organization_id,
        ConversationMessage.conversation_id == conversation.id,
    )
    answer = await session.scalar(mine.where(ConversationMessage.id == answer_id))
    if answer is None:
        raise MessageNotFound
    if answer.role is not Speaker.ASSISTANT:
        raise NotAnAnswer
    question = await session.scalar(mine.where(ConversationMessage.id == answer.in_reply_to))
    if question is None:
        raise MessageNotFound
    return question


def _answer(
    actor: Actor, question: ConversationMessage, asked: Asked, position: int
) -> ConversationMessage:
    return ConversationMessage(
        id=new_id(),
        organization_id=question.organization_id,
        conversation_id=question.conversation_id,
        position=position,
        role=Speaker.ASSISTANT,
        status=MessageStatus.RUNNING,
        author_id=actor.user_id,
        in_reply_to=question.id,
        ticket_id=question.ticket_id,
        run_id=new_id(),
        run_expires_at=utc_now() + LEASE,
        request_key=asked.key,
        request_fingerprint=asked.fingerprint if asked.key else None,
    )


def _title(conversation: Conversation, asked: Asked) -> str | None:
    """Its own, or the beginning of its first message."""
    if conversation.title is not None or not asked.content:
        return conversation.title
    words = " ".join(asked.content.split())
    if len(words) <= _LONGEST_TITLE:
        return words
    return words[: _LONGEST_TITLE - 1].rsplit(" ", 1)[0] + "…"
