"""Whom an organization lets be asked, and whether a provider may see what a call carries now."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.providers.calls import Carries
from ai_svc.modules.providers.failures import NotAskedBecause
from ai_svc.modules.providers.models import ProviderPolicy
from ai_svc.provider_settings import Backend
from knowledge.models import Document, Visibility
from knowledge.transfers import documents_may_leave, may_be_sent
from shared_schemas.ids import OrganizationId


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for an organization. A provider that is not configured any more is passed over."""

    providers: Sequence[str]
    personal_data: frozenset[str]
    countries: frozenset[str] | None

    @classmethod
    def of(cls, row: ProviderPolicy | None, backends: Sequence[Backend]) -> Self:
        """The row's, or without one the installation's."""
        if row is None:
            open_to_all = frozenset(backend.name for backend in backends if backend.personal_data)
            return cls([backend.name for backend in backends], open_to_all, None)
        countries = None if row.countries is None else frozenset(row.countries)
        return cls(row.providers, frozenset(row.personal_data), countries)

    def forbids(self, backend: Backend) -> NotAskedBecause | None:
        """Whatever is sent."""
        if backend.name not in self.providers:
            return NotAskedBecause.NOT_CHOSEN
        if self.countries is not None and backend.recipient.country not in self.countries:
            return NotAskedBecause.COUNTRY
        return None

    def shows_personal_data(self, backend: Backend) -> bool:
        """Whether it may be sent what is about clients, as far as this installation lets it."""
        return backend.personal_data and backend.name in self.personal_data

    def in_order(self, backends: Sequence[Backend]) -> list[Backend]:
        """Those that may be asked at all, best first."""
        allowed = [backend for backend in backends if self.forbids(backend) is None]
        return sorted(allowed, key=lambda backend: self.providers.index(backend.name))


class Policies:
    """The decision of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def find(self) -> ProviderPolicy | None:
        """None: nobody has decided anything."""
        return await self._session.scalar(self._mine())

    async def find_for_change(self) -> ProviderPolicy | None:
        """Locked."""
        return await self._session.scalar(self._mine().with_for_update())

    def _mine(self) -> sa.Select[ProviderPolicy]:
        return sa.select(ProviderPolicy).where(
            ProviderPolicy.organization_id == self._organization_id
        )


async def objection(
    session: AsyncSession,
    organization_id: OrganizationId,
    carried: Carries,
    backend: Backend,
    backends: Sequence[Backend],
) -> NotAskedBecause | None:
    """Why the provider may not be sent what the call carries at this moment; None: it may."""
    policy = Policy.of(await Policies(session, organization_id).find(), backends)
    if (reason := policy.forbids(backend)) is not None:
        return reason
    clients, documents = set(carried.client_ids), set(carried.document_ids)
    if not clients and not documents:
        return None
    if not policy.shows_personal_data(backend) and (
        clients or await _any_about_a_client(session, organization_id, documents)
    ):
        return NotAskedBecause.PERSONAL_DATA
    for client_id in clients:
        if not await may_be_sent(session, organization_id, client_id, (), backend.recipient):
            return NotAskedBecause.TRANSFER
    if not await documents_may_leave(session, organization_id, documents, backend.recipient):
        return NotAskedBecause.TRANSFER
    return None


async def _any_about_a_client(
    session: AsyncSession, organization_id: OrganizationId, documents: Collection[UUID]
) -> bool:
    about = sa.select(Document.id).where(
        Document.organization_id == organization_id,
        Document.id == sa.any_(sa.cast(list(documents), ARRAY(sa.Uuid()))),
        Document.visibility == Visibility.CLIENT,
    )
    return bool(await session.scalar(sa.select(about.exists())))
