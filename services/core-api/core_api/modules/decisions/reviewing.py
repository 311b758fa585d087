"""Reviews: asked for by or for the subject, answered by a person, within the time of Art. 19."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.messaging import outbox
from chassis.web.errors import InvalidInput
from chassis.web.etag import check_version
from core_api.business_days import calendar_days_after
from core_api.changes import made
from core_api.modules.audit import service as audit
from core_api.modules.clients.service import ClientMerged, ClientNotFound, require_client
from core_api.modules.deadlines.service import (
    DeadlineKind,
    Deadlines,
    DeadlineSubject,
    is_small_agent,
)
from core_api.modules.decisions.models import DecisionReview, ReviewStatus
from core_api.modules.decisions.repository import Decisions
from core_api.modules.decisions.schemas import ReviewAnswer, ReviewCreate, ReviewDetail
from core_api.modules.privacy.sealed_texts import Sealed, SubjectTexts
from shared_schemas.actor import Actor
from shared_schemas.events import DecisionReviewAnswered, DecisionReviewRequested
from shared_schemas.ids import new_id

ANSWER_DAYS: Final = 15
"""Art. 20 names no time: that of the complete answer (Art. 19 II), doubled for small agents."""
GROUNDS: Final = "decision_reviews.grounds"
ANSWER: Final = "decision_reviews.answer"


class ReviewService:
    """In the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.decisions = Decisions(tx, actor.organization_id)
        self.texts = SubjectTexts(tx, actor.organization_id)

    async def ask(self, decision_id: UUID, given: ReviewCreate) -> DecisionReview:
        """A person is to look at it. One at a time, by constraint."""
        decision = await self.decisions.get(decision_id)
        # Kept alive meanwhile; of who was erased nothing is sealed, for it would make a key again.
        await require_client(self.tx, self.actor.organization_id, decision.client_id)
        now, organization_id = utc_now(), self.actor.organization_id
        requested_at = given.requested_at or now
        if not decision.decided_at <= requested_at <= now:
            raise InvalidInput.on(
                "body.requested_at", "O momento está no futuro, ou antes da decisão."
            )
        times = 2 if await is_small_agent(self.tx, organization_id) else 1
        review_id = new_id()
        review = DecisionReview(
            id=review_id,
            organization_id=organization_id,
            decision_id=decision.id,
            client_id=decision.client_id,
            status=ReviewStatus.OPEN,
            by_representative=given.by_representative,
            channel=given.channel,
            requested_at=requested_at,
            recorded_by=self.actor.user_id,
            due_at=calendar_days_after(requested_at, ANSWER_DAYS * times),
            grounds_sealed=await self.texts.seal(
                decision.client_id, review_id, GROUNDS, given.grounds
            ),
        )
        self.tx.add(review)
        await self.tx.flush()
        await Deadlines(self.tx, organization_id).set(
            DeadlineSubject.DECISION_REVIEW,
            review.id,
            DeadlineKind.REVIEW_ANSWER,
            started_at=requested_at,
            due_at=review.due_at,
        )
        named = {"by_representative": given.by_representative, "channel": given.channel}
        await self._note("decision_review.requested", review, made(named))
        outbox.add(
            self.tx, DecisionReviewRequested.by(self.actor, **_ids(review, decision.ticket_id))
        )
        return review

    async def answer(
        self, review_id: UUID, given: ReviewAnswer, seen_version: int | None
    ) -> DecisionReview:
        """What the person found who answers."""
        review = await self.decisions.open_review(review_id)
        check_version(review.version, seen_version)
        decision = await self.decisions.get(review.decision_id)
        now = utc_now()
        changes = review.change(
            {
                "status": ReviewStatus.ANSWERED,
                "outcome": given.outcome,
                "answered_at": now,
                "answered_by": self.actor.user_id,
            }
        )
        if await self._is_there(review.client_id):
            review.answer_sealed = await self.texts.seal(
                review.client_id, review.id, ANSWER, given.answer
            )
        await self.tx.flush()
        await Deadlines(self.tx, self.actor.organization_id).end(review.id, at=now)
        await self._note("decision_review.answered", review, changes)
        outbox.add(
            self.tx,
            DecisionReviewAnswered.by(
                self.actor, **_ids(review, decision.ticket_id), outcome=given.outcome.value
            ),
        )
        return review

    async def read(self, review_id: UUID) -> ReviewDetail:
        """With its texts; that they were read is noted. ReviewNotFound."""
        review = await self.decisions.review(review_id)
        grounds, answer = await self.texts.open(
            [
                Sealed(review.id, GROUNDS, review.grounds_sealed),
                Sealed(review.id, ANSWER, review.answer_sealed),
            ]
        )
        if grounds or answer:  # where they are gone nothing is written about the client
            await self._note("decision_review.read", review, {})
            await self.tx.flush()
        return ReviewDetail.opened(review, grounds, answer, utc_now())

    async def _is_there(self, client_id: UUID) -> bool:
        """False once they were deleted or erased: then words about them are not kept."""
        try:
            await require_client(self.tx, self.actor.organization_id, client_id)
        except ClientMerged:
            return True  # who answers for them is there, and their key is as well
        except ClientNotFound:
            return False
        return True

    async def _note(self, action: str, review: DecisionReview, changes: Any) -> None:
        await audit.record(
            self.tx,
            self.actor,
            action,
            review.id,
            changes=changes,
            about=review.client_id,
            related={"decision_id": review.decision_id},
        )


def _ids(review: DecisionReview, ticket_id: UUID) -> dict[str, UUID]:
    return {
        "review_id": review.id,
        "decision_id": review.decision_id,
        "ticket_id": ticket_id,
        "client_id": review.client_id,
    }
