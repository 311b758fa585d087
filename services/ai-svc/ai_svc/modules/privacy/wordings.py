"""Texts of the organization's own that name a person in words only: by no link, so by their values.

A text that is linked to another client is that client's, and is left as it is. Texts are read in
pages, looked through in a thread and outside of any transaction, and written in small ones: there
each is read again, locked.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.answers.models import Answer, AnswerFeedback, AnswerSource, CachedAnswer
from ai_svc.modules.chat.event_store import key_of as stream_of
from ai_svc.modules.chat.models import (
    Conversation,
    ConversationMessage,
    MessageClient,
    MessageFeedback,
    MessageStatus,
)
from ai_svc.modules.chat.words import found_by
from ai_svc.modules.memory.facts import digest_of
from ai_svc.modules.memory.models import Fact, FactClient, FactCorrection
from ai_svc.modules.memory.short_term import key_of as memory_of
from ai_svc.modules.privacy.conversations import conversations_touched, messages_about
from ai_svc.modules.privacy.naming import Naming
from ai_svc.modules.privacy.work import Subject, Work
from ai_svc.modules.proposals.models import Proposal, ProposalClient
from chassis.data.database import Database
from knowledge.deletion import forget_replies
from knowledge.models import Document
from shared_schemas.ids import OrganizationId

_AT_ONCE: Final = 500
_COUNTED_SECONDS: Final = 0.5
_Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Rows that name the person, locked, and what is needed to write them."""

    session: AsyncSession
    work: Work
    naming: Naming
    rows: Sequence[Any]

    @property
    def ids(self) -> list[Any]:
        """Of the rows."""
        return [row.id for row in self.rows]


@dataclass(frozen=True, slots=True)
class Wordings:
    """The texts of one table, of rows that nobody's data is linked to."""

    model: Any
    columns: tuple[str, ...]
    own: Callable[[OrganizationId], tuple[sa.ColumnElement[bool], ...]]
    take_out: Callable[[Page], Awaitable[None]]
    key: tuple[str, ...] = ("id",)
    going: Callable[[Subject], sa.ColumnElement[bool]] | None = None
    """Of these rows: those that go by somebody's link, and need no rewriting."""
    is_rewritten: bool = True

    async def naming(
        self, database: Database, subject: Subject, naming: Naming
    ) -> AsyncIterator[list[_Key]]:
        """Keys of rows that name the person, page by page."""
        key, after = self._key(), None
        while True:
            some = sa.select(*key, *self._texts()).where(*self._mine(subject.organization_id))
            if self.going is not None:
                some = some.where(sa.not_(self.going(subject)))
            if after is not None:
                some = some.where(sa.tuple_(*key) > sa.tuple_(*after))
            tenant = subject.organization_id
            async with database.transaction(tenant, read_only=True) as session:
                rows = (await session.execute(some.order_by(*key).limit(_AT_ONCE))).all()
            yield await asyncio.to_thread(self._named, rows, naming)
            if len(rows) < _AT_ONCE:
                return
            after = tuple(rows[-1][: len(key)])

    async def erase(self, work: Work, naming: Naming, keys: Sequence[_Key]) -> int:
        """Takes the person out of these rows, if they still name them; how many did."""
        async with work.fenced() as session:
            wanted = sa.tuple_(*self._key()).in_(keys)
            locked = sa.select(self.model).where(*self._mine(work.organization_id), wanted)
            if self.is_rewritten:  # rows that are only ever deleted cannot be locked
                locked = locked.with_for_update()
            rows = await session.scalars(locked.order_by(*self._key()))
            named = [row for row in rows if naming.is_in(self._said(row))]
            if named:
                await self.take_out(Page(session, work, naming, named))
                await work.count(session, {"named_texts": len(named)})
        return len(named)

    def _named(self, rows: Sequence[Any], naming: Naming) -> list[_Key]:
        parts = len(self.key)
        return [tuple(row[:parts]) for row in rows if naming.is_in(row[parts:])]

    def _said(self, row: Any) -> list[Any]:
        return [getattr(row, column) for column in self.columns]

    def _key(self) -> list[Any]:
        return [getattr(self.model, name) for name in self.key]

    def _texts(self) -> list[Any]:
        return [getattr(self.model, name) for name in self.columns]

    def _mine(self, tenant: OrganizationId) -> tuple[sa.ColumnElement[bool], ...]:
        return (self.model.organization_id == tenant, *self.own(tenant))


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


