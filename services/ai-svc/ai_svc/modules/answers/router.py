"""Judging answers, and reviewing them, over HTTP."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response, status

from ai_svc.modules.answers import review
from ai_svc.modules.answers.exceptions import (
    AboutAClient,
    AlreadyCurated,
    AnswerNotFound,
    NothingToCurate,
    SourcesNotForAll,
)
from ai_svc.modules.answers.schemas import (
    CuratedRead,
    CurationInput,
    FeedbackInput,
    FeedbackRead,
    ReviewRead,
)
from ai_svc.workshop import CurrentWorkshop
from chassis.security.authentication import require
from chassis.web.dependencies import Tx
from chassis.web.documentation import raises
from chassis.web.idempotency import IdempotentRoute
from chassis.web.responses import success
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/rag", tags=["answers"], route_class=IdempotentRoute)

Asker = Annotated[Actor, Depends(require(Permission.RAG_ASK))]
Curator = Annotated[Actor, Depends(require(Permission.DOCUMENTS_CURATE))]


@router.post(
    "/answers/{answer_id}/feedback",
    status_code=status.HTTP_201_CREATED,
    summary="Judge an answer",
    responses=raises(AnswerNotFound),
)
async def judge_answer(
    answer_id: UUID, body: FeedbackInput, actor: Asker, tx: Tx
) -> Success[FeedbackRead]:
    """One's own answer, or as a curator anybody's. What one says later replaces it."""
    return success(actor, FeedbackRead.of(await review.judge(tx, actor, answer_id, body)))


@router.delete(
    "/answers/{answer_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Forget an answer",
    responses=raises(AnswerNotFound),
)
async def forget_answer(answer_id: UUID, actor: Asker, tx: Tx) -> None:
    """With its question and everything said of it: a question may hold personal data."""
    await review.forget(tx, actor, answer_id)


@router.get("/review", summary="What is worth a look")
async def list_review(
    actor: Curator,
    workshop: CurrentWorkshop,
    days: Annotated[int, Query(ge=1, le=365, description="How far to look back")] = 30,
    limit: Annotated[int, Query(ge=1, le=100, description="Most entries of each list")] = 20,
) -> Success[ReviewRead]:
    """Questions without an answer, grouped where they are about the same; answers that were judged
    badly; documents no answer stood on. Only what the caller may read.
    """
    period = timedelta(days=days)
    found = await review.worth_a_look(workshop.database, actor, period=period, limit=limit)
    return success(actor, found)


@router.post(
    "/review/{answer_id}/curate",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Turn a right answer into a document",
    responses=raises(
        AnswerNotFound, AlreadyCurated, NothingToCurate, AboutAClient, SourcesNotForAll
    ),
)
async def curate_answer(
    answer_id: UUID,
    body: CurationInput,
    actor: Curator,
    tx: Tx,
    workshop: CurrentWorkshop,
    response: Response,
) -> Success[CuratedRead]:
    """The question with what the request says, or with the latest correction, becomes a document of
    the organization and answers once it is indexed. The question leaves the review.
    """
    quota = workshop.settings.ingestion.quota
    submitted = await review.curate(tx, actor, answer_id, body, quota)
    document = submitted.document
    response.headers["location"] = f"/api/v1/rag/documents/{document.id}"
    read = CuratedRead(document_id=document.id, title=document.title, status=document.status)
    return success(actor, read)


@router.post(
    "/review/{answer_id}/dismiss",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Take a question off the review",
    responses=raises(AnswerNotFound),
)
async def dismiss_question(answer_id: UUID, actor: Curator, tx: Tx) -> None:
    """Nothing else changes."""
    await review.dismiss(tx, actor, answer_id)
