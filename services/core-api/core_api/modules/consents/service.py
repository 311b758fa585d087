"""Recording what clients decide about purposes; ending their consents."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.web.errors import InvalidInput
from core_api.business_days import today
from core_api.changes import made
from core_api.modules.attachments.service import proof
from core_api.modules.clients.service import ClientNotFound, family_of, require_client
from core_api.modules.consents import ledger
from core_api.modules.consents.exceptions import (
    ConsentAlreadyRevoked,
    ConsentExpired,
    ConsentNotGranted,
    ConsentOvertaken,
    EvidenceUnusable,
    NoticeVersionUnknown,
    PurposeArchived,
    PurposeNeedsNoConsent,
    PurposeNotFound,
)
from core_api.modules.consents.ledger_models import ConsentExpiry
from core_api.modules.consents.models import (
    Consent,
    ConsentNotice,
    ConsentRevocation,
    ConsentStatus,
    Decision,
    EndKind,
    LegalBasis,
)
from core_api.modules.consents.recording import Recorder
from core_api.modules.consents.repository import Consents, Purposes
from core_api.modules.consents.schemas import ConsentCreate, ConsentRenew
from shared_schemas.actor import Actor
from shared_schemas.events import ConsentGranted, ConsentRefused, ConsentRevoked
from shared_schemas.ids import OrganizationId, new_id

__all__ = [
    "ConsentService",
    "PurposeNotFound",
    "heed_revocations",
    "require_purpose",
    "revoke_all",
]

_CLOCKS_MAY_DIFFER: Final = timedelta(minutes=5)
_SAME_PERSON: Final = "revogado antes pela mesma pessoa, em cadastro que foi unido a este"


async def revoke_all(
    tx: AsyncSession, actor: Actor, client_id: UUID, *, purpose_code: str | None, reason: str
) -> list[UUID]:
    """For other contexts: ends the consents of a client, and of those merged into it, to one
    purpose or to all of them; which ones. Entering the ledger is the last thing it does."""
    service = ConsentService(tx, Recorder.member(actor))
    return await service.revoke_all(client_id, purpose_code, reason)


async def heed_revocations(tx: AsyncSession, actor: Actor, client_id: UUID) -> None:
    """For other contexts, once two clients have become one: what the person revoked as the one,
    they had not consented to as the other. Entering the ledger is the last thing it does."""
    await ConsentService(tx, Recorder.member(actor)).heed_revocations(client_id)


async def require_purpose(tx: AsyncSession, organization_id: OrganizationId, code: str) -> None:
    """For other contexts: PurposeNotFound unless the organization has it."""
    await Purposes(tx, organization_id).get(code)


class ConsentService:
    """The commands on consents, in one transaction; entering the ledger is its last step."""

    def __init__(self, tx: AsyncSession, recorder: Recorder) -> None:
        self.tx = tx
        self.recorder = recorder
        self.purposes = Purposes(tx, recorder.organization_id)
        self.consents = Consents(tx, recorder.organization_id)

    async def record(self, client_id: UUID, given: ConsentCreate) -> sa.Row[Any]:
        """Keeps a receipt of what the client decided on the text of one notice version."""
        consent, facts = await self.decided(client_id, given)
        await ledger.append(self.tx, self.recorder.organization_id, facts)
        return await self.consents.get(consent.id)

    async def renew(self, consent_id: UUID, given: ConsentRenew) -> sa.Row[Any]:
        """A new receipt that goes on from this one, on the current notice or the one named."""
        renewed = await self.consents.get(consent_id)
        if renewed.status == ConsentStatus.REFUSED:
            raise ConsentNotGranted
        if renewed.status == ConsentStatus.REVOKED:
            raise ConsentAlreadyRevoked
        purpose = await self.purposes.get(renewed.purpose_code)
        values = given.model_dump() | {
            "purpose_code": purpose.code,
            "decision": Decision.GRANTED,
            "notice_version": given.notice_version or purpose.notice_version,
        }
        decision = ConsentCreate.model_validate(values)
        consent, facts = await self.decided(renewed.client_id, decision, renews_id=renewed.id)
        await ledger.append(self.tx, self.recorder.organization_id, facts)
        return await self.consents.get(consent.id)

    async def decided(
        self, client_id: UUID, given: ConsentCreate, *, renews_id: UUID | None = None
    ) -> tuple[Consent, list[ledger.Fact]]:
        """A decision and all that follows from it but the ledger: what the caller enters last."""
        organization_id = self.recorder.organization_id
        await require_client(self.tx, organization_id, client_id)
        purpose, notice = await self._asked(given)
        family = await family_of(self.tx, organization_id, client_id)
        await self.consents.one_at_a_time(family)
        standing = await self.consents.granted_and_standing(family, purpose.id)
        consent = self._receipt(client_id, given, notice, purpose.consent_valid_days)
        if consent.decision is Decision.GRANTED and given.decided_at is not None:
            await self._require_not_overtaken(consent, family)
        if given.evidence_id is not None:
            await self._take_evidence(consent, given.evidence_id, family)
        facts = [ledger.of_consent(consent)]
        if consent.decision is Decision.GRANTED:
            consent.renews_id = renews_id or (standing[-1].id if standing else None)
            facts = [ledger.of_consent(consent)]
            self.recorder.tell(self.tx, ConsentGranted, **_facts(consent, purpose.code))
        else:  # who refuses no longer consents (LGPD Art. 8 § 5), to what they had said before
            self.recorder.tell(self.tx, ConsentRefused, **_facts(consent, purpose.code))
            before = [each for each in standing if each.decided_at <= consent.decided_at]
            facts += await self.end(before, purpose.code, EndKind.REVOKED, None)
        self.tx.add(consent)
        await self.tx.flush()
        if consent.expires_at is not None and consent.decision is Decision.GRANTED:
            self.tx.add(
                ConsentExpiry(
                    organization_id=organization_id,
                    consent_id=consent.id,
                    expires_at=consent.expires_at,
                )
            )
        await self.recorder.note(
            self.tx,
            f"consent.{consent.decision.value}",
            consent.id,
            changes=made({"decision": consent.decision, "notice_version": notice.version}),
            about=client_id,
            related=_related(consent),
        )
        return consent, facts

    async def revoke(self, consent_id: UUID, reason: str | None) -> sa.Row[Any]:
        """Ends the client's consent to the purpose, at once.

        With it end any renewals of the same consent: who says no means the purpose, not a receipt.
        """
        given = await self.consents.get(consent_id)
        if given.status == ConsentStatus.REFUSED:
            raise ConsentNotGranted
        if given.status == ConsentStatus.REVOKED:
            raise ConsentAlreadyRevoked
        if given.status == ConsentStatus.EXPIRED:
            raise ConsentExpired
        family = await self._family(given.client_id)
        await self.consents.one_at_a_time(family)
        standing = await self.consents.granted_and_standing(family, given.purpose_id)
        if not standing:  # somebody was faster since it was read
            raise ConsentAlreadyRevoked
        facts = await self.end(standing, given.purpose_code, EndKind.REVOKED, reason)
        await ledger.append(self.tx, self.recorder.organization_id, facts)
        return await self.consents.get(consent_id)

    async def revoke_all(
        self, client_id: UUID, purpose_code: str | None, reason: str
    ) -> list[UUID]:
        """Ends what stands of the client's consents, to one purpose or to all; which ones."""
        family = await self._family(client_id)
        await self.consents.one_at_a_time(family)
        found = await self.consents.all_granted_and_standing(family, purpose_code)
        facts: list[ledger.Fact] = []
        for consent, code in found:
            facts += await self.end([consent], code, EndKind.REVOKED, reason)
        await ledger.append(self.tx, self.recorder.organization_id, facts)
        return [consent.id for consent, _ in found]

    async def heed_revocations(self, client_id: UUID) -> None:
        """Ends what had been granted before a revocation of the same person's."""
        family = await self._family(client_id)
        for each in sorted(family):  # who revokes just now knows a smaller family
            await self.consents.one_at_a_time([each])
        facts: list[ledger.Fact] = []
        for consent, code in await self.consents.overtaken(family):
            facts += await self.end([consent], code, EndKind.REVOKED, _SAME_PERSON)
        await ledger.append(self.tx, self.recorder.organization_id, facts)

    async def end(
        self, consents: Sequence[Consent], purpose_code: str, kind: EndKind, reason: str | None
    ) -> list[ledger.Fact]:
        """Ends them; what the caller enters into the ledger. The first end of a consent counts."""
        if not consents:
            return []
        now, facts = utc_now(), []
        # Before the ends: the sweep, too, has what is due before it ends it.
        await self.tx.execute(
            sa.delete(ConsentExpiry).where(
                ConsentExpiry.organization_id == self.recorder.organization_id,
                ConsentExpiry.consent_id.in_([consent.id for consent in consents]),
            )
        )
        for consent in consents:
            end = self._end_of(consent, kind, reason, now)
            self.tx.add(end)
            facts.append(ledger.of_end(end))
            self.recorder.tell(self.tx, ConsentRevoked, **_facts(consent, purpose_code), cause=kind)
            await self.recorder.note(
                self.tx,
                f"consent.{kind.value}",
                consent.id,
                changes=made({"revoked_at": now, "reason": reason}),
                about=consent.client_id,
                personal=ConsentRevocation.PERSONAL if reason else frozenset(),
                related=_related(consent),
            )
        return facts

    async def _asked(self, given: ConsentCreate) -> tuple[sa.Row[Any], ConsentNotice]:
        """The purpose, and the notice that was shown."""
        purpose = await self.purposes.get(given.purpose_code)
        notice = await self.purposes.find_notice(given.purpose_code, given.notice_version)
        if notice is None:
            raise NoticeVersionUnknown(notice_version=given.notice_version)
        if purpose.legal_basis is not LegalBasis.CONSENT:
            raise PurposeNeedsNoConsent(purpose.legal_basis)
        if purpose.archived_at is not None:
            raise PurposeArchived
        return purpose, notice

    async def _require_not_overtaken(self, consent: Consent, family: Sequence[UUID]) -> None:
        """A form that turns up late brings nothing back that was revoked: ConsentOvertaken."""
        revoked_at = await self.consents.revoked_since(
            family, consent.purpose_id, consent.decided_at
        )
        if revoked_at is not None:
            raise ConsentOvertaken(day=today(revoked_at).strftime("%d/%m/%Y"))

    async def _take_evidence(
        self, consent: Consent, evidence_id: UUID, family: Sequence[UUID]
    ) -> None:
        """From now on the attachment is not deleted."""
        found = await proof(self.tx, self.recorder.organization_id, evidence_id)
        if found is None or found.client_id not in family:
            raise EvidenceUnusable.on("body.evidence_id", EvidenceUnusable.message)
        consent.evidence_id, consent.evidence_sha256 = evidence_id, found.sha256

    async def _family(self, client_id: UUID) -> Sequence[UUID]:
        try:
            return await family_of(self.tx, self.recorder.organization_id, client_id)
        except ClientNotFound:
            return [client_id]  # deleted: a consent can be revoked all the same

    def _receipt(
        self,
        client_id: UUID,
        given: ConsentCreate,
        notice: ConsentNotice,
        valid_days: int | None,
    ) -> Consent:
        now = utc_now()
        decided_at = _past(given.decided_at, now, "decided_at") or now
        shown_at = _past(given.shown_at, decided_at, "shown_at")
        expires = valid_days is not None and given.decision is Decision.GRANTED
        return Consent(
            id=new_id(),
            organization_id=self.recorder.organization_id,
            client_id=client_id,
            purpose_id=notice.purpose_id,
            notice_version=notice.version,
            notice_sha256=notice.sha256,
            locale=notice.locale,
            decision=given.decision,
            channel=given.channel,
            shown_at=shown_at,
            decided_at=decided_at,
            expires_at=decided_at + timedelta(days=valid_days or 0) if expires else None,
            recorded_by=self.recorder.user_id,
            created_at=now,
        )

    def _end_of(
        self, consent: Consent, kind: EndKind, reason: str | None, now: datetime
    ) -> ConsentRevocation:
        return ConsentRevocation(
            id=new_id(),
            organization_id=self.recorder.organization_id,
            consent_id=consent.id,
            kind=kind,
            reason=reason,
            revoked_at=now,
            recorded_by=self.recorder.user_id,
            created_at=now,
        )


def _past(given: datetime | None, limit: datetime, field: str) -> datetime | None:
    if given is not None and given > limit + _CLOCKS_MAY_DIFFER:
        raise InvalidInput.on(f"body.{field}", "O momento está depois do que seria possível.")
    return None if given is None else min(given, limit)  # whose clock is ahead decided just now


def _facts(consent: Consent, purpose_code: str) -> dict[str, Any]:
    """All of the receipt that others judge by."""
    return {
        "consent_id": consent.id,
        **_related(consent),
        "purpose_code": purpose_code,
        "notice_version": consent.notice_version,
        "decided_at": consent.decided_at,
        "expires_at": consent.expires_at,
    }


def _related(consent: Consent) -> dict[str, UUID]:
    return {"client_id": consent.client_id, "purpose_id": consent.purpose_id}
