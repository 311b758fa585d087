"""Executing `blocking` and `opposition` requests."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.blocking.exceptions import BlockStands
from core_api.modules.blocking.service import BlockCause, Blocking
from core_api.modules.privacy.execution import PrivacyRequest, RequestType, Started
from core_api.recording import Recorder
from shared_schemas.actor import Actor

_CAUSES: Final[Mapping[RequestType, BlockCause]] = MappingProxyType(
    {
        RequestType.BLOCKING: BlockCause.BLOCKING,
        RequestType.OPPOSITION: BlockCause.OPPOSITION,
    }
)


class BlockingExecutor:
    """The data of the subject is used no longer, for the purpose of the request or for any."""

    types = frozenset(_CAUSES)

    async def start(self, session: AsyncSession, actor: Actor, request: PrivacyRequest) -> Started:
        """All in the caller's transaction. What is blocked already is done as well."""
        blocking = Blocking(session, Recorder.member(actor))
        try:
            shown = await blocking.block(
                request.client_id,
                _CAUSES[request.type],
                purpose_code=request.purpose_code,
                privacy_request_id=request.id,
            )
        except BlockStands:
            return Started(done=True, receipt={"blocked_before": True})
        receipt = {
            "block_id": str(shown.block.id),
            "purpose_code": request.purpose_code,
            "blocked_at": shown.block.blocked_at.isoformat(),
        }
        return Started(done=True, receipt=receipt)
