"""Erasing what was asked about a person, and every answer that quotes a document about them."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.answers.models import Answer, AnswerFeedback, AnswerSource, CachedAnswer
from ai_svc.modules.privacy.work import Subject, Work
from knowledge.deletion import forget_replies
from shared_schemas.ids import OrganizationId

_AT_ONCE: Final = 500


async def erase_answers(work: Work) -> None:
    """With their questions, what people say of them, and their place in the cache."""
    while True:
        async with work.fenced() as session:
            answer_ids = (await session.scalars(about(work.subject).limit(_AT_ONCE))).all()
            if answer_ids:
                erased = await delete_answers(session, work, answer_ids)
                await work.count(session, erased)
        if len(answer_ids) < _AT_ONCE:
            return
        await work.show("answers", 10)


def about(subject: Subject) -> sa.CompoundSelect[UUID]:
    """The ids of all of them, each once."""
    asked = sa.select(Answer.id).where(
        Answer.organization_id == subject.organization_id,
        Answer.client_id.in_(subject.client_ids),
    )
    return sa.union(asked, _citing(subject.organization_id).where(_source_in(subject.documents)))


async def quoting(
    session: AsyncSession, organization_id: OrganizationId, document_ids: Sequence[UUID]
) -> Sequence[UUID]:
    """Some of those that quote one of the documents; none when there are none left."""
    some = _citing(organization_id).where(AnswerSource.document_id.in_(document_ids)).distinct()
    return (await session.scalars(some.limit(_AT_ONCE))).all()


async def delete_answers(
    session: AsyncSession, work: Work, answer_ids: Sequence[UUID]
) -> dict[str, int]:
    """How much of each store."""
    organization_id = work.organization_id
    replies = await forget_replies(session, organization_id, answer_ids)
    erased = {"kept_replies": replies}
    for store, table in (
        ("answer_feedback", AnswerFeedback),
        ("cached_answers", CachedAnswer),
    ):
        gone = await session.execute(
            sa.delete(table)
            .where(table.organization_id == organization_id, table.answer_id.in_(answer_ids))
            .returning(table.id)
            .execution_options(synchronize_session=False)
        )
        erased[store] = len(gone.all())
    answers = await session.execute(
        sa.delete(Answer)
        .where(Answer.organization_id == organization_id, Answer.id.in_(answer_ids))
        .returning(Answer.id)
        .execution_options(synchronize_session=False)
    )
    erased["answers"] = len(answers.all())
    return erased


def _citing(organization_id: OrganizationId) -> sa.Select[UUID]:
    return sa.select(AnswerSource.answer_id).where(AnswerSource.organization_id == organization_id)


def _source_in(documents: sa.Select[UUID]) -> sa.ColumnElement[bool]:
    return AnswerSource.document_id.in_(documents)
