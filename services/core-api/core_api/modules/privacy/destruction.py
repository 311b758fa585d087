"""What an erasure or an anonymisation does to the other requests of the same person.

While one is executed, and after it, nothing new is written about them: words would be sealed under
a new key, or arrive after everything was looked through.
"""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.clients.erasing import whole_family
from core_api.modules.privacy.exceptions import (
    ClientAlreadyAnonymised,
    ClientAlreadyErased,
    DestructionUnderWay,
)
from core_api.modules.privacy.kinds import RequestStatus, RequestType
from core_api.modules.privacy.models import PrivacyRequest
from core_api.modules.privacy.repository import Requests
from shared_schemas.ids import OrganizationId


async def require_intact(
    tx: AsyncSession, organization_id: OrganizationId, client_id: UUID
) -> None:
    """Until the commit nobody begins to destroy the client, or one it went into. ClientNotFound,
    DestructionUnderWay, ClientAlreadyErased, ClientAlreadyAnonymised."""
    await _require_intact(tx, organization_id, client_id, besides=None)


async def locked_intact(
    tx: AsyncSession, organization_id: OrganizationId, request_id: UUID
) -> PrivacyRequest:
    """A request to work on, locked. RequestNotFound, and as `require_intact`, but for what the
    request itself does."""
    requests = Requests(tx, organization_id)
    client_id = (await requests.get(request_id)).client_id
    await _require_intact(tx, organization_id, client_id, besides=request_id)
    return await requests.get_for_update(request_id)


async def _require_intact(
    tx: AsyncSession, organization_id: OrganizationId, client_id: UUID, besides: UUID | None
) -> None:
    family = await whole_family(tx, organization_id, client_id)
    # Whoever works on requests of one person does it one after the other: a request is not written
    # to while another one begins to destroy its words.
    name = f"privacy:{organization_id}:{family[0]}"
    await tx.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0))))
    for other in await Requests(tx, organization_id).destroying(family):
        if other.id != besides:
            _refuse(other.type, other.status)


def require_words(request: PrivacyRequest) -> None:
    """Nor is anything written about a request that destroys, once it does."""
    if request.type in {RequestType.ERASURE, RequestType.ANONYMIZATION}:
        _refuse(request.type, request.status)


async def moot_after(tx: AsyncSession, request: PrivacyRequest) -> Sequence[PrivacyRequest]:
    """The other requests of a person of whom nothing is left, locked."""
    family = await whole_family(tx, request.organization_id, request.client_id)
    found = await Requests(tx, request.organization_id).unexecuted_for_update(family)
    return [other for other in found if other.id != request.id]


def _refuse(type_: RequestType, status: RequestStatus) -> None:
    if status is RequestStatus.EXECUTING:
        raise DestructionUnderWay
    if status is RequestStatus.COMPLETED:
        raise ClientAlreadyErased if type_ is RequestType.ERASURE else ClientAlreadyAnonymised
