"""The ledger of consents: one chain per organization, in which nothing can be changed unseen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.chain import FIRST, canonical, chained
from core_api.modules.consents.ledger_models import LedgerHead, LedgerLink
from core_api.modules.consents.models import Consent, ConsentNotice, ConsentRevocation
from shared_schemas.ids import OrganizationId


@dataclass(frozen=True, slots=True)
class Fact:
    """What is to be entered: the row it proves, and what it says. Never personal data."""

    receipt_id: UUID
    fields: Mapping[str, Any]


async def append(
    session: AsyncSession, organization_id: OrganizationId, facts: Sequence[Fact]
) -> None:
    """Enters the facts in their order. The last thing a transaction does: from here on all others
    of the organization that enter something wait until it ends."""
    if not facts:
        return
    await session.flush()  # what it locks is locked before the head
    first, previous = await _reserved(session, organization_id, len(facts))
    rows = []
    for sequence, fact in enumerate(facts, first):
        entry = canonical(
            {
                **fact.fields,
                "organization_id": organization_id,
                "receipt_id": fact.receipt_id,
                "sequence": sequence,
            }
        )
        link = chained(previous, entry)
        rows.append(
            {
                "organization_id": organization_id,
                "sequence": sequence,
                "receipt_id": fact.receipt_id,
                "entry": entry,
                "previous_hash": previous,
                "hash": link,
            }
        )
        previous = link
    await session.execute(sa.insert(LedgerLink), rows)
    head = sa.update(LedgerHead).where(LedgerHead.organization_id == organization_id)
    await session.execute(
        head.values(hash=previous), execution_options={"synchronize_session": False}
    )


async def _reserved(
    session: AsyncSession, organization_id: OrganizationId, count: int
) -> tuple[int, bytes]:
    """Locks the head; the first sequence of the caller's, and the hash before it."""
    begun = insert(LedgerHead).values(organization_id=organization_id, sequence=count, hash=FIRST)
    counted = begun.on_conflict_do_update(
        index_elements=[LedgerHead.organization_id],
        set_={"sequence": LedgerHead.sequence + count},
    ).returning(LedgerHead.sequence, LedgerHead.hash)
    last, previous = (await session.execute(counted)).one()
    return last - count + 1, previous


def of_notice(notice: ConsentNotice) -> Fact:
    """A text was published."""
    return Fact(
        notice.id,
        {
            "kind": "notice.published",
            "purpose_id": notice.purpose_id,
            "notice_version": notice.version,
            "notice_sha256": notice.sha256,
            "locale": notice.locale,
            "is_material": notice.is_material,
            "recorded_by": notice.published_by,
            "at": notice.created_at,
        },
    )


def of_consent(consent: Consent) -> Fact:
    """Somebody decided."""
    return Fact(
        consent.id,
        {
            "kind": f"consent.{consent.decision.value}",
            "consent_id": consent.id,
            "client_id": consent.client_id,
            "purpose_id": consent.purpose_id,
            "notice_version": consent.notice_version,
            "notice_sha256": consent.notice_sha256,
            "locale": consent.locale,
            "channel": consent.channel,
            "shown_at": consent.shown_at,
            "decided_at": consent.decided_at,
            "expires_at": consent.expires_at,
            "renews_id": consent.renews_id,
            "evidence_id": consent.evidence_id,
            "evidence_sha256": consent.evidence_sha256,
            "recorded_by": consent.recorded_by,
            "at": consent.created_at,
        },
    )


def of_end(end: ConsentRevocation) -> Fact:
    """A consent was revoked, or expired. Why, in somebody's words, stays out."""
    return Fact(
        end.id,
        {
            "kind": f"consent.{end.kind.value}",
            "consent_id": end.consent_id,
            "recorded_by": end.recorded_by,
            "ended_at": end.revoked_at,
            "at": end.created_at,
        },
    )
