"""What people say of answers, what is worth a look, and answers that people write themselves."""

import asyncio
from collections import defaultdict
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.answers.exceptions import (
    AboutAClient,
    AlreadyCurated,
    NothingToCurate,
    SourcesNotForAll,
)
from ai_svc.modules.answers.likeness import groups
from ai_svc.modules.answers.metrics import FEEDBACK
from ai_svc.modules.answers.models import Answer, AnswerFeedback
from ai_svc.modules.answers.repository import Answers
from ai_svc.modules.answers.schemas import (
    CurationInput,
    FeedbackInput,
    FeedbackRead,
    LowRatedRead,
    NeverCitedRead,
    ReviewRead,
    unanswered_of,
)
from chassis.data.columns import utc_now
from chassis.data.database import Database
from knowledge import submission
from knowledge.access import reader_of
from knowledge.models import Chunking
from knowledge.quotas import Quota
from knowledge.submission import Source, Submitted
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id


async def judge(
    session: AsyncSession, actor: Actor, answer_id: UUID, said: FeedbackInput
) -> AnswerFeedback:
    """One judgement per person and answer: the later one holds. Raises AnswerNotFound."""
    await Answers(session, await reader_of(session, actor)).get(answer_id)
    now = utc_now()
    fresh = {**said.model_dump(), "updated_at": now}
    feedback: AnswerFeedback = (
        await session.execute(
            insert(AnswerFeedback)
            .values(
                id=new_id(),
                organization_id=actor.organization_id,
                answer_id=answer_id,
                user_id=actor.user_id,
                created_at=now,
                **fresh,
            )
            .on_conflict_do_update(
                index_elements=["organization_id", "answer_id", "user_id"], set_=fresh
            )
            .returning(AnswerFeedback)
        )
    ).scalar_one()
    FEEDBACK.labels(said.rating.value).inc()
    return feedback


async def forget(session: AsyncSession, actor: Actor, answer_id: UUID) -> None:
    """Deletes an answer with its question, what was said of it and its place in the cache."""
    answer = await Answers(session, await reader_of(session, actor)).get(answer_id)
    await session.execute(
        sa.delete(Answer).where(
            Answer.organization_id == actor.organization_id, Answer.id == answer.id
        )
    )


async def worth_a_look(
    database: Database, actor: Actor, *, period: timedelta, limit: int
) -> ReviewRead:
    """Grouping takes a moment, and no transaction is open meanwhile."""
    since = utc_now() - period
    async with database.transaction(actor.organization_id, read_only=True) as session:
        answers = Answers(session, await reader_of(session, actor))
        unanswered = await answers.unanswered(since)
        low_rated = await answers.low_rated(since, limit)
        said = await answers.said_of([answer.id for answer, _, _ in low_rated])
        never_cited = await answers.never_cited(since, limit)
    alike = await asyncio.to_thread(groups, [each.question for each in unanswered])
    alike.sort(key=len, reverse=True)
    of_answer: dict[UUID, list[FeedbackRead]] = defaultdict(list)
    for feedback in said:
        of_answer[feedback.answer_id].append(FeedbackRead.of(feedback))
    return ReviewRead(
        unanswered=[
            unanswered_of([unanswered[place] for place in group]) for group in alike[:limit]
        ],
        low_rated=[
            LowRatedRead(
                id=answer.id,
                question=answer.question,
                answer=answer.answer,
                down=down,
                up=up,
                feedback=of_answer[answer.id],
                answered_at=answer.created_at,
            )
            for answer, down, up in low_rated
        ],
        never_cited=[NeverCitedRead.of(row) for row in never_cited],
    )


async def dismiss(session: AsyncSession, actor: Actor, answer_id: UUID) -> None:
    """Takes a question off the list. Raises AnswerNotFound."""
    answers = Answers(session, await reader_of(session, actor))
    answer = await answers.get(answer_id, for_update=True)
    answer.resolved_at = answer.resolved_at or utc_now()


async def curate(
    session: AsyncSession, actor: Actor, answer_id: UUID, wanted: CurationInput, quota: Quota
) -> Submitted:
    """Submits question and right answer as a document, which answers once it is indexed.

    Raises AnswerNotFound, AlreadyCurated, NothingToCurate, AboutAClient, SourcesNotForAll.
    """
    answers = Answers(session, await reader_of(session, actor))
    answer = await answers.get(answer_id, for_update=True)
    if answer.curated_document_id is not None:
        raise AlreadyCurated
    if answer.client_id is not None:
        raise AboutAClient
    if not await answers.quotes_only_what_is_for_all(answer_id):
        raise SourcesNotForAll
    corrections = (each.corrected_answer for each in await answers.said_of([answer_id]))
    right = wanted.answer or next((text for text in corrections if text), None)
    if right is None:
        raise NothingToCurate
    question = " ".join((wanted.question or answer.question).split())
    submitted = await submission.submit(
        session,
        actor,
        Source.curated(question, right),
        title=question,
        chunking=Chunking.QA,
        allow_duplicate=True,
        quota=quota,
    )
    await session.flush()
    answer.curated_document_id = submitted.document.id
    answer.resolved_at = utc_now()
    return submitted
