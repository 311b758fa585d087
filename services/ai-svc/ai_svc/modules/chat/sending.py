"""Taking a message in: the question and the answer that is about to be written, in one transaction.

The conversation is locked meanwhile, so that messages are numbered one after the other; that only
one answer is written at a time is a constraint. Who repeats a request by its `Idempotency-Key` gets
the answer that was begun then.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, cast
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
from ai_svc.modules.chat.words import TERMS, found_by
from ai_svc.modules.prompts.service import Alias
from ai_svc.modules.usage import service as usage
from chassis.data.columns import utc_now
from chassis.web.idempotency import IdempotencyKeyReused
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id

_CONVERSATIONS: Final = cast("sa.Table", Conversation.__table__)
_MESSAGES: Final = cast("sa.Table", ConversationMessage.__table__)
_LINKS: Final = cast("sa.Table", MessageClient.__table__)
# Built once, and on the tables: a message is few rows, and half of its time went to building these.
_INSERT: Final = sa.insert(_MESSAGES).values(terms=TERMS)
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
    new = [answer] if asked.regenerates else [question, answer]
    await _insert(session, new)
    client_id = asked.client_id or conversation.client_id
    so_far = await _moved_on(session, conversation, asked, count + added)
    carried = await _carry(session, conversation, new, client_id, so_far)
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
        _END_DEAD,
        {
            "tenant": conversation.organization_id,
            "conversation": conversation.id,
            "now": utc_now(),
        },
    )
    dead = [run_id for run_id in ended if run_id is not None]
    if dead:
        await usage.abandon(session, conversation.organization_id, dead)


async def _question(
    session: AsyncSession, actor: Actor, conversation: Conversation, asked: Asked
) -> ConversationMessage:
    if asked.regenerates is not None:
        return await _question_of(session, conversation, asked.regenerates)
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


async def _insert(session: AsyncSession, new: Sequence[ConversationMessage]) -> None:
    """One statement; that one answer at a time is written is decided here."""
    rows = [
        {name: getattr(message, name) for name in _WRITTEN}
        | {"found": found_by(message.organization_id, message.content)}
        for message in new
    ]
    await session.execute(_INSERT, rows)


async def _carry(
    session: AsyncSession,
    conversation: Conversation,
    new: Sequence[ConversationMessage],
    client_id: UUID | None,
    so_far: Iterable[UUID],
) -> frozenset[UUID]:
    """New messages hold the data of everybody the conversation has held so far: whose."""
    tenant = conversation.organization_id
    named = [each for each in (client_id, conversation.client_id) if each is not None]
    carried = {*named, *so_far}
    rows = [
        {"organization_id": tenant, "message_id": message.id, "client_id": each}
        for message in new
        for each in sorted(carried)
    ]
    if rows:
        await session.execute(sa.insert(MessageClient), rows)
    return frozenset(carried)


async def _moved_on(
    session: AsyncSession, conversation: Conversation, asked: Asked, count: int
) -> Sequence[UUID]:
    """Not a change of the owner's: the version stays. Says whose data its messages hold: asked
    after the answer stands, so with what the one before it has come to hold until its end."""
    title = conversation.title
    if title is None and asked.content:
        title = _title_of(asked.content)
    so_far = await session.scalar(
        _MOVE_ON,
        {
            "tenant": conversation.organization_id,
            "conversation": conversation.id,
            "count": count,
            "now": utc_now(),
            "title_now": title,
        },
    )
    return so_far or ()


def _title_of(content: str) -> str:
    words = " ".join(content.split())
    if len(words) <= _LONGEST_TITLE:
        return words
    return words[: _LONGEST_TITLE - 1].rsplit(" ", 1)[0] + "…"


def _run_of(answer: ConversationMessage) -> UUID:
    if answer.run_id is None:
        raise RuntimeError("an answer without a run")
    return answer.run_id
