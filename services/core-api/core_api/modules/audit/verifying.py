"""Computing the chain of the audit log again, event by event: the first thing that does not fit is
named."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.security.sealing import UnknownSealingKey, Vault
from core_api.chain import FIRST, chained
from core_api.modules.audit.authenticity import (
    content_hash,
    content_of,
    head_content,
    link_entry,
    standing_of,
)
from core_api.modules.audit.chaining import COLUMNS, without_link
from core_api.modules.audit.models import AuditEvent, AuditHead, AuditLink, Standing
from core_api.workplace import vault_of
from shared_schemas.ids import OrganizationId

PAGE: Final = 2_000
"""Events computed at a time: some ten milliseconds, in a thread."""
REPLACING: Final = timedelta(hours=1)
"""How long after a chain began replicas of the release before may write events without
attestation."""


class Fault(StrEnum):
    """What is wrong."""

    SEQUENCE_GAP = "sequence_gap"  # a link is missing
    LINK_CHANGED = "link_changed"
    EVENT_MISSING = "event_missing"
    EVENT_CHANGED = "event_changed"
    EVENT_FORGED = "event_forged"  # none of ours wrote it so
    HEAD_DIFFERS = "head_differs"  # an end is missing
    HEAD_FORGED = "head_forged"
    ANCHOR_DIFFERS = "anchor_differs"
    ANCHOR_FORGED = "anchor_forged"
    ANCHOR_AHEAD = "anchor_ahead"


@dataclass(frozen=True, slots=True)
class Broken:
    """The first link that does not fit."""

    sequence: int
    fault: Fault
    event_id: UUID | None = None


@dataclass(slots=True)
class Walk:
    """How far the chain was followed, and what was found."""

    vault: Vault
    organization_id: OrganizationId
    anchored: Mapping[int, bytes]
    sequence: int = 0
    hash: bytes = FIRST
    began_at: datetime | None = None
    anchors_met: int = 0
    unattested: int = 0
    pending: int = 0

    def follow(self, links: Sequence[Any]) -> Broken | None:
        """Goes over links, each with its event, in their order; the first that does not fit."""
        for link in links:
            if link.sequence != self.sequence + 1:
                return Broken(self.sequence + 1, Fault.SEQUENCE_GAP)
            fault = self._fault(link)
            if fault is not None:
                return Broken(link.sequence, fault, link.event_id)
            self.sequence, self.hash = link.sequence, link.link_hash
        return None

    def _fault(self, link: Any) -> Fault | None:
        entry = link_entry(
            self.organization_id,
            link.sequence,
            link.event_id,
            link.standing,
            link.sealed_at,
            link.content_hash,
        )
        if chained(self.hash, entry) != link.link_hash:
            return Fault.LINK_CHANGED
        if link.id is None:
            return Fault.EVENT_MISSING
        if link.sequence in self.anchored:
            self.anchors_met += 1
            if self.anchored[link.sequence] != link.link_hash:
                return Fault.ANCHOR_DIFFERS
        self.began_at = self.began_at or link.sealed_at
        return self._fault_of_event(link)

    def _fault_of_event(self, link: Any) -> Fault | None:
        content = content_of(link)
        if content_hash(content, link.attested) != link.content_hash:
            return Fault.EVENT_CHANGED
        if link.standing is Standing.REFUSED:
            return Fault.EVENT_FORGED
        if link.attested is None:
            self.unattested += 1
            late = self.began_at is not None and link.occurred_at > self.began_at + REPLACING
            return Fault.EVENT_FORGED if late else None
        try:
            return None if self.vault.attests(link.attested, content) else Fault.EVENT_FORGED
        except UnknownSealingKey:
            return None  # its key is gone; what it said when it got its link, it says


async def verify_audit(
    session: AsyncSession, organization_id: OrganizationId, anchored: Mapping[int, bytes]
) -> tuple[Walk, Broken | None]:
    """Follows the whole chain in a read-only transaction, which sees one state of it."""
    walk = Walk(vault_of(session), organization_id, anchored)
    while links := await _page(session, organization_id, walk.sequence):
        broken = await asyncio.to_thread(walk.follow, links)
        if broken is not None:
            return walk, broken
        if len(links) < PAGE:
            break
    walk.pending = await _pending(session, organization_id)
    return walk, await _end(session, walk)


async def _page(
    session: AsyncSession, organization_id: OrganizationId, after: int
) -> Sequence[Any]:
    same = sa.and_(
        AuditEvent.organization_id == AuditLink.organization_id,
        AuditEvent.id == AuditLink.event_id,
    )
    statement = (
        sa.select(
            AuditLink.sequence,
            AuditLink.event_id,
            AuditLink.standing,
            AuditLink.sealed_at,
            AuditLink.content_hash,
            AuditLink.hash.label("link_hash"),
            *COLUMNS,
        )
        .select_from(sa.outerjoin(AuditLink, AuditEvent, same))
        .where(AuditLink.organization_id == organization_id, AuditLink.sequence > after)
        .order_by(AuditLink.sequence)
        .limit(PAGE)
    )
    return (await session.execute(statement)).all()


async def _end(session: AsyncSession, walk: Walk) -> Broken | None:
    """Whether links are missing at the end: against the head, which is attested, and against the
    last anchor."""
    statement = sa.select(AuditHead.sequence, AuditHead.hash, AuditHead.attested).where(
        AuditHead.organization_id == walk.organization_id
    )
    head = (await session.execute(statement)).one_or_none()
    if head is None:
        missing = walk.sequence or max(walk.anchored, default=0)
        return Broken(walk.sequence + 1, Fault.HEAD_DIFFERS) if missing else None
    if (head.sequence, head.hash) != (walk.sequence, walk.hash):
        return Broken(min(head.sequence, walk.sequence) + 1, Fault.HEAD_DIFFERS)
    if max(walk.anchored, default=0) > walk.sequence:
        return Broken(walk.sequence + 1, Fault.ANCHOR_AHEAD)
    content = head_content(walk.organization_id, head.sequence, head.hash)
    if standing_of(walk.vault, content, head.attested) is Standing.REFUSED:
        return Broken(walk.sequence, Fault.HEAD_FORGED)
    return None


async def _pending(session: AsyncSession, organization_id: OrganizationId) -> int:
    """Events that came since the chain was brought up to date."""
    found = without_link(organization_id).order_by(None).subquery()
    return await session.scalar(sa.select(sa.func.count()).select_from(found)) or 0
