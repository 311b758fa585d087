"""What is filed about a client is filed for a purpose that bears it now, or not at all (LGPD
Art. 7): a legal basis is asked for where data is written, not only where it is read."""

from typing import Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.documents.exceptions import LegalBasisMissing
from ai_svc.modules.privacy.exceptions import ClientErased
from knowledge.absence_tables import ClientAbsence
from knowledge.access import purposes_in_force
from shared_schemas.ids import OrganizationId


class About(Protocol):
    """A document, or what is said of one that is to be."""

    @property
    def client_id(self) -> UUID | None:
        """Whom it is about; nobody when it is for everybody."""

    @property
    def purpose_code(self) -> str | None:
        """What it is kept for."""


async def require_basis(
    session: AsyncSession, organization_id: OrganizationId, about: About
) -> None:
    """By what core-api has told so far: `access.service.refresh` has it say what stands now.
    Raises LegalBasisMissing, ClientErased."""
    if about.client_id is None:
        return
    tenant = sa.literal(organization_id, sa.Uuid())
    client = sa.literal(about.client_id, sa.Uuid())
    in_force = await session.scalar(sa.select(purposes_in_force(tenant, client)))
    if about.purpose_code in (in_force or ()):
        return
    erased = sa.exists().where(
        ClientAbsence.organization_id == organization_id,
        ClientAbsence.client_id == about.client_id,
        ClientAbsence.erased_at.is_not(None),
    )
    if await session.scalar(sa.select(erased)):
        raise ClientErased  # with them went what they had consented to
    raise LegalBasisMissing(purpose_code=about.purpose_code)
