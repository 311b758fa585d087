"""Making the copies that requests wait for: claimed, gathered, sealed, stored, and only then told.

Any number of sweeps may run at once and any may be killed: who claims an answer has it for a while,
and what was stored without being told is an object nobody can open, which the sweep deletes.
A service that is down keeps the request open: it is tried again, less and less often.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.data.object_storage import STORAGE_FAILURES
from chassis.web.errors import Unavailable
from core_api.modules.audit import service as audit
from core_api.modules.privacy.execution import PrivacyRequest, RequestStatus, RequestType
from core_api.modules.privacy.service import (
    ClientAlreadyAnonymised,
    ClientAlreadyErased,
    DestructionUnderWay,
    complete,
    locked_intact,
    request_of,
)
from core_api.modules.subject_data.documents import DocumentKind, SubjectDataDocument
from core_api.modules.subject_data.making import Made, Wanted, discard, gathered, stored
from core_api.modules.subject_data.models import (
    AnswerState,
    Obstacle,
    SubjectDataAnswer,
    SubjectDataFile,
)
from core_api.modules.subject_data.sealed_answers import seal_under_client
from core_api.modules.subject_data.sealed_files import key_place
from core_api.workplace import Workplace
from shared_schemas.ids import OrganizationId

_log = structlog.get_logger(__name__)

_BUDGET: Final = timedelta(seconds=40)
"""The caller waits a minute; what is left is the next sweep's."""
_HELD: Final = timedelta(minutes=10)
"""How long a claim lasts: longer than making the largest copy takes."""
_FIRST_PAUSE: Final = timedelta(minutes=1)
_LONGEST_PAUSE: Final = timedelta(hours=1)
_AT_ONCE: Final = 20
_REASON: Final = "a cópia dos dados do titular ficou pronta"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """An answer that is ours until `held_until`."""

    wanted: Wanted
    answer_id: UUID
    attempts: int
    held_until: datetime


async def assemble_due(database: Database, workplace: Workplace) -> dict[str, int]:
    """Whatever is due, one after the other; how many became complete, and how many must wait."""
    until, done = monotonic() + _BUDGET.total_seconds(), {"completed": 0, "waiting": 0}
    columns = SubjectDataAnswer.__table__.c
    due = (
        sa.select(columns.organization_id, columns.id)
        .where(columns.next_attempt_at <= utc_now())
        .order_by(columns.next_attempt_at)
        .limit(_AT_ONCE)
    )
    for row in await database.worker_statement(due):
        if monotonic() > until:
            break
        its_time = SubjectDataAnswer.id == row.id, SubjectDataAnswer.next_attempt_at <= utc_now()
        claim = await _claim(database, OrganizationId(row.organization_id), *its_time)
        if claim is not None:
            completed = await _attempt(database, workplace, claim)
            done["completed" if completed else "waiting"] += 1
    return done


async def assemble_now(
    database: Database, workplace: Workplace, organization_id: OrganizationId, request_id: UUID
) -> None:
    """Does not wait for its time. Nothing when it is complete, or somebody is at it."""
    waits = sa.or_(
        SubjectDataAnswer.waiting_for.is_not(None), SubjectDataAnswer.next_attempt_at <= utc_now()
    )
    claim = await _claim(
        database, organization_id, SubjectDataAnswer.request_id == request_id, waits
    )
    if claim is not None:
        await _attempt(database, workplace, claim)


async def _claim(
    database: Database, organization_id: OrganizationId, *which: sa.ColumnElement[bool]
) -> Claim | None:
    """Ours for a while; None when somebody else has it, or its request was closed meanwhile."""
    async with database.transaction(organization_id) as session:
        now = utc_now()
        statement = sa.select(SubjectDataAnswer).where(
            SubjectDataAnswer.organization_id == organization_id,
            SubjectDataAnswer.next_attempt_at.is_not(None),
            *which,
        )
        answer = await session.scalar(statement.with_for_update(skip_locked=True))
        if answer is None:
            return None
        request = await _wanted(session, answer)
        if request is None:
            return None
        answer.attempts += 1
        answer.next_attempt_at, answer.waiting_for = now + _HELD, None
        wanted = Wanted(
            organization_id=organization_id,
            request_id=request.id,
            client_id=request.client_id,
            kind=_KINDS[request.type],
            correlation_id=answer.correlation_id,
        )
        return Claim(
            wanted=wanted,
            answer_id=answer.id,
            attempts=answer.attempts,
            held_until=answer.next_attempt_at,
        )


async def _attempt(database: Database, workplace: Workplace, claim: Claim) -> bool:
    """Whether it is complete. What goes wrong is written down, and tried again later."""
    made: list[Made] = []
    try:
        document = await gathered(database, workplace, claim.wanted)
        made = await stored(workplace, claim.wanted, document)
        if await _finish(database, workplace, claim, document, made):
            return True
    except Unavailable:
        await _wait(database, claim, Obstacle.AI_SVC)
    except STORAGE_FAILURES as error:
        _log.warning("subject_data_not_stored", error=type(error).__name__)
        await _wait(database, claim, Obstacle.STORAGE)
    except Exception as error:  # noqa: BLE001 - the request must stay open and say so
        # The message of an error may quote somebody's data; its class and place do not.
        _log.error(
            "subject_data_failed",
            answer_id=str(claim.answer_id),
            error=type(error).__name__,
            place=_place(error),
        )
        await _wait(database, claim, Obstacle.ERROR)
    await discard(workplace, claim.wanted.organization_id, made)
    return False


