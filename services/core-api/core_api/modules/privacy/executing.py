"""Executing a request: handed to the context that can do it, once who asks is proven."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.web.etag import check_version
from core_api.modules.privacy.closing import close
from core_api.modules.privacy.destruction import locked_intact
from core_api.modules.privacy.exceptions import (
    IdentityNotProven,
    NoExecutor,
    RepresentationNotProven,
    RequestMoveRefused,
)
from core_api.modules.privacy.execution import Executor
from core_api.modules.privacy.handling import BEFORE_EXECUTION
from core_api.modules.privacy.journal import Journal
from core_api.modules.privacy.kinds import RequestStatus, RequestType, StepKind
from core_api.modules.privacy.models import PrivacyRequest
from core_api.modules.privacy.wording import LEVEL_NAMES
from core_api.recording import Recorder
from shared_schemas.actor import Actor


def by_type(executors: Iterable[Executor]) -> Mapping[RequestType, Executor]:
    """Which executor each type has. ValueError when two would do the same."""
    found: dict[RequestType, Executor] = {}
    for executor in executors:
        for type_ in executor.types:
            if type_ in found:
                raise ValueError(f"two executors for {type_}")
            found[type_] = executor
    return found


class Execution:
    """The command, in the transaction of one call."""

    def __init__(
        self, tx: AsyncSession, actor: Actor, executors: Mapping[RequestType, Executor]
    ) -> None:
        self.tx = tx
        self.actor = actor
        self.executors = executors
        self.journal = Journal(tx, Recorder.member(actor))

    async def execute(self, request_id: UUID, seen_version: int | None) -> PrivacyRequest:
        """Does what is asked for, or begins it. RequestMoveRefused, NoExecutor, IdentityNotProven,
        RepresentationNotProven, and what the executor refuses: then nothing has happened."""
        request = await locked_intact(self.tx, self.actor.organization_id, request_id)
        check_version(request.version, seen_version)
        if request.status not in BEFORE_EXECUTION:
            raise RequestMoveRefused(request.status)
        executor = self.executors.get(request.type)
        if executor is None:
            raise NoExecutor
        _require_proven(request)
        request.status = RequestStatus.EXECUTING
        request.executed_by, request.execution_started_at = self.actor.user_id, utc_now()
        await self.journal.enter(
            request, StepKind.EXECUTION_STARTED, details={"type": request.type.value}
        )
        started = await executor.start(self.tx, self.actor, request)
        if started.done:
            await close(self.journal, request, RequestStatus.COMPLETED, receipt=started.receipt)
        elif started.receipt is not None:
            request.receipt = dict(started.receipt)
            await self.tx.flush()
        return request


def _require_proven(request: PrivacyRequest) -> None:
    if not request.identity_level.reaches(request.identity_required):
        raise IdentityNotProven(level=LEVEL_NAMES[request.identity_required])
    if request.representative_kind is not None and request.representative_checked_at is None:
        raise RepresentationNotProven
