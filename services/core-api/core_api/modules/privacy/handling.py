"""Handling a request until it is executed: identity, representative, clock, refusal, withdrawal."""

from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.web.etag import check_version
from core_api.changes import Change
from core_api.modules.attachments.service import AttachmentUnusable, proof
from core_api.modules.clients.service import ClientNotFound, family_of
from core_api.modules.privacy.closing import close
from core_api.modules.privacy.content import REPRESENTATIVE, Representative
from core_api.modules.privacy.deadlines import first_warning, later, resumed
from core_api.modules.privacy.destruction import locked_intact
from core_api.modules.privacy.exceptions import (
    AlreadyExtended,
    ExtensionTooLate,
    ExtensionTooLong,
    MethodTooWeak,
    NotExtensible,
    RequestMoveRefused,
)
from core_api.modules.privacy.journal import Journal
from core_api.modules.privacy.kinds import (
    STRONGEST,
    DeadlineUnit,
    IdentityLevel,
    IdentityMethod,
    MessageDirection,
    RefusalGround,
    RepresentativeKind,
    RequestChannel,
    RequestStatus,
    StepKind,
)
from core_api.modules.privacy.messaging import keep
from core_api.modules.privacy.models import PrivacyRequest
from core_api.modules.privacy.wording import GROUND_NAMES
from core_api.recording import Recorder
from shared_schemas.actor import Actor

BEFORE_EXECUTION: Final = frozenset(
    {RequestStatus.RECEIVED, RequestStatus.IDENTITY_PENDING, RequestStatus.IN_PROGRESS}
)
_WAITING: Final = frozenset({RequestStatus.WAITING_FOR_SUBJECT})
_UNEXECUTED: Final = BEFORE_EXECUTION | _WAITING


