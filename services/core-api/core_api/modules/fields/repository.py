"""Field definitions of one organization in the database."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.fields.exceptions import FieldNotFound
from core_api.modules.fields.models import FieldDefinition, FieldEntity
from shared_schemas.ids import OrganizationId


class FieldDefinitions:
    """The definitions of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def get_for_update(self, field_id: UUID) -> FieldDefinition:
        """The definition, locked until the end of the transaction, or FieldNotFound."""
        statement = self._mine().where(FieldDefinition.id == field_id).with_for_update()
        field = (await self._session.scalars(statement)).one_or_none()
        if field is None:
            raise FieldNotFound
        return field

    async def all_of(
        self, entity: FieldEntity | None = None, *, archived: bool = True
    ) -> Sequence[FieldDefinition]:
        """In the order people see them."""
        statement = self._mine()
        if entity is not None:
            statement = statement.where(FieldDefinition.entity == entity)
        if not archived:
            statement = statement.where(FieldDefinition.archived_at.is_(None))
        order = (FieldDefinition.entity, FieldDefinition.position, FieldDefinition.id)
        return (await self._session.scalars(statement.order_by(*order))).all()

    async def count_active(self, entity: FieldEntity) -> int:
        """How many take values."""
        statement = (
            sa.select(sa.func.count())
            .select_from(FieldDefinition)
            .where(
                FieldDefinition.organization_id == self._organization_id,
                FieldDefinition.entity == entity,
                FieldDefinition.archived_at.is_(None),
            )
        )
        return (await self._session.scalar(statement)) or 0

    def _mine(self) -> sa.Select[FieldDefinition]:
        return sa.select(FieldDefinition).where(
            FieldDefinition.organization_id == self._organization_id
        )
