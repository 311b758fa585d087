"""Texts of the organization's own that name a person in words only: by no link, so by their values.

A text that is linked to another client is that client's, and is left as it is.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any, Final

import sqlalchemy as sa

from ai_svc.modules.answers.models import Answer, AnswerFeedback, AnswerSource
from ai_svc.modules.chat.models import (
    Conversation,
    ConversationMessage,
    MessageClient,
    MessageFeedback,
    MessageStatus,
)
from ai_svc.modules.memory.models import Fact, FactClient, FactCorrection
from ai_svc.modules.privacy import rewriting
from ai_svc.modules.privacy.conversations import conversations_touched, messages_about
from ai_svc.modules.privacy.looking_through import Wordings
from ai_svc.modules.privacy.naming import Naming
from ai_svc.modules.privacy.work import Subject, Work
from ai_svc.modules.proposals.models import Proposal, ProposalClient
from chassis.data.database import Database
from knowledge.models import Document
from shared_schemas.ids import OrganizationId

_COUNTED_SECONDS: Final = 0.5


def _of_nobody(model: Any, column: Any, owner: Any) -> Callable[[OrganizationId], Any]:
    """Rows whose `column` no row of `model` (whose data something holds) leads to."""

    def own(tenant: OrganizationId) -> tuple[sa.ColumnElement[bool], ...]:
        linked = sa.exists().where(model.organization_id == tenant, column == owner)
        return (sa.not_(linked),)

    return own


def _own_conversations(tenant: OrganizationId) -> tuple[sa.ColumnElement[bool], ...]:
    said = sa.exists().where(
        ConversationMessage.organization_id == tenant,
        ConversationMessage.conversation_id == Conversation.id,
        MessageClient.organization_id == tenant,
        MessageClient.message_id == ConversationMessage.id,
    )
    return (Conversation.client_id.is_(None), sa.not_(said))


def _own_messages(tenant: OrganizationId) -> tuple[sa.ColumnElement[bool], ...]:
    about = sa.exists().where(
        Conversation.organization_id == tenant,
        Conversation.id == ConversationMessage.conversation_id,
        Conversation.client_id.is_not(None),
    )
    nobodys = _of_nobody(MessageClient, MessageClient.message_id, ConversationMessage.id)
    # What is being written is whole when its run ends, which is waited for.
    done = ConversationMessage.status != MessageStatus.RUNNING
    return (done, sa.not_(about), *nobodys(tenant))


def _own_answers(tenant: OrganizationId) -> tuple[sa.ColumnElement[bool], ...]:
    quoting = sa.exists().where(
        AnswerSource.organization_id == tenant,
        AnswerSource.answer_id == Answer.id,
        Document.organization_id == tenant,
        Document.id == AnswerSource.document_id,
        Document.client_id.is_not(None),
    )
    return (Answer.client_id.is_(None), sa.not_(quoting))


def _own_remarks(tenant: OrganizationId) -> tuple[sa.ColumnElement[bool], ...]:
    owned = sa.select(Answer.id).where(Answer.organization_id == tenant, *_own_answers(tenant))
    return (AnswerFeedback.answer_id.in_(owned),)


WORDINGS: Final = (
    Wordings(
        ConversationMessage,
        ("content", "answer"),
        _own_messages,
        rewriting.in_messages,
        going=lambda subject: ConversationMessage.id.in_(messages_about(subject)),
    ),
    Wordings(
        Conversation,
        ("title",),
        _own_conversations,
        rewriting.in_conversations,
        going=lambda subject: Conversation.id.in_(conversations_touched(subject)),
    ),
    Wordings(
        MessageFeedback,
        ("comment", "correction"),
        _of_nobody(MessageClient, MessageClient.message_id, MessageFeedback.message_id),
        rewriting.in_remarks,
        going=lambda subject: MessageFeedback.message_id.in_(messages_about(subject)),
    ),
    Wordings(
        Fact, ("text",), _of_nobody(FactClient, FactClient.fact_id, Fact.id), rewriting.in_facts
    ),
    Wordings(
        FactCorrection,
        ("text",),
        _of_nobody(FactClient, FactClient.fact_id, FactCorrection.fact_id),
        rewriting.gone,
        key=("fact_id", "version"),
        is_rewritten=False,
    ),
    Wordings(
        Proposal,
        ("summary", "arguments", "error_message"),
        _of_nobody(ProposalClient, ProposalClient.proposal_id, Proposal.id),
        rewriting.in_proposals,
    ),
    Wordings(Answer, ("question", "answer"), _own_answers, rewriting.in_answers),
    Wordings(
        AnswerFeedback,
        ("comment", "corrected_answer"),
        _own_remarks,
        rewriting.in_remarks_on_answers,
    ),
)
"""A test compares them with the columns that hold somebody's words."""


async def erase_named_texts(work: Work) -> None:
    """Before what is at hand: keys of texts that change are written down with them."""
    naming = await work.naming()
    if naming.is_empty:
        return
    for wordings in WORDINGS:
        async for keys in wordings.naming(work.database, work.subject, naming):
            if keys:
                await wordings.erase(work, naming, keys)
            await work.show("named_texts", 8)


async def count_named_texts(
    database: Database, subject: Subject, naming: Naming
) -> tuple[int, bool]:
    """How many texts name the person in words only, and whether all were looked through: whoever
    looks at a preview does not wait for every text there is."""
    found = 0
    if naming.is_empty:
        return found, True
    until = monotonic() + _COUNTED_SECONDS
    for wordings in WORDINGS:
        async for keys in wordings.naming(database, subject, naming):
            found += len(keys)
            if monotonic() > until:
                return found, False
    return found, True
