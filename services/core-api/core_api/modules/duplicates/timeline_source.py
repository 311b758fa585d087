"""What merges tell in the timeline of a client: who went into it, and who left it again."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.duplicates.models import ClientMerge
from core_api.timeline_sources import (
    NO_TICKET,
    TimelineKind,
    TimelineSource,
    TimelineWindow,
    Told,
)
from shared_schemas.actor import Actor
from shared_schemas.permissions import Permission


class MergeDetail(BaseModel):
    """A client that went into another one."""

    survivor_id: UUID
    merged_id: UUID
    changed: list[str] = Field(
        description="Fields of the survivor that it changed", examples=[["emails", "tags"]]
    )
    moved: dict[str, int] = Field(description="What was moved, counted", examples=[{"tickets": 3}])
    reason: str | None = Field(description="Of the merge", examples=["Cadastro em dobro"])
    undone: bool


def _merged(occurred_at: Any, window: TimelineWindow) -> sa.Select[Any]:
    merges = window.cut(
        sa.select(occurred_at.label("occurred_at"), ClientMerge.id).where(
            ClientMerge.organization_id == window.organization_id,
            ClientMerge.survivor_id == window.member_id,
            occurred_at.is_not(None),
        ),
        occurred_at,
        ClientMerge.id,
    ).lateral("merged")
    return sa.select(
        merges.c.occurred_at, merges.c.id, window.member_id.label("client_id"), NO_TICKET
    ).select_from(window.members.join(merges, sa.true()))


async def _load(
    told: Callable[[ClientMerge], Told], session: AsyncSession, actor: Actor, ids: Sequence[UUID]
) -> Mapping[UUID, Told]:
    statement = sa.select(ClientMerge).where(
        ClientMerge.organization_id == actor.organization_id, ClientMerge.id.in_(ids)
    )
    return {merge.id: told(merge) for merge in await session.scalars(statement)}


def _of_merge(merge: ClientMerge) -> Told:
    return Told(
        actor_id=merge.merged_by,
        title="Cadastro unido",
        summary="Outro cadastro foi unido a este.",
        detail=_detail(merge),
    )


def _of_undoing(merge: ClientMerge) -> Told:
    return Told(
        actor_id=merge.undone_by,
        title="União desfeita",
        summary="Um cadastro unido a este voltou a ser outro.",
        detail=_detail(merge),
    )


def _detail(merge: ClientMerge) -> MergeDetail:
    return MergeDetail(
        survivor_id=merge.survivor_id,
        merged_id=merge.merged_id,
        changed=merge.changed["fields"],
        moved={name: len(ids) for name, ids in merge.moved.items()},
        reason=merge.reason,
        undone=merge.undone_at is not None,
    )


DUPLICATE_TIMELINE: Final = (
    TimelineSource(
        kind=TimelineKind.MERGE,
        permission=Permission.CLIENTS_READ,
        branch=partial(_merged, ClientMerge.created_at),
        load=partial(_load, _of_merge),
    ),
    TimelineSource(
        kind=TimelineKind.UNDONE_MERGE,
        permission=Permission.CLIENTS_READ,
        branch=partial(_merged, ClientMerge.undone_at),
        load=partial(_load, _of_undoing),
    ),
)
"""The kinds of this context."""
