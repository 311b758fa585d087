"""Where recipients are reached by e-mail: as the registry of purposes, or else the register of
transfers, has it."""

from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.consents.reading import all_purposes
from core_api.modules.deliveries.service import NotToBeSent
from core_api.modules.transfers.service import registered_transfers
from shared_schemas.ids import OrganizationId


async def known_addresses(tx: AsyncSession, organization_id: OrganizationId) -> dict[str, str]:
    """By name without case; of several the first, by code of the purpose."""
    found: dict[str, str] = {}
    for purpose in await all_purposes(tx, organization_id, archived=True):
        named = [(each["name"], each.get("email")) for each in purpose.recipients]
        named += [(each["recipient"], each.get("email")) for each in purpose.transfers]
        for name, email in named:
            if email:
                found.setdefault(name.casefold(), email)
    for transfer in await registered_transfers(tx, organization_id):
        contact = transfer.importer_contact
        if contact and "@" in contact:
            found.setdefault(transfer.importer_name.casefold(), contact)
    return found


def nowhere() -> NotToBeSent:
    """What a recipient is that neither of them has an address of."""
    return NotToBeSent(
        "NO_ADDRESS",
        "Não há endereço de e-mail deste destinatário no registro de finalidades nem no de "
        "transferências.",
    )
