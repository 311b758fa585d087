"""Texts that name a person, sealed under that person's own key: gone with the key.

What is stored is the id of the key, then what it sealed, bound to organization, row and field.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.security.sealing import Place, Seal, SealBroken
from core_api.modules.audit.service import SubjectKeys
from shared_schemas.ids import OrganizationId

_KEY_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Sealed:
    """A stored text and where it is."""

    row_id: UUID
    field: str
    stored: bytes | None


class SubjectTexts:
    """Seals and opens texts of one organization's clients, in the caller's transaction."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._organization_id = organization_id
        self._keys = SubjectKeys(session, organization_id)

    async def seal(
        self, client_id: UUID, row_id: UUID, field: str, text: str | None
    ) -> bytes | None:
        """For the column; None for no text."""
        if text is None:
            return None
        key = await self._keys.of(client_id)
        return key.id.bytes + key.seal.close(text.encode(), self._bound(row_id, field))

    async def open(self, texts: Sequence[Sealed]) -> list[str | None]:
        """Each, or None where there is none or its key is gone. One statement."""
        ids = {UUID(bytes=text.stored[:_KEY_ID_BYTES]) for text in texts if text.stored}
        seals = await self._keys.among(ids)
        return [self._opened(text, seals) for text in texts]

    def _opened(self, text: Sealed, seals: dict[UUID, Seal]) -> str | None:
        if not text.stored:
            return None
        seal = seals.get(UUID(bytes=text.stored[:_KEY_ID_BYTES]))
        if seal is None:
            return None
        try:
            opened = seal.open(text.stored[_KEY_ID_BYTES:], self._bound(text.row_id, text.field))
        except SealBroken:
            return None  # damaged, or moved here from another row
        return opened.decode()

    def _bound(self, row_id: UUID, field: str) -> bytes:
        return Place(self._organization_id, row_id, field).bound()
