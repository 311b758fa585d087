"""Computing the ledger again, link by link, and comparing it with what it proves and with its
anchors: the first thing that does not fit is named."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.chain import FIRST, chained
from core_api.modules.consents.ledger_models import LedgerHead, LedgerLink
from shared_schemas.ids import OrganizationId

PAGE: Final = 4_000
"""Links computed at a time: some ten milliseconds, in a thread."""


class Fault(StrEnum):
    """What is wrong."""

    SEQUENCE_GAP = "sequence_gap"
    PREVIOUS_HASH = "previous_hash"
    ENTRY_CHANGED = "entry_changed"
    RECEIPT_EXCHANGED = "receipt_exchanged"
    HEAD_DIFFERS = "head_differs"
    ANCHOR_DIFFERS = "anchor_differs"
    ANCHOR_FORGED = "anchor_forged"
    ANCHOR_AHEAD = "anchor_ahead"
    RECEIPT_CHANGED = "receipt_changed"
    RECEIPT_MISSING = "receipt_missing"


@dataclass(frozen=True, slots=True)
class Broken:
    """The first link that does not fit."""

    sequence: int
    fault: Fault


@dataclass(slots=True)
class Walk:
    """How far the chain was followed, and what was found."""

    anchored: Mapping[int, bytes]
    sequence: int = 0
    hash: bytes = FIRST
    anchors_met: int = field(default=0)

    def follow(self, links: Sequence[Any]) -> Broken | None:
        """Goes over links in their order; the first that does not fit."""
        for sequence, receipt_id, entry, previous, link in links:
            if sequence != self.sequence + 1:
                return self._broken(Fault.SEQUENCE_GAP)
            if previous != self.hash:
                return self._broken(Fault.PREVIOUS_HASH)
            if chained(previous, entry) != link:
                return self._broken(Fault.ENTRY_CHANGED)
            if f'"receipt_id":"{receipt_id}","' not in entry:
                return self._broken(Fault.RECEIPT_EXCHANGED)
            if sequence in self.anchored:
                self.anchors_met += 1
                if self.anchored[sequence] != link:
                    return self._broken(Fault.ANCHOR_DIFFERS)
            self.sequence, self.hash = sequence, link
        return None

    def _broken(self, fault: Fault) -> Broken:
        return Broken(self.sequence + 1, fault)


async def verify_ledger(
    session: AsyncSession, organization_id: OrganizationId, anchored: Mapping[int, bytes]
) -> tuple[Walk, Broken | None]:
    """Follows the whole chain in a read-only transaction, which sees one state of it."""
    walk = Walk(anchored)
    while links := await _page(session, organization_id, walk.sequence):
        broken = await asyncio.to_thread(walk.follow, links)
        if broken is not None:
            return walk, broken
        if len(links) < PAGE:
            break
    return walk, await _end(session, organization_id, walk) or await _receipts(
        session, organization_id
    )


async def _page(
    session: AsyncSession, organization_id: OrganizationId, after: int
) -> Sequence[Any]:
    statement = (
        sa.select(
            LedgerLink.sequence,
            sa.cast(LedgerLink.receipt_id, sa.Text()),
            LedgerLink.entry,
            LedgerLink.previous_hash,
            LedgerLink.hash,
        )
        .where(LedgerLink.organization_id == organization_id, LedgerLink.sequence > after)
        .order_by(LedgerLink.sequence)
        .limit(PAGE)
    )
    return (await session.execute(statement)).all()


async def _end(session: AsyncSession, organization_id: OrganizationId, walk: Walk) -> Broken | None:
    """Whether links are missing at the end: against the head, and against the last anchor."""
    statement = sa.select(LedgerHead.sequence, LedgerHead.hash).where(
        LedgerHead.organization_id == organization_id
    )
    head = (await session.execute(statement)).one_or_none()
    sequence, last = (head.sequence, head.hash) if head is not None else (0, FIRST)
    if (sequence, last) != (walk.sequence, walk.hash):
        return Broken(min(sequence, walk.sequence) + 1, Fault.HEAD_DIFFERS)
    if max(walk.anchored, default=0) > walk.sequence:
        return Broken(walk.sequence + 1, Fault.ANCHOR_AHEAD)
    return None


# What each link says of its receipt, against the receipt; and receipts without a link. The
# sequence 0 stands for "in no link".
_RECEIPTS: Final = sa.text("""
SELECT coalesce(l.sequence, 0) AS sequence, l.sequence IS NULL AS is_missing
FROM crm.consents c
LEFT JOIN crm.consent_ledger l
  ON l.organization_id = c.organization_id AND l.receipt_id = c.id
