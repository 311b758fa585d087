"""What other contexts may ask of the register of transfers."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.business_days import today
from core_api.modules.transfers.models import InternationalTransfer
from core_api.modules.transfers.repository import Transfers
from shared_schemas.ids import OrganizationId

__all__ = [
    "InternationalTransfer",
    "registered_transfers",
    "transfers_in_force",
]


async def registered_transfers(
    session: AsyncSession, organization_id: OrganizationId
) -> Sequence[InternationalTransfer]:
    """Every entry that has not ended, by provider."""
    return await Transfers(session, organization_id).all()


async def transfers_in_force(
    session: AsyncSession, organization_id: OrganizationId
) -> list[InternationalTransfer]:
    """Those by which data may go today."""
    day = today(utc_now())
    found = await Transfers(session, organization_id).all()
    return [transfer for transfer in found if transfer.allowed_on(day)]
