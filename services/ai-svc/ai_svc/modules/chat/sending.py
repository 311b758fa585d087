"""Taking a message in: the question and the answer that is about to be written, in one transaction.

The conversation is locked meanwhile, so that messages are numbered one after the other; that only
one answer is written at a time is a constraint. Who repeats a request by its `Idempotency-Key` gets
the answer that was begun then.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.agents.events import AgentName
from ai_svc.modules.chat.ending import LOST, LOST_MESSAGE
from ai_svc.modules.chat.exceptions import ConversationFull, MessageNotFound, NotAnAnswer
from ai_svc.modules.chat.models import (
    LEASE,
    Conversation,
    ConversationMessage,
    MessageClient,
    MessageStatus,
    Speaker,
)
from ai_svc.modules.chat.repository import Conversations
from ai_svc.modules.chat.words import terms_of
from ai_svc.modules.prompts.service import Alias
from ai_svc.modules.usage import service as usage
from chassis.data.columns import utc_now
from chassis.web.idempotency import IdempotencyKeyReused
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id

MOST_MESSAGES: Final = 500
"""Of one conversation: what is longer nobody reads, and each message carries those before."""
_LONGEST_TITLE: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for. `regenerates`: another answer to what that one answered."""

    conversation_id: UUID
    content: str = ""
    regenerates: UUID | None = None
    client_id: UUID | None = None
    ticket_id: UUID | None = None
    agent: AgentName | None = None
    prompt_alias: Alias = Alias.PRODUCTION
    key: str | None = None

    @property
    def fingerprint(self) -> str:
        """The same for the same request."""
        said = (self.conversation_id, self.content, self.regenerates, self.client_id)
        tried = () if self.prompt_alias is Alias.PRODUCTION else (self.prompt_alias,)
        text = "\n".join(map(str, (*said, self.ticket_id, self.agent, *tried)))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A run that may start: both rows are there. `is_replay`: it was begun by an earlier request
    with the same key."""

    conversation_id: UUID
    question_id: UUID
    message_id: UUID
    run_id: UUID
    content: str
    client_id: UUID | None = None
    client_ids: frozenset[UUID] = frozenset()
    """Whose data the conversation has held so far."""
    ticket_id: UUID | None = None
    agent: AgentName | None = None
    prompt_alias: Alias = Alias.PRODUCTION
    is_replay: bool = False


async def begin(session: AsyncSession, actor: Actor, asked: Asked) -> Begun:
    """Raises ConversationNotFound, ConversationReadOnly, ConversationFull, MessageNotFound,
    NotAnAnswer, IdempotencyKeyReused; ConversationBusy and ClientErased by constraint."""
    earlier = await _earlier(session, actor, asked)
    if earlier is not None:
        return earlier
    conversation = await Conversations(session, actor).get_own(asked.conversation_id)
    count = conversation.message_count
    if count:
        await _end_dead_run(session, conversation)
    added = 1 if asked.regenerates else 2
    if count + added > MOST_MESSAGES:
        raise ConversationFull(limit=MOST_MESSAGES)
    question = await _question(session, actor, conversation, asked)
    answer = _answer(actor, question, asked, count + added)
    session.add(answer)
    await session.flush()
    new = [answer.id] if asked.regenerates else [question.id, answer.id]
    client_id = asked.client_id or conversation.client_id
    carried = await _carry(session, conversation, new, client_id)
    await _moved_on(session, conversation, asked, count + added)
    return Begun(
        conversation_id=conversation.id,
        question_id=question.id,
        message_id=answer.id,
        run_id=_run_of(answer),
        content=question.content or "",
        client_id=client_id,
        client_ids=carried,
        ticket_id=answer.ticket_id,
        agent=asked.agent,
        prompt_alias=asked.prompt_alias,
    )


async def _earlier(session: AsyncSession, actor: Actor, asked: Asked) -> Begun | None:
    """What the same key has begun before."""
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
        run_id=_run_of(row),
        content=asked.content,
        is_replay=True,
    )


async def _end_dead_run(session: AsyncSession, conversation: Conversation) -> None:
    """One whose process is gone stands in nobody's way."""
    ended = await session.scalars(
        sa.update(ConversationMessage)
        .where(
            ConversationMessage.organization_id == conversation.organization_id,
            ConversationMessage.conversation_id == conversation.id,
            ConversationMessage.status == MessageStatus.RUNNING,
            ConversationMessage.run_expires_at < sa.func.clock_timestamp(),
        )
        .values(
            status=MessageStatus.FAILED,
            error_code=LOST,
            error_message=LOST_MESSAGE,
            run_expires_at=None,
            finished_at=utc_now(),
        )
        .returning(ConversationMessage.run_id)
        .execution_options(synchronize_session=False)
    )
    dead = [run_id for run_id in ended if run_id is not None]
    if dead:
        await usage.abandon(session, conversation.organization_id, dead)


async def _question(
    session: AsyncSession, actor: Actor, conversation: Conversation, asked: Asked
) -> ConversationMessage:
    if asked.regenerates is not None:
        return await _question_of(session, conversation, asked.regenerates)
    question = ConversationMessage(
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
        terms=terms_of(conversation.organization_id, asked.content),
    )
    session.add(question)
    await session.flush()
    return question


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


async def _carry(
    session: AsyncSession,
    conversation: Conversation,
    message_ids: Iterable[UUID],
    client_id: UUID | None,
) -> frozenset[UUID]:
    """New messages hold the data of everybody the conversation has held so far: whose."""
    tenant = conversation.organization_id
    named = [each for each in {client_id, conversation.client_id} if each is not None]
    so_far = (
        sa.select(MessageClient.client_id)
        .join(
            ConversationMessage,
            sa.and_(
                ConversationMessage.organization_id == MessageClient.organization_id,
                ConversationMessage.id == MessageClient.message_id,
            ),
        )
        .where(
            ConversationMessage.organization_id == tenant,
            ConversationMessage.conversation_id == conversation.id,
        )
        .distinct()
    )
    carried = {*named, *(await session.scalars(so_far) if conversation.message_count else ())}
    rows = [
        {"organization_id": tenant, "message_id": message_id, "client_id": each}
        for message_id in message_ids
        for each in sorted(carried)
    ]
    if rows:
        await session.execute(sa.insert(MessageClient), rows)
    return frozenset(carried)


async def _moved_on(
    session: AsyncSession, conversation: Conversation, asked: Asked, count: int
) -> None:
    """Not a change of the owner's: the version stays."""
    now = utc_now()
    changes: dict[str, object] = {"message_count": count, "active_at": now, "updated_at": now}
    if conversation.title is None and asked.content:
        changes["title"] = _title_of(asked.content)
    await session.execute(
        sa.update(Conversation)
        .where(
            Conversation.organization_id == conversation.organization_id,
            Conversation.id == conversation.id,
        )
        .values(changes)
        .execution_options(synchronize_session=False)
    )


def _title_of(content: str) -> str:
    words = " ".join(content.split())
    if len(words) <= _LONGEST_TITLE:
        return words
    return words[: _LONGEST_TITLE - 1].rsplit(" ", 1)[0] + "…"


def _run_of(answer: ConversationMessage) -> UUID:
    if answer.run_id is None:
        raise RuntimeError("an answer without a run")
    return answer.run_id
