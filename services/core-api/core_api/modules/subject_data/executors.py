"""Executing requests to know: what can be said is said at once, copies of data follow."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.modules.audit import service as audit
from core_api.modules.privacy.execution import (
    AnswerForm,
    PrivacyRequest,
    RequestType,
    Started,
)
from core_api.modules.subject_data.answers import answer_to
from core_api.modules.subject_data.gathering import family_with_deleted
from core_api.modules.subject_data.models import AnswerState, SubjectDataAnswer
from core_api.modules.subject_data.sealed_answers import seal_answer
from core_api.subject_sections import Subject
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id

_IN_FORMS: Final = frozenset({RequestType.CONFIRMATION, RequestType.ACCESS})
_AT_ONCE: Final = frozenset({RequestType.SHARING, RequestType.CONSENT_CONSEQUENCES})


class SubjectDataExecutor:
    """Answers in the transaction; files are made by the upkeep, which asks the other services."""

    types: Final = _IN_FORMS | _AT_ONCE | {RequestType.PORTABILITY}

    async def start(self, session: AsyncSession, actor: Actor, request: PrivacyRequest) -> Started:
        """Done for what can be said at once."""
        organization_id = actor.organization_id
        family = await family_with_deleted(session, organization_id, request.client_id)
        subject = Subject(organization_id, family)
        done = not _is_copied(request)
        until = None if done else request.due_at
        said = await answer_to(session, subject, request.type, until)
        now = utc_now()
        answer = SubjectDataAnswer(
            id=new_id(),
            organization_id=organization_id,
            request_id=request.id,
            state=AnswerState.COMPLETE if done else AnswerState.ASSEMBLING,
            requested_by=actor.user_id,
            correlation_id=actor.request_id,
            next_attempt_at=None if done else now,
            finished_at=now if done else None,
        )
        answer.answer_sealed = await seal_answer(session, request.client_id, answer, said)
        session.add(answer)
        await audit.record(
            session,
            actor,
            "subject_data.answered",
            request.id,
            about=request.client_id,
            related={"answer_id": answer.id},
        )
        return Started(done, {"answer_id": str(answer.id), "answered_at": now.isoformat()})


def _is_copied(request: PrivacyRequest) -> bool:
    """Whether files are to be made. Confirmation and access are answered simplified, at once, or
    by the complete declaration (Art. 19), as who asked wants it."""
    if request.type is RequestType.PORTABILITY:
        return True
    return request.type in _IN_FORMS and request.form is AnswerForm.COMPLETE
