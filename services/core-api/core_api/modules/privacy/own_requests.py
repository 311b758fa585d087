"""Requests of the organization's own: what it has promised to destroy by a certain time."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.privacy.executing import Execution, by_type
from core_api.modules.privacy.execution import Executor
from core_api.modules.privacy.kinds import IdentityLevel, RequestChannel, RequestStatus, RequestType
from core_api.modules.privacy.opening import Asked, open_request
from core_api.recording import Recorder
from shared_schemas.actor import Actor


async def execute_own(
    tx: AsyncSession,
    actor: Actor,
    client_id: UUID,
    type_: RequestType,
    executors: Iterable[Executor],
    *,
    reason: str,
) -> UUID:
    """Opened and executed at once: there is nobody who would have to prove to be the subject. Its
    id; what opening and executing refuse."""
    recorder = Recorder(actor.organization_id, actor.request_id, reason=reason)
    asked = Asked(type=type_, channel=RequestChannel.API)
    request = await open_request(tx, recorder, client_id, asked)
    request.identity_required = IdentityLevel.NONE
    request.status = RequestStatus.RECEIVED
    await tx.flush()
    await Execution(tx, actor, by_type(executors)).execute(request.id, None)
    return request.id
