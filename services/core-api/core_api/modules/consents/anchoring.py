"""Heads of the ledgers of consents, kept outside the database."""

from datetime import datetime

import sqlalchemy as sa

from chassis.data.database import Database
from chassis.data.object_storage import ObjectStorage
from core_api.anchoring import CONSENT_LEDGER, AnchorPlace, Anchors, Head, Signer
from core_api.modules.consents.ledger_models import LedgerHead
from shared_schemas.ids import OrganizationId

__all__ = ["Signer", "anchor", "anchors_of"]


async def anchor(
    database: Database,
    storage: ObjectStorage,
    signer: Signer,
    organization_id: OrganizationId,
    now: datetime,
) -> bool:
    """Keeps today's head of an organization; False where it is kept already, or there is none."""
    place = AnchorPlace(storage, signer, CONSENT_LEDGER, organization_id)
    if await place.is_kept(now.date()):
        return False
    async with database.transaction(organization_id, read_only=True) as session:
        statement = sa.select(LedgerHead.sequence, LedgerHead.hash).where(
            LedgerHead.organization_id == organization_id
        )
        head = (await session.execute(statement)).one_or_none()
    if head is None:
        return False
    await place.keep(Head(head.sequence, head.hash), now)
    return True


async def anchors_of(
    storage: ObjectStorage, signer: Signer, organization_id: OrganizationId
) -> Anchors:
    """Everything that is kept. Reads the storage: not inside a transaction."""
    return await AnchorPlace(storage, signer, CONSENT_LEDGER, organization_id).all()
