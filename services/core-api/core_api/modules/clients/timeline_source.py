"""What clients tell in their timeline: the notes about them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.clients.models import ClientNote
from core_api.timeline_sources import (
    NO_TICKET,
    TimelineKind,
    TimelineSource,
    TimelineWindow,
    Told,
    beginning_of,
    excerpt,
)
from shared_schemas.actor import Actor
from shared_schemas.permissions import Permission


class NoteDetail(BaseModel):
    """A note about the client. `summary` is how it begins."""

    updated_at: datetime
    version: int = Field(description="More than 1: it has been changed", examples=[1])


def _noted(window: TimelineWindow) -> sa.Select[Any]:
    notes = window.cut(
        sa.select(ClientNote.created_at.label("occurred_at"), ClientNote.id).where(
            ClientNote.organization_id == window.organization_id,
            ClientNote.client_id == window.member_id,
        ),
        ClientNote.created_at,
        ClientNote.id,
    ).lateral("noted")
    return sa.select(
        notes.c.occurred_at, notes.c.id, window.member_id.label("client_id"), NO_TICKET
    ).select_from(window.members.join(notes, sa.true()))


async def _load(session: AsyncSession, actor: Actor, ids: Sequence[UUID]) -> Mapping[UUID, Told]:
    statement = sa.select(
        ClientNote.id,
        ClientNote.author_id,
        ClientNote.updated_at,
        ClientNote.version,
        beginning_of(ClientNote.body).label("beginning"),
    ).where(ClientNote.organization_id == actor.organization_id, ClientNote.id.in_(ids))
    return {
        row.id: Told(
            actor_id=row.author_id,
            title="Anotação",
            summary=excerpt(row.beginning),
            detail=NoteDetail.model_validate(row, from_attributes=True),
        )
        for row in await session.execute(statement)
    }


CLIENT_TIMELINE: Final = (
    TimelineSource(
        kind=TimelineKind.NOTE, permission=Permission.CLIENTS_READ, branch=_noted, load=_load
    ),
)
"""The kind of this context."""
