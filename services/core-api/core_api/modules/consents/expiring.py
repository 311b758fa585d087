"""The sweeps: consents whose time is over end, receipts without a link are entered, heads kept.

Any number may run at once and any may be killed: a consent ends once by constraint, a receipt is
entered once by constraint, and each batch is one transaction.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.data.object_storage import ObjectStorage
from core_api.modules.consents import ledger
from core_api.modules.consents.anchoring import Signer, anchor
from core_api.modules.consents.ledger_models import ConsentExpiry, LedgerLink
from core_api.modules.consents.models import (
    Consent,
    ConsentNotice,
    ConsentPurpose,
    ConsentRevocation,
    EndKind,
)
from core_api.modules.consents.recording import Recorder
from core_api.modules.consents.service import ConsentService
from shared_schemas.ids import OrganizationId

BATCH: Final = 50
_BUDGET: Final = timedelta(seconds=40)
"""The caller waits a minute; what is left is the next sweep's."""
# Columns alone: organizations are the business of their own context.
_ORGANIZATIONS: Final = sa.table(
    "organizations", sa.column("organization_id", sa.Uuid()), schema="crm"
)

_SOURCES: Final[tuple[tuple[Any, Callable[[Any], ledger.Fact]], ...]] = (
    (ConsentNotice, ledger.of_notice),
    (Consent, ledger.of_consent),
    (ConsentRevocation, ledger.of_end),
)


@dataclass(kw_only=True)
class Kept:
    """What a daily run did."""

    entered: int = 0
    anchored: int = 0


async def expire_consents(database: Database, correlation_id: str, *, batch: int = BATCH) -> int:
    """Ends what is due in every organization; how many consents."""
    until, expired = monotonic() + _BUDGET.total_seconds(), 0
    due = sa.select(ConsentExpiry.organization_id).where(ConsentExpiry.expires_at <= utc_now())
    found = await database.worker_statement(due.distinct())
    for organization_id in [OrganizationId(row[0]) for row in found]:
        more = True
        while more and monotonic() < until:
            async with database.transaction(organization_id) as tx:
                ended = await _expire(tx, organization_id, correlation_id, batch)
            expired += ended
            more = ended == batch
    return expired


async def _expire(
    tx: AsyncSession, organization_id: OrganizationId, correlation_id: str, batch: int
) -> int:
    """One batch. Who is ending one of them just now does it without the sweep."""
    due = (
        sa.select(ConsentExpiry.consent_id)
        .where(
            ConsentExpiry.organization_id == organization_id,
            ConsentExpiry.expires_at <= utc_now(),
        )
        .order_by(ConsentExpiry.expires_at, ConsentExpiry.consent_id)
        .limit(batch)
        .with_for_update(skip_locked=True)
    )
    ids = (await tx.scalars(due)).all()
    if not ids:
        return 0
    recorder = Recorder(organization_id, correlation_id, reason="o prazo do consentimento venceu")
    service = ConsentService(tx, recorder)
    purpose = sa.and_(
        ConsentPurpose.organization_id == Consent.organization_id,
        ConsentPurpose.id == Consent.purpose_id,
    )
    consents = await tx.execute(
        sa.select(Consent, ConsentPurpose.code)
        .join(ConsentPurpose, purpose)
        .where(Consent.organization_id == organization_id, Consent.id.in_(ids))
        .order_by(Consent.id)
    )
    facts: list[ledger.Fact] = []
    for consent, code in consents.all():
        facts += await service.end([consent], code, EndKind.EXPIRED, None)
    await ledger.append(tx, organization_id, facts)
    return len(ids)


async def keep_ledgers(
    database: Database, storage: ObjectStorage, signer: Signer, *, batch: int = 500
) -> Kept:
    """Enters what replicas of the release before have written, then keeps today's heads."""
    kept = Kept()
    everybody = sa.select(_ORGANIZATIONS.c.organization_id)
    found = await database.worker_statement(everybody.order_by(_ORGANIZATIONS.c.organization_id))
    for organization_id in [OrganizationId(row[0]) for row in found]:
        entered = batch
        while entered == batch:
            async with database.transaction(organization_id) as tx:
                entered = await _enter_missing(tx, organization_id, batch)
            kept.entered += entered
        kept.anchored += await anchor(database, storage, signer, organization_id, utc_now())
    return kept


async def _enter_missing(tx: AsyncSession, organization_id: OrganizationId, batch: int) -> int:
    """A batch of receipts that are in no link. Two at once: the second one's link is refused by
    its constraint, and the next run finds nothing left to do."""
    facts: list[ledger.Fact] = []
    for model, fact in _SOURCES:
        link = sa.exists().where(
            LedgerLink.organization_id == organization_id, LedgerLink.receipt_id == model.id
        )
        statement = (
            sa.select(model)
            .where(model.organization_id == organization_id, ~link)
            .order_by(model.created_at, model.id)
            .limit(batch - len(facts))
        )
        facts += [fact(row) for row in await tx.scalars(statement)]
    await ledger.append(tx, organization_id, facts)
    return len(facts)
