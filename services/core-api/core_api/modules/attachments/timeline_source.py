"""What attachments tell in the timeline of a client: which files came with what was said."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.attachments.models import Attachment
from core_api.modules.tickets.service import shown
from core_api.tables import SCHEMA
from core_api.timeline_sources import TimelineKind, TimelineSource, TimelineWindow, Told
from shared_schemas.actor import Actor
from shared_schemas.permissions import Permission

_MESSAGES: Final = sa.table(
    "ticket_messages",
    *(sa.column(name, sa.Uuid()) for name in ("organization_id", "id", "ticket_id")),
    sa.column("kind", sa.Text()),
    schema=SCHEMA,
)
_TICKETS: Final = sa.table(
    "tickets",
    *(sa.column(name, sa.Uuid()) for name in ("organization_id", "id", "client_id")),
    schema=SCHEMA,
)


class AttachmentDetail(BaseModel):
    """A file. `summary` is its name."""

    message_id: UUID
    media_type: str = Field(description="By content", examples=["application/pdf"])
    size_bytes: int = Field(examples=[48213])


def _attached(window: TimelineWindow) -> sa.Select[Any]:
    """Pending files, and those of drafts, were not said yet."""
    said = sa.and_(
        _MESSAGES.c.organization_id == Attachment.organization_id,
        _MESSAGES.c.id == Attachment.message_id,
        _MESSAGES.c.kind != "draft",
    )
    files = window.cut(
        sa.select(
            Attachment.created_at.label("occurred_at"),
            Attachment.id,
            _MESSAGES.c.ticket_id,  # a split takes the message along, the file stays where it was
        )
        .select_from(sa.join(Attachment, _MESSAGES, said))
        .where(
            Attachment.organization_id == window.organization_id,
            Attachment.ticket_id == _TICKETS.c.id,
        ),
        Attachment.created_at,
        Attachment.id,
    ).lateral("attached")
    mine = sa.and_(
        _TICKETS.c.organization_id == window.organization_id,
        _TICKETS.c.client_id == window.member_id,
    )
    return sa.select(
        files.c.occurred_at,
        files.c.id,
        window.member_id.label("client_id"),
        files.c.ticket_id,
    ).select_from(window.members.join(_TICKETS, mine).join(files, sa.true()))


async def _load(session: AsyncSession, actor: Actor, ids: Sequence[UUID]) -> Mapping[UUID, Told]:
    statement = sa.select(
        Attachment.id,
        Attachment.name,
        Attachment.message_id,
        Attachment.media_type,
        Attachment.size_bytes,
        Attachment.uploaded_by,
    ).where(Attachment.organization_id == actor.organization_id, Attachment.id.in_(ids))
    return {
        row.id: Told(
            actor_id=row.uploaded_by,
            title="Anexo",
            summary=shown(actor, row.name),
            detail=AttachmentDetail.model_validate(row, from_attributes=True),
        )
        for row in await session.execute(statement)
    }


ATTACHMENT_TIMELINE: Final = (
    TimelineSource(
        kind=TimelineKind.ATTACHMENT,
        permission=Permission.TICKETS_READ,
        branch=_attached,
        load=_load,
    ),
)
"""The kind of this context."""