LEFT JOIN LATERAL jsonb_to_record(l.entry::jsonb) AS said(kind text, client_id uuid,
  purpose_id uuid, notice_version int, notice_sha256 text, channel text, decided_at timestamptz,
  expires_at timestamptz, shown_at timestamptz, locale text, recorded_by uuid,
  evidence_id uuid, evidence_sha256 text, renews_id uuid, at timestamptz) ON true
WHERE c.organization_id = :organization_id AND (
  l.sequence IS NULL
  OR (said.kind, said.client_id, said.purpose_id, said.notice_version, said.notice_sha256,
      said.channel, said.decided_at, said.expires_at, said.shown_at, said.locale,
      said.recorded_by, said.evidence_id, said.evidence_sha256, said.renews_id, said.at)
      IS DISTINCT FROM
     ('consent.' || c.decision, c.client_id, c.purpose_id, c.notice_version, c.notice_sha256,
      c.channel, c.decided_at, c.expires_at, c.shown_at, c.locale,
      nullif(c.recorded_by, '00000000-0000-0000-0000-000000000000'),
      c.evidence_id, c.evidence_sha256, c.renews_id, c.created_at))
UNION ALL
SELECT coalesce(l.sequence, 0), l.sequence IS NULL
FROM crm.consent_revocations r
LEFT JOIN crm.consent_ledger l
  ON l.organization_id = r.organization_id AND l.receipt_id = r.id
LEFT JOIN LATERAL jsonb_to_record(l.entry::jsonb) AS said(kind text, consent_id uuid,
  ended_at timestamptz, recorded_by uuid, at timestamptz) ON true
WHERE r.organization_id = :organization_id AND (
  l.sequence IS NULL
  OR (said.kind, said.consent_id, said.ended_at, said.recorded_by, said.at)
    IS DISTINCT FROM ('consent.' || r.kind, r.consent_id, r.revoked_at,
      nullif(r.recorded_by, '00000000-0000-0000-0000-000000000000'), r.created_at))
UNION ALL
SELECT coalesce(l.sequence, 0), l.sequence IS NULL
FROM crm.consent_notices n
LEFT JOIN crm.consent_ledger l
  ON l.organization_id = n.organization_id AND l.receipt_id = n.id
LEFT JOIN LATERAL jsonb_to_record(l.entry::jsonb) AS said(purpose_id uuid, notice_version int,
  notice_sha256 text, locale text, is_material boolean, recorded_by uuid, at timestamptz) ON true
WHERE n.organization_id = :organization_id AND (
  l.sequence IS NULL
  OR (said.purpose_id, said.notice_version, said.notice_sha256, said.locale, said.is_material,
      said.recorded_by, said.at) IS DISTINCT FROM
     (n.purpose_id, n.version, n.sha256, n.locale, n.is_material,
      nullif(n.published_by, '00000000-0000-0000-0000-000000000000'), n.created_at)
  OR encode(sha256(convert_to(n.text, 'UTF8')), 'hex') <> n.sha256)
UNION ALL
SELECT l.sequence, true
FROM crm.consent_ledger l
LEFT JOIN crm.consents c ON c.organization_id = l.organization_id AND c.id = l.receipt_id
LEFT JOIN crm.consent_revocations r
  ON r.organization_id = l.organization_id AND r.id = l.receipt_id
LEFT JOIN crm.consent_notices n ON n.organization_id = l.organization_id AND n.id = l.receipt_id
WHERE l.organization_id = :organization_id AND c.id IS NULL AND r.id IS NULL AND n.id IS NULL
ORDER BY 1 LIMIT 1
""").bindparams(sa.bindparam("organization_id", type_=sa.Uuid()))


async def _receipts(session: AsyncSession, organization_id: OrganizationId) -> Broken | None:
    given: dict[str, UUID] = {"organization_id": organization_id}
    found = (await session.execute(_RECEIPTS, given)).one_or_none()
    if found is None:
        return None
    fault = Fault.RECEIPT_MISSING if found.is_missing else Fault.RECEIPT_CHANGED
    return Broken(found.sequence, fault)
