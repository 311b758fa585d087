"""Erasing what was said about a person in conversations, with what was proposed and remembered.

A message goes when its run held the person's data or a document about them, with the question it
answers and every other answer to that: the question is how the run came to it.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.chat.event_store import key_of as stream_of
from ai_svc.modules.chat.models import (
    Conversation,
    ConversationMessage,
    MessageClient,
    MessageDocument,
    MessageFeedback,
)
from ai_svc.modules.memory.models import Fact, FactClient, FactCorrection
from ai_svc.modules.memory.short_term import key_of as memory_of
from ai_svc.modules.privacy.work import Subject, Work
from ai_svc.modules.proposals.models import Proposal, ProposalClient
from knowledge.deletion import forget_replies

_CONVERSATIONS_AT_ONCE: Final = 50
_AT_ONCE: Final = 500


def messages_about(subject: Subject) -> sa.Select[UUID]:
    """The ids of all of them."""
    message = ConversationMessage
    carrying = sa.select(MessageClient.message_id).where(
        MessageClient.organization_id == subject.organization_id,
        MessageClient.client_id.in_(subject.client_ids),
    )
    standing = sa.select(MessageDocument.message_id).where(
        MessageDocument.organization_id == subject.organization_id,
        MessageDocument.document_id.in_(subject.documents),
    )
    whole = _mine(subject, sa.select(message.id)).where(
        message.conversation_id.in_(conversations_with(subject))
    )
    held = sa.union(carrying, standing, whole).cte()  # without a name: a statement may hold several
    held_ids = sa.select(held.c[0])
    asked = _mine(subject, sa.select(message.in_reply_to)).where(
        message.id.in_(held_ids), message.in_reply_to.is_not(None)
    )
    first = sa.union(held_ids, asked).cte()
    first_ids = sa.select(first.c[0])
    beside = _mine(subject, sa.select(message.id)).where(message.in_reply_to.in_(first_ids))
    return sa.select(sa.union(first_ids, beside).subquery().c[0])


def conversations_with(subject: Subject) -> sa.Select[UUID]:
    """The ids of those that are about the person as a whole."""
    return sa.select(Conversation.id).where(
        Conversation.organization_id == subject.organization_id,
        Conversation.client_id.in_(subject.client_ids),
    )


def conversations_touched(subject: Subject) -> sa.Select[UUID]:
    """The ids of those, and of those that lose a message: their title was made of one."""
    losing = _mine(subject, sa.select(ConversationMessage.conversation_id)).where(
        ConversationMessage.id.in_(messages_about(subject))
    )
    return sa.select(sa.union(losing, conversations_with(subject)).subquery().c[0])


def proposals_about(subject: Subject) -> sa.Select[UUID]:
    """The ids of proposals whose words may be about the person."""
    return sa.select(ProposalClient.proposal_id).where(
        ProposalClient.organization_id == subject.organization_id,
        ProposalClient.client_id.in_(subject.client_ids),
    )


def facts_about(subject: Subject) -> sa.Select[UUID]:
    """The ids of facts that may hold the person's data, whoever told them."""
    return sa.select(FactClient.fact_id).where(
        FactClient.organization_id == subject.organization_id,
        FactClient.client_id.in_(subject.client_ids),
    )


async def erase_conversations(work: Work) -> None:
    """Some conversations at a time; what of them is in Redis is deleted once that is committed."""
    while True:
        async with work.fenced() as session:
            some = conversations_touched(work.subject).limit(_CONVERSATIONS_AT_ONCE)
            conversation_ids = sorted(await session.scalars(some))
            if conversation_ids:
                erased = await _erase(session, work, conversation_ids)
                await work.count(session, erased)
        if len(conversation_ids) < _CONVERSATIONS_AT_ONCE:
            return
        await work.show("conversations", 5)


async def erase_proposals(work: Work) -> None:
    """Also those that were confirmed: what was done by them stays with who did it, core-api."""
    await _erase_linked(work, Proposal, proposals_about(work.subject), {"proposals": Proposal.id})


