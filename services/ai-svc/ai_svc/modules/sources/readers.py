"""Whom a source's documents are for: what is said of the source holds for those it has brought."""

from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging import outbox
from knowledge.models import Document, Visibility
from knowledge.sources.models import SourceItem, WatchedSource
from knowledge.submission import Access
from shared_schemas.actor import Actor
from shared_schemas.events import DocumentChanged

_DOCUMENTS: Final = cast("sa.Table", Document.__table__)
_FIELDS: Final = ("visibility", "allowed_roles", "allowed_team_ids")
_COLUMNS: Final = _DOCUMENTS.c


def readers_of(source: WatchedSource) -> dict[str, Any]:
    """As a document's row says it."""
    access = Access(
        Visibility(source.visibility),
        allowed_roles=tuple(source.allowed_roles),
        allowed_team_ids=tuple(source.allowed_team_ids),
    ).columns()
    return {name: access[name] for name in _FIELDS}


async def hand_on(
    session: AsyncSession, actor: Actor, source: WatchedSource, former: dict[str, Any]
) -> None:
    """To the documents of the locked source that are as they came: where somebody has said of one
    whom it is for, that stays."""
    now = readers_of(source)
    if now == former:
        return
    brought = sa.select(SourceItem.document_id).where(
        SourceItem.organization_id == source.organization_id,
        SourceItem.source_id == source.id,
        SourceItem.document_id.is_not(None),
    )
    changed = await session.scalars(
        sa.update(_DOCUMENTS)
        .where(
            _COLUMNS.organization_id == source.organization_id,
            _COLUMNS.id.in_(brought),
            *(_COLUMNS[name] == value for name, value in former.items()),
        )
        .values(**now, version=_COLUMNS.version + 1, updated_at=sa.func.clock_timestamp())
        .returning(_COLUMNS.id)
    )
    names = tuple(sorted(name for name in _FIELDS if now[name] != former[name]))
    events = [
        DocumentChanged.by(actor, document_id=document_id, changed=names)
        for document_id in changed.all()
    ]
    if events:
        await outbox.add_all(session, events)
