"""Executing `anonymization` requests: an erasure that leaves the words and takes the person."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.erasure.service import Mode, begin
from core_api.modules.privacy.execution import PrivacyRequest, RequestType, Started
from shared_schemas.actor import Actor


class AnonymisationExecutor:
    """The rest follows by itself, step by step, and closes the request."""

    types: Final = frozenset({RequestType.ANONYMIZATION})

    async def start(self, session: AsyncSession, actor: Actor, request: PrivacyRequest) -> Started:
        """AlreadyErased, ErasureUnderWay, LegalHoldStands."""
        await begin(session, actor, request, mode=Mode.ANONYMIZATION)
        return Started(done=False)