async def erase_memories(work: Work) -> None:
    """With what they said before."""
    stores = {"memory_corrections": FactCorrection.fact_id, "memories": Fact.id}
    await _erase_linked(work, Fact, facts_about(work.subject), stores)


async def _erase(
    session: AsyncSession, work: Work, conversation_ids: Sequence[UUID]
) -> dict[str, int]:
    tenant, message = work.organization_id, ConversationMessage
    # First and in one order: whoever adds a message to one of them comes before, or after.
    await session.execute(
        sa.select(Conversation.id)
        .where(Conversation.organization_id == tenant, Conversation.id.in_(conversation_ids))
        .order_by(Conversation.id)
        .with_for_update()
    )
    found = await session.execute(
        sa.select(message.id, message.run_id).where(
            message.organization_id == tenant,
            message.conversation_id.in_(conversation_ids),
            message.id.in_(messages_about(work.subject)),
        )
    )
    rows = found.all()
    keys = [memory_of(tenant, each) for each in conversation_ids]
    keys += [stream_of(tenant, run_id) for _, run_id in rows if run_id is not None]
    left = await work.leave_keys(session, keys)
    message_ids = [message_id for message_id, _ in rows]
    replies = await forget_replies(session, tenant, [*conversation_ids, *message_ids])
    feedback = await _delete(session, work, MessageFeedback.message_id, message_ids)
    messages = await _delete(session, work, message.id, message_ids)
    await _close(session, work, conversation_ids)
    return {
        "conversations": len(conversation_ids),
        "conversation_messages": messages,
        "message_feedback": feedback,
        "at_hand": left,
        "kept_replies": replies,
    }


async def _close(session: AsyncSession, work: Work, conversation_ids: Sequence[UUID]) -> None:
    """What is about the person, or empty now, goes; of the others the title."""
    message = ConversationMessage
    these = (
        Conversation.organization_id == work.organization_id,
        Conversation.id.in_(conversation_ids),
    )
    empty = sa.not_(
        sa.exists().where(
            message.organization_id == Conversation.organization_id,
            message.conversation_id == Conversation.id,
        )
    )
    about = Conversation.client_id.in_(work.subject.client_ids)
    unseen = {"synchronize_session": False}
    await session.execute(
        sa.delete(Conversation).where(*these, sa.or_(about, empty)).execution_options(**unseen)
    )
    await session.execute(
        sa.update(Conversation).where(*these).values(title=None).execution_options(**unseen)
    )


async def _erase_linked(
    work: Work, model: Any, about: sa.Select[UUID], stores: dict[str, Any]
) -> None:
    """`stores`: what to delete by these ids, in this order, and what that is called."""
    while True:
        async with work.fenced() as session:
            ids = (await session.scalars(about.distinct().limit(_AT_ONCE))).all()
            if ids:
                tenant = work.organization_id
                locked = sa.select(model.id).where(model.organization_id == tenant)
                await session.execute(
                    locked.where(model.id.in_(ids)).order_by(model.id).with_for_update()
                )
                erased = {
                    store: await _delete(session, work, column, ids)
                    for store, column in stores.items()
                }
                erased["kept_replies"] = await forget_replies(session, tenant, ids)
                await work.count(session, erased)
        if len(ids) < _AT_ONCE:
            return
        await work.show("proposals", 8)


async def _delete(session: AsyncSession, work: Work, column: Any, ids: Sequence[UUID]) -> int:
    table = column.class_
    gone: sa.Result[Any] = await session.execute(
        sa.delete(table)
        .where(table.organization_id == work.organization_id, column.in_(ids))
        .returning(sa.literal_column("1"))
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())


def _mine(subject: Subject, statement: sa.Select[Any]) -> sa.Select[Any]:
    return statement.where(ConversationMessage.organization_id == subject.organization_id)