@dataclass(frozen=True, kw_only=True)
class IdentityCheck:
    """How it was checked who asks, and what came of it."""

    level: IdentityLevel
    method: IdentityMethod
    passed: bool
    representative_proven: bool = False
    notes: str | None = None


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the subject is told, and by which way."""

    text: str
    channel: RequestChannel


class Handling:
    """The commands on a request before it is executed, in the transaction of one call."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.journal = Journal(tx, Recorder.member(actor))

    async def check_identity(
        self, request_id: UUID, check: IdentityCheck, seen_version: int | None
    ) -> PrivacyRequest:
        """Records a check; enough of it lets the work begin. One that was not passed takes back
        what earlier ones seemed to prove. MethodTooWeak."""
        request = await self._load(request_id, seen_version, BEFORE_EXECUTION)
        if not STRONGEST[check.method].reaches(check.level):
            raise MethodTooWeak
        now = utc_now()
        if not check.passed:
            _take_back(request)
        else:
            if check.level.reaches(request.identity_level):  # a weaker one takes nothing away
                request.identity_level, request.identity_method = check.level, check.method
                request.identity_checked_at, request.identity_checked_by = now, self.actor.user_id
            if check.representative_proven and request.representative_kind is not None:
                request.representative_checked_at = now
        request.status = (
            RequestStatus.IN_PROGRESS if proven(request) else RequestStatus.IDENTITY_PENDING
        )
        details = {name: value for name, value in asdict(check).items() if name != "notes"}
        await self.journal.enter(
            request, StepKind.IDENTITY_CHECKED, details=details, text=check.notes, at=now
        )
        return request

    async def name_representative(
        self,
        request_id: UUID,
        kind: RepresentativeKind,
        named: Representative,
        seen_version: int | None,
    ) -> PrivacyRequest:
        """Who asks for the subject. Whoever it was before was checked in vain."""
        request = await self._load(request_id, seen_version, BEFORE_EXECUTION)
        written = await self._with_proof(request, named)
        before, request.representative_kind = request.representative_kind, kind
        request.representative_sealed = await self.journal.texts.seal(
            request.client_id, request.id, REPRESENTATIVE, written.written()
        )
        request.representative_checked_at = None
        request.status = RequestStatus.IDENTITY_PENDING
        await self.journal.enter(
            request,
            StepKind.REPRESENTATIVE_NAMED,
            details={"kind": kind.value},
            changes={"representative_kind": Change(before, kind)},
        )
        return request

    async def ask_clarification(
        self, request_id: UUID, question: Said, seen_version: int | None
    ) -> PrivacyRequest:
        """Asks the subject, and stops the clock until they have answered."""
        request = await self._load(request_id, seen_version, BEFORE_EXECUTION)
        now = utc_now()
        await keep(
            self.journal, request, MessageDirection.TO_SUBJECT, question.channel, question.text
        )
        request.paused_from, request.paused_at = request.status, now
        request.status = RequestStatus.WAITING_FOR_SUBJECT
        request.next_warning_at = None
        await self.journal.enter(request, StepKind.CLARIFICATION_ASKED, at=now)
        return request

    async def resume(
        self, request_id: UUID, answer: Said | None, seen_version: int | None
    ) -> PrivacyRequest:
        """The clock runs again; as long as it stood the deadline is later."""
        request = await self._load(request_id, seen_version, _WAITING)
        now, before = utc_now(), request.due_at
        if answer is not None:
            await keep(
                self.journal, request, MessageDirection.FROM_SUBJECT, answer.channel, answer.text
            )
        request.due_at = resumed(request, now)
        request.status = request.paused_from or RequestStatus.IN_PROGRESS
        if request.paused_at is not None:
            request.paused_seconds += int((now - request.paused_at).total_seconds())
        request.paused_at = request.paused_from = None
        request.next_warning_at = first_warning(request, now)
        await self.journal.enter(
            request,
            StepKind.CLARIFIED,
            details={"due_at": request.due_at.isoformat()},
            changes={"due_at": Change(before, request.due_at)},
            at=now,
        )
        return request

    async def extend(
        self,
        request_id: UUID,
        days: int,
        reason: str,
        told: Said | None,
        seen_version: int | None,
    ) -> PrivacyRequest:
        """A later deadline, once and in time, with its reason. AlreadyExtended, NotExtensible,
        ExtensionTooLong, ExtensionTooLate."""
        request = await self._load(request_id, seen_version, BEFORE_EXECUTION)
        if request.extended_at is not None:
            raise AlreadyExtended
        if not request.extension_allowed_days or request.deadline_unit is DeadlineUnit.AT_ONCE:
            raise NotExtensible
        if days > request.extension_allowed_days:
            raise ExtensionTooLong(days=request.extension_allowed_days)
        now, before = utc_now(), request.due_at
        if now > before:
            raise ExtensionTooLate
        request.due_at = later(before, days, request.deadline_unit)
        request.extended_days, request.extended_at = days, now
        request.extended_by = self.actor.user_id
        request.next_warning_at = first_warning(request, now)
        if told is not None:
            await keep(self.journal, request, MessageDirection.TO_SUBJECT, told.channel, told.text)
        await self.journal.enter(
            request,
            StepKind.EXTENDED,
            details={"days": days, "due_at": request.due_at.isoformat()},
            changes={"due_at": Change(before, request.due_at)},
            text=reason,
            at=now,
        )
        return request

    async def refuse(
        self,
        request_id: UUID,
        ground: RefusalGround,
        answer: Said,
        seen_version: int | None,
    ) -> PrivacyRequest:
        """Not granted, on a ground of the closed list. The subject is told the reason and the
        ground (LGPD Art. 18 § 4 II)."""
        request = await self._load(request_id, seen_version, _UNEXECUTED)
        request.refusal_ground = ground
        told = f"{answer.text}\n\nFundamento: {GROUND_NAMES[ground]}."
        await keep(self.journal, request, MessageDirection.TO_SUBJECT, answer.channel, told)
        await close(self.journal, request, RequestStatus.REFUSED, text=answer.text)
        return request

    async def cancel(
        self, request_id: UUID, reason: str, seen_version: int | None
    ) -> PrivacyRequest:
        """The subject does not want it any more."""
        request = await self._load(request_id, seen_version, _UNEXECUTED)
        await close(self.journal, request, RequestStatus.CANCELLED, text=reason)
        return request

    async def _load(
        self, request_id: UUID, seen_version: int | None, allowed: frozenset[RequestStatus]
    ) -> PrivacyRequest:
        request = await locked_intact(self.tx, self.actor.organization_id, request_id)
        check_version(request.version, seen_version)
        if request.status not in allowed:
            raise RequestMoveRefused(request.status)
        return request

    async def _with_proof(self, request: PrivacyRequest, named: Representative) -> Representative:
        """With the hash of the attachment that is named; one of the subject's own tickets."""
        if named.proof_attachment_id is None:
            return named
        found = await proof(self.tx, request.organization_id, UUID(named.proof_attachment_id))
        if found is None or found.client_id not in await self._family(request.client_id):
            raise AttachmentUnusable.on(
                "body.proof_attachment_id", "O anexo não é de um chamado deste cliente."
            )
        values: dict[str, Any] = asdict(named) | {"proof_sha256": found.sha256}
        return Representative(**values)

    async def _family(self, client_id: UUID) -> frozenset[UUID]:
        try:
            return frozenset(await family_of(self.tx, self.actor.organization_id, client_id))
        except ClientNotFound:
            return frozenset({client_id})  # deleted, and represented all the same


def _take_back(request: PrivacyRequest) -> None:
    request.identity_level = IdentityLevel.NONE
    request.identity_method = request.identity_checked_at = request.identity_checked_by = None
    request.representative_checked_at = None


def proven(request: PrivacyRequest) -> bool:
    """Whether it is known well enough who asks, and by what right."""
    if request.representative_kind is not None and request.representative_checked_at is None:
        return False
    return request.identity_level.reaches(request.identity_required)
