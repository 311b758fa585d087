"""What other contexts may read of the registry of purposes and of who consented."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.consents.exceptions import PurposeNotFound
from core_api.modules.consents.models import (
    Consent,
    ConsentPurpose,
    Decision,
    LegalBasis,
    RetentionFrom,
    RetentionThen,
)
from core_api.modules.consents.repository import Purposes
from shared_schemas.ids import OrganizationId

__all__ = [
    "LegalBasis",
    "PurposeNotFound",
    "RetentionFrom",
    "RetentionThen",
    "all_purposes",
    "consented_purposes",
    "purpose_of_code",
    "require_purposes",
]


async def all_purposes(
    session: AsyncSession, organization_id: OrganizationId, *, archived: bool = False
) -> Sequence[sa.Row[Any]]:
    """Every purpose with its current notice, by code."""
    return await Purposes(session, organization_id).all(archived=archived)


async def purpose_of_code(
    session: AsyncSession, organization_id: OrganizationId, code: str
) -> sa.Row[Any]:
    """The purpose with its current notice, or PurposeNotFound."""
    return await Purposes(session, organization_id).get(code)


async def require_purposes(
    session: AsyncSession, organization_id: OrganizationId, codes: Collection[str]
) -> None:
    """PurposeNotFound unless all of them are registered."""
    statement = sa.select(sa.func.count()).where(
        ConsentPurpose.organization_id == organization_id, ConsentPurpose.code.in_(set(codes))
    )
    if await session.scalar(statement) != len(set(codes)):
        raise PurposeNotFound


async def consented_purposes(
    session: AsyncSession, organization_id: OrganizationId, client_ids: Collection[UUID]
) -> frozenset[UUID]:
    """The purposes any of these clients ever consented to: what was shared by it, was shared."""
    statement = sa.select(Consent.purpose_id).where(
        Consent.organization_id == organization_id,
        Consent.client_id.in_(client_ids),
        Consent.decision == Decision.GRANTED,
    )
    return frozenset(await session.scalars(statement.distinct()))
