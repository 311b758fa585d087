"""The words of requests, for who erases a person: what happened to them stays, in ids and times."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from core_api.modules.privacy.models import PrivacyMessage, PrivacyRequest, PrivacyRequestStep
from shared_schemas.ids import OrganizationId

_TEXTS: Final[tuple[tuple[Any, tuple[InstrumentedAttribute[Any], ...]], ...]] = (
    (PrivacyRequest, (PrivacyRequest.content_sealed, PrivacyRequest.representative_sealed)),
    (PrivacyRequestStep, (PrivacyRequestStep.text_sealed,)),
    (PrivacyMessage, (PrivacyMessage.body_sealed,)),
)


async def count_texts(
    session: AsyncSession, organization_id: OrganizationId, client_ids: Sequence[UUID]
) -> int:
    """How many rows hold words of, or about, these clients."""
    counts = [
        sa.select(sa.func.count())
        .select_from(model)
        .where(_said(model, columns, organization_id, client_ids))
        .scalar_subquery()
        for model, columns in _TEXTS
    ]
    found = (await session.execute(sa.select(*counts))).one()
    return sum(found)


async def forget_texts(
    session: AsyncSession, organization_id: OrganizationId, client_ids: Sequence[UUID]
) -> int:
    """Takes the words away, also those of the request that is being executed; of how many rows."""
    forgotten = 0
    for model, columns in _TEXTS:
        statement = (
            sa.update(model)
            .where(_said(model, columns, organization_id, client_ids))
            .values({column.key: None for column in columns})
            .returning(model.id)
            .execution_options(synchronize_session="fetch")
        )
        forgotten += len((await session.scalars(statement)).all())
    return forgotten


def _said(
    model: Any,
    columns: Sequence[InstrumentedAttribute[Any]],
    organization_id: OrganizationId,
    client_ids: Sequence[UUID],
) -> sa.ColumnElement[bool]:
    return sa.and_(
        model.organization_id == organization_id,
        model.client_id.in_(client_ids),
        sa.or_(*(column.is_not(None) for column in columns)),
    )
