"""Executing `revocation`: the consents of the subject end, for one purpose or for all of them."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.consents.service import revoke_all
from core_api.modules.privacy.execution import PrivacyRequest, RequestType, Started
from shared_schemas.actor import Actor

_REASON: Final = "Pedido de revogação do titular"


class RevocationExecutor:
    """Revoking is free and takes effect at once (LGPD Art. 8 § 5)."""

    types = frozenset({RequestType.REVOCATION})

    async def start(self, session: AsyncSession, actor: Actor, request: PrivacyRequest) -> Started:
        """All in the caller's transaction. Nothing to revoke is done as well, and says so."""
        revoked = await revoke_all(
            session, actor, request.client_id, purpose_code=request.purpose_code, reason=_REASON
        )
        receipt = {"revoked": len(revoked), "consents": [str(each) for each in revoked]}
        return Started(done=True, receipt=receipt)
