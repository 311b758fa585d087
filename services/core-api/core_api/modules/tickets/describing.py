"""What a ticket is about, held to what the organization has defined: category, custom fields."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.categories.service import require_category
from core_api.modules.fields.service import FieldEntity, validate_values
from core_api.modules.tickets.models import Ticket
from shared_schemas.ids import OrganizationId


async def described(
    tx: AsyncSession,
    organization_id: OrganizationId,
    ticket: Ticket | None,
    values: dict[str, Any],
) -> dict[str, Any]:
    """The values, custom ones on top of those the ticket has; None: it is being opened.

    CategoryNotFound, CategoryArchived, or InvalidInput naming the custom fields.
    """
    category_id = values.get("category_id")
    if category_id is not None and (ticket is None or category_id != ticket.category_id):
        await require_category(tx, organization_id, category_id)
    if ticket is not None and "custom_fields" not in values:
        return values
    custom = await validate_values(
        tx,
        organization_id,
        FieldEntity.TICKET,
        values.get("custom_fields"),
        None if ticket is None else ticket.custom_fields,
    )
    return {**values, "custom_fields": custom}
