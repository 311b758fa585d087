"""A document that was deleted is quoted no more: drafts that nobody has taken over go with it."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.triage.models import TicketTriage
from shared_schemas.events import DocumentDeleted

_AT_ONCE: Final = 200


async def follow_deletion(tx: AsyncSession, event: DocumentDeleted) -> None:
    """Takes draft and citations out of every proposal that quotes it. What a person has sent is
    theirs."""
    quoting = (
        sa.select(TicketTriage)
        .where(
            TicketTriage.organization_id == event.organization_id,
            TicketTriage.draft.is_not(None),
            sa.literal(event.payload.document_id, sa.Uuid()) == sa.any_(TicketTriage.document_ids),
        )
        .order_by(TicketTriage.id)
        .limit(_AT_ONCE)
        .with_for_update()
    )
    while triages := (await tx.scalars(quoting)).all():
        for triage in triages:
            triage.change({"draft": None, "citations": [], "document_ids": []})
        await tx.flush()
