"""The one place every change of a request passes: its step, the audit row, the event."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.changes import Change, made
from core_api.modules.privacy.content import STEP
from core_api.modules.privacy.kinds import StepKind
from core_api.modules.privacy.models import PrivacyRequest, PrivacyRequestStep
from core_api.modules.privacy.sealed_texts import SubjectTexts
from core_api.recording import Recorder
from shared_schemas.ids import new_id

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Journal:
    """Writes down what happened to requests, as caused by whoever it was."""

    def __init__(self, tx: AsyncSession, recorder: Recorder) -> None:
        self.tx = tx
        self.recorder = recorder
        self.texts = SubjectTexts(tx, recorder.organization_id)

    async def enter(
        self,
        request: PrivacyRequest,
        kind: StepKind,
        *,
        details: Mapping[str, Any] = _NOTHING,
        changes: Mapping[str, Change] = _NOTHING,
        text: str | None = None,
        at: datetime | None = None,
    ) -> PrivacyRequestStep:
        """A step. `details` are enumerations, times and counts; `text` is sealed, and kept out of
        the audit log."""
        step = self._step(request, kind, details, at or utc_now())
        step.text_sealed = await self.texts.seal(request.client_id, step.id, STEP, text)
        self.tx.add(step)
        await self.recorder.note(
            self.tx,
            f"privacy_request.{kind.value}",
            request.id,
            changes=changes or made(dict(details)),
            about=request.client_id,
            related={"client_id": request.client_id},
        )
        await self.tx.flush()
        return step

    def _step(
        self, request: PrivacyRequest, kind: StepKind, details: Mapping[str, Any], at: datetime
    ) -> PrivacyRequestStep:
        actor = self.recorder.actor
        return PrivacyRequestStep(
            id=new_id(),
            organization_id=request.organization_id,
            request_id=request.id,
            client_id=request.client_id,
            kind=kind,
            occurred_at=at,
            actor_id=None if actor is None else actor.user_id,
            details=dict(details),
        )