async def _finish(
    database: Database,
    workplace: Workplace,
    claim: Claim,
    document: SubjectDataDocument,
    made: Sequence[Made],
) -> bool:
    """Tells of the files and closes the request; False when it is no longer ours, or was closed."""
    wanted, now = claim.wanted, utc_now()
    tenant = wanted.organization_id
    async with database.transaction(tenant) as session:
        answer = await session.scalar(_claimed(claim).with_for_update())
        if answer is None:
            return False
        request = await _wanted(session, answer)
        if request is None:
            return False
        expires_at = now + workplace.settings.subject_data.keep_files
        for each in made:
            bound = key_place(tenant, each.file_id)
            session.add(
                SubjectDataFile(
                    id=each.file_id,
                    organization_id=tenant,
                    request_id=wanted.request_id,
                    format=each.format,
                    size_bytes=each.size_bytes,
                    sha256=each.sha256,
                    key_sealed=await seal_under_client(
                        session, tenant, wanted.client_id, each.key, bound
                    ),
                    expires_at=expires_at,
                )
            )
        answer.state, answer.next_attempt_at = AnswerState.COMPLETE, None
        answer.waiting_for, answer.finished_at = None, now
        receipt = _receipt(request, document, made, expires_at)
        await complete(
            session, tenant, wanted.request_id, receipt, correlation_id=wanted.correlation_id
        )
        audit.record_by_system(
            session,
            tenant,
            "subject_data.made",
            wanted.request_id,
            reason=_REASON,
            run_id=wanted.correlation_id,
            about=wanted.client_id,
            related={f"{each.format.value}_file_id": each.file_id for each in made},
        )
    return True


def _receipt(
    request: PrivacyRequest,
    document: SubjectDataDocument,
    made: Sequence[Made],
    expires_at: datetime,
) -> dict[str, Any]:
    """Ids, counts and hashes; with what was said when it was started."""
    files = [
        {
            "file_id": str(each.file_id),
            "format": each.format.value,
            "size_bytes": each.size_bytes,
            "sha256": each.sha256,
        }
        for each in made
    ]
    return {
        **(request.receipt or {}),
        "services": document.services,
        "records": document.counts(),
        "files": files,
        "files_expire_at": expires_at.isoformat(),
    }


async def _wait(database: Database, claim: Claim, obstacle: Obstacle) -> None:
    """Tried again, and visible meanwhile."""
    pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(claim.attempts - 1, 10))
    async with database.transaction(claim.wanted.organization_id) as session:
        answer = await session.scalar(_claimed(claim).with_for_update())
        if answer is not None:
            answer.waiting_for, answer.next_attempt_at = obstacle, utc_now() + pause


async def _wanted(session: AsyncSession, answer: SubjectDataAnswer) -> PrivacyRequest | None:
    """The request, locked, if it still waits for copies; otherwise why not is written down.

    Until the commit nobody begins to erase the person: a copy made meanwhile would outlive what it
    was copied from.
    """
    tenant, request_id = answer.organization_id, answer.request_id
    try:
        request = await locked_intact(session, tenant, request_id)
    except DestructionUnderWay:
        answer.waiting_for, answer.next_attempt_at = Obstacle.ERASURE, utc_now() + _FIRST_PAUSE
        return None
    except (ClientAlreadyErased, ClientAlreadyAnonymised) as gone:
        said = (await request_of(session, tenant, request_id)).receipt or {}
        receipt = {**said, "copies": "not_made", "because": gone.code}
        await complete(session, tenant, request_id, receipt, correlation_id=answer.correlation_id)
        _stop(answer)
        return None
    if request.status is not RequestStatus.EXECUTING:
        _stop(answer)
        return None
    return request


def _claimed(claim: Claim) -> sa.Select[SubjectDataAnswer]:
    """Whoever claimed it later has it with another time."""
    return sa.select(SubjectDataAnswer).where(
        SubjectDataAnswer.organization_id == claim.wanted.organization_id,
        SubjectDataAnswer.id == claim.answer_id,
        SubjectDataAnswer.next_attempt_at == claim.held_until,
    )


def _stop(answer: SubjectDataAnswer) -> None:
    answer.state, answer.next_attempt_at = AnswerState.STOPPED, None
    answer.waiting_for, answer.finished_at = None, utc_now()


def _place(error: BaseException) -> str | None:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return None if trace is None else f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}"


_KINDS: Final = {
    RequestType.CONFIRMATION: DocumentKind.ACCESS,  # asked for in the complete form
    RequestType.ACCESS: DocumentKind.ACCESS,
    RequestType.PORTABILITY: DocumentKind.PORTABILITY,
}
