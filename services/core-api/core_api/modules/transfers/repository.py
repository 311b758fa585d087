"""The register of transfers of one organization in the database."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage
from core_api.keyset import Keyset
from core_api.modules.transfers.exceptions import TransferNotFound
from core_api.modules.transfers.models import InternationalTransfer, TransferStatus
from shared_schemas.ids import OrganizationId

BY_PROVIDER: Final = Keyset(
    name="provider",
    column=InternationalTransfer.provider,
    id=InternationalTransfer.id,
    parse=str,
)


class Transfers:
    """Those of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def get(self, transfer_id: UUID, *, lock: bool = False) -> InternationalTransfer:
        """The entry, or TransferNotFound."""
        statement = self._mine().where(InternationalTransfer.id == transfer_id)
        if lock:
            statement = statement.with_for_update()
        found = (await self._session.scalars(statement)).one_or_none()
        if found is None:
            raise TransferNotFound
        return found

    async def list(
        self, page: CursorPage, status: TransferStatus | None
    ) -> Sequence[InternationalTransfer]:
        """A page, by provider; None means any status."""
        statement = self._mine()
        if status is not None:
            statement = statement.where(InternationalTransfer.status == status)
        return (await self._session.scalars(BY_PROVIDER.page(statement, page))).all()

    async def all(self) -> Sequence[InternationalTransfer]:
        """Every entry that has not ended, by provider. For whole records."""
        statement = self._mine().where(InternationalTransfer.status != TransferStatus.ENDED)
        ordered = statement.order_by(InternationalTransfer.provider, InternationalTransfer.id)
        return (await self._session.scalars(ordered)).all()

    def _mine(self) -> sa.Select[InternationalTransfer]:
        return sa.select(InternationalTransfer).where(
            InternationalTransfer.organization_id == self._organization_id
        )
