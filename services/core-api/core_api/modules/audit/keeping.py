"""Once a day: nothing is left without a link, and the heads of all chains are kept outside the
database."""

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.data.object_storage import ObjectStorage
from core_api.anchoring import AUDIT_LOG, AnchorPlace, Head, Signer
from core_api.modules.audit.chaining import chain_all, organizations
from core_api.modules.audit.models import AuditHead

__all__ = ["Kept", "keep_heads"]


@dataclass(kw_only=True)
class Kept:
    """What a daily run did."""

    linked: int = 0
    anchored: int = 0


async def keep_heads(database: Database, storage: ObjectStorage, signer: Signer) -> Kept:
    """Of every organization that has one, unless today's is kept already."""
    kept = Kept(linked=await chain_all(database, everything=True))
    for organization_id in await organizations(database):
        now = utc_now()
        place = AnchorPlace(storage, signer, AUDIT_LOG, organization_id)
        if await place.is_kept(now.date()):
            continue
        async with database.transaction(organization_id, read_only=True) as session:
            mine = _HEAD.where(AuditHead.organization_id == organization_id)
            head = (await session.execute(mine)).one_or_none()
        if head is not None and head.sequence > 0:
            await place.keep(Head(head.sequence, head.hash), now)
            kept.anchored += 1
    return kept


_HEAD: Final = sa.select(AuditHead.sequence, AuditHead.hash)
