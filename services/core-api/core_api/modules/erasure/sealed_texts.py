"""Bytes sealed under a client's own key: noise once the key is gone."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.security.sealing import Place, SealBroken
from core_api.modules.audit.service import SubjectKeys
from shared_schemas.ids import OrganizationId

_KEY_ID_BYTES = 16


async def seal(
    session: AsyncSession, place: Place, organization_id: OrganizationId, client_id: UUID, text: str
) -> bytes:
    """The id of the key, then what it sealed for this place."""
    key = await SubjectKeys(session, organization_id).of(client_id)
    return key.id.bytes + key.seal.close(text.encode(), place.bound())


async def opened(
    session: AsyncSession, place: Place, organization_id: OrganizationId, sealed: bytes | None
) -> str | None:
    """What was sealed; None where there is nothing, or its key is gone."""
    if not sealed:
        return None
    key_id = UUID(bytes=sealed[:_KEY_ID_BYTES])
    key = (await SubjectKeys(session, organization_id).among([key_id])).get(key_id)
    if key is None:
        return None
    try:
        return key.open(sealed[_KEY_ID_BYTES:], place.bound()).decode()
    except SealBroken:
        return None