async def _rewrite(page: Page, *columns: str) -> None:
    for row in page.rows:
        for column in columns:
            setattr(row, column, page.naming.without(getattr(row, column)))
    await page.session.flush()


async def _in_messages(page: Page) -> None:
    """With what they are found by, what is at hand of them, and replies kept for who asks again."""
    tenant = page.work.organization_id
    for row in page.rows:
        row.answer = _answer(page.naming, row.answer)
        row.content = page.naming.without(row.content)
        row.terms = _terms(found_by(tenant, row.content))
        row.request_key = row.request_fingerprint = None
    await page.session.flush()
    conversation_ids = {row.conversation_id for row in page.rows}
    keys = [memory_of(tenant, each) for each in sorted(conversation_ids)]
    keys += [stream_of(tenant, row.run_id) for row in page.rows if row.run_id is not None]
    await page.work.leave_keys(page.session, keys)
    await forget_replies(page.session, tenant, [*conversation_ids, *page.ids])


def _terms(found: list[str] | None) -> Any:
    return sa.func.array_to_tsvector(sa.cast(found, ARRAY(sa.Text())), type_=TSVECTOR())


def _answer(naming: Naming, answer: dict[str, Any] | None) -> dict[str, Any] | None:
    """The stretches of its text stand where they stood."""
    if answer is None:
        return None
    done = naming.taken_out(answer.get("text") or "")
    moved = [
        {**each, "start": done.moved(each["start"]), "end": done.moved(each["end"])}
        for each in answer.get("unsupported") or ()
    ]
    without: dict[str, Any] = naming.without(answer)
    return {**without, "unsupported": moved} if moved else without


async def _in_conversations(page: Page) -> None:
    await _rewrite(page, "title")
    await forget_replies(page.session, page.work.organization_id, page.ids)


async def _in_remarks(page: Page) -> None:
    await _rewrite(page, "comment", "correction")


async def _in_facts(page: Page) -> None:
    """Two that differed in nothing but the person stay two."""
    for row in page.rows:
        row.text = page.naming.without(row.text)
        row.digest = digest_of(row.text, [row.id])
    await page.session.flush()
    await forget_replies(page.session, page.work.organization_id, page.ids)


async def _gone(page: Page) -> None:
    """What was said before, or shown to be confirmed, is not rewritten: it goes."""
    for row in page.rows:
        await page.session.delete(row)
    await page.session.flush()


async def _in_proposals(page: Page) -> None:
    await forget_replies(page.session, page.work.organization_id, page.ids)
    await _gone(page)


async def _in_answers(page: Page) -> None:
    """With their place in the cache: its key was made of the question."""
    await _rewrite(page, "question", "answer")
    tenant = page.work.organization_id
    await page.session.execute(
        sa.delete(CachedAnswer)
        .where(CachedAnswer.organization_id == tenant, CachedAnswer.answer_id.in_(page.ids))
        .execution_options(synchronize_session=False)
    )
    await forget_replies(page.session, tenant, page.ids)


async def _in_remarks_on_answers(page: Page) -> None:
    await _rewrite(page, "comment", "corrected_answer")


WORDINGS: Final = (
    Wordings(
        ConversationMessage,
        ("content", "answer"),
        _own_messages,
        _in_messages,
        going=lambda subject: ConversationMessage.id.in_(messages_about(subject)),
    ),
    Wordings(
        Conversation,
        ("title",),
        _own_conversations,
        _in_conversations,
        going=lambda subject: Conversation.id.in_(conversations_touched(subject)),
    ),
    Wordings(
        MessageFeedback,
        ("comment", "correction"),
        _of_nobody(MessageClient, MessageClient.message_id, MessageFeedback.message_id),
        _in_remarks,
        going=lambda subject: MessageFeedback.message_id.in_(messages_about(subject)),
    ),
    Wordings(Fact, ("text",), _of_nobody(FactClient, FactClient.fact_id, Fact.id), _in_facts),
    Wordings(
        FactCorrection,
        ("text",),
        _of_nobody(FactClient, FactClient.fact_id, FactCorrection.fact_id),
        _gone,
        key=("fact_id", "version"),
        is_rewritten=False,
    ),
    Wordings(
        Proposal,
        ("summary", "arguments", "error_message"),
        _of_nobody(ProposalClient, ProposalClient.proposal_id, Proposal.id),
        _in_proposals,
    ),
    Wordings(Answer, ("question", "answer"), _own_answers, _in_answers),
    Wordings(AnswerFeedback, ("comment", "corrected_answer"), _own_remarks, _in_remarks_on_answers),
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
