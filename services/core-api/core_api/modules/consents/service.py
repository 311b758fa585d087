"""Publishing purposes and notices; recording what clients decide about them, and revoking it."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.messaging import outbox
from chassis.web.errors import InvalidInput
from chassis.web.etag import check_version
from core_api.changes import made
from core_api.modules.audit import service as audit
from core_api.modules.clients.service import ClientNotFound, family_of, require_client
from core_api.modules.consents.exceptions import (
    ConsentAlreadyRevoked,
    ConsentNotGranted,
    NoticeVersionUnknown,
    PurposeNeedsNoConsent,
)
from core_api.modules.consents.models import (
    Consent,
    ConsentNotice,
    ConsentPurpose,
    ConsentRevocation,
    ConsentStatus,
    Decision,
    LegalBasis,
)
from core_api.modules.consents.repository import Consents, Purposes
from core_api.modules.consents.schemas import ConsentCreate, NoticeCreate, PurposeCreate
from shared_schemas.actor import Actor
from shared_schemas.events import ConsentGranted, ConsentRevoked
from shared_schemas.ids import new_id

_CLOCKS_MAY_DIFFER: Final = timedelta(minutes=5)


class PurposeService:
    """The commands on purposes, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.purposes = Purposes(tx, actor.organization_id)

    async def create(self, given: PurposeCreate) -> sa.Row[Any]:
        """Registers a purpose with version 1 of its notice."""
        purpose = ConsentPurpose(
            id=new_id(),
            organization_id=self.actor.organization_id,
            notice_version=1,
            **given.model_dump(exclude={"notice_text", "locale"}),
        )
        self.tx.add(purpose)
        await self.tx.flush()  # the notice refers to it
        self._publish(purpose, given.notice_text, given.locale)
        changes = made(given.model_dump() | {"notice_version": 1})
        await audit.record(
            self.tx, self.actor, "consent_purpose.created", purpose.id, changes=changes
        )
        await self.tx.flush()
        return await self.purposes.get(given.code)

    async def change(
        self, code: str, values: dict[str, Any], seen_version: int | None
    ) -> sa.Row[Any]:
        """Changes how the purpose is described to attendants. Clients are shown the notice."""
        purpose = await self.purposes.get_for_update(code)
        check_version(purpose.version, seen_version)
        changes = purpose.change(values)
        if changes:
            await audit.record(
                self.tx, self.actor, "consent_purpose.updated", purpose.id, changes=changes
            )
            await self.tx.flush()
        return await self.purposes.get(code)

    async def publish(
        self, code: str, given: NoticeCreate, seen_version: int | None
    ) -> ConsentNotice:
        """The next version of the notice. Receipts keep referring to the one they were given on."""
        purpose = await self.purposes.get_for_update(code)
        check_version(purpose.version, seen_version)
        changes = purpose.change({"notice_version": purpose.notice_version + 1})
        notice = self._publish(purpose, given.notice_text, given.locale)
        await audit.record(
            self.tx,
            self.actor,
            "consent_purpose.notice_published",
            purpose.id,
            changes=changes,
            related={"notice_id": notice.id},
        )
        await self.tx.flush()
        return notice

    def _publish(self, purpose: ConsentPurpose, text: str, locale: str) -> ConsentNotice:
        notice = ConsentNotice(
            id=new_id(),
            organization_id=self.actor.organization_id,
            purpose_id=purpose.id,
            version=purpose.notice_version,
            locale=locale,
            text=text,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            published_by=self.actor.user_id,
            created_at=utc_now(),
        )
        self.tx.add(notice)
        return notice


class ConsentService:
    """The commands on consents, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.purposes = Purposes(tx, actor.organization_id)
        self.consents = Consents(tx, actor.organization_id)

    async def record(self, client_id: UUID, given: ConsentCreate) -> sa.Row[Any]:
        """Keeps a receipt of what the client decided on the text of one notice version."""
        await require_client(self.tx, self.actor.organization_id, client_id)
        purpose = await self.purposes.get(given.purpose_code)
        notice = await self.purposes.find_notice(given.purpose_code, given.notice_version)
        if notice is None:
            raise NoticeVersionUnknown(notice_version=given.notice_version)
        if purpose.legal_basis is not LegalBasis.CONSENT:
            raise PurposeNeedsNoConsent(purpose.legal_basis)
        consent = self._receipt(client_id, given, notice)
        self.tx.add(consent)
        if consent.decision is Decision.GRANTED:
            told = ConsentGranted.by(self.actor, **_ids(consent), purpose_code=purpose.code)
            outbox.add(self.tx, told)
        action = f"consent.{consent.decision.value}"
        await audit.record(
            self.tx,
            self.actor,
            action,
            consent.id,
            changes=made({"decision": consent.decision, "notice_version": notice.version}),
            about=client_id,
            related=_related(consent),
        )
        await self.tx.flush()
        return await self.consents.get(consent.id)

    async def revoke(self, consent_id: UUID, reason: str | None) -> sa.Row[Any]:
        """Ends the client's consent to the purpose, at once.

        With it end any renewals of the same consent: who says no means the purpose, not a receipt.
        """
        given = await self.consents.get(consent_id)
        if given.status == ConsentStatus.REFUSED:
            raise ConsentNotGranted
        if given.status == ConsentStatus.REVOKED:
            raise ConsentAlreadyRevoked
        now = utc_now()
        family = await self._family(given.client_id)
        standing = await self.consents.granted_and_standing(family, given.purpose_id)
        if not standing:  # somebody was faster since it was read
            raise ConsentAlreadyRevoked
        for consent in standing:
            self.tx.add(self._revocation(consent, reason, now))
            told = ConsentRevoked.by(self.actor, **_ids(consent), purpose_code=given.purpose_code)
            outbox.add(self.tx, told)
            await audit.record(
                self.tx,
                self.actor,
                "consent.revoked",
                consent.id,
                changes=made({"revoked_at": now, "reason": reason}),
                about=consent.client_id,
                personal=ConsentRevocation.PERSONAL,
                related=_related(consent),
            )
        await self.tx.flush()
        return await self.consents.get(consent_id)

    async def _family(self, client_id: UUID) -> Sequence[UUID]:
        try:
            return await family_of(self.tx, self.actor.organization_id, client_id)
        except ClientNotFound:
            return [client_id]  # deleted: a consent can be revoked all the same

    def _receipt(self, client_id: UUID, given: ConsentCreate, notice: ConsentNotice) -> Consent:
        now = utc_now()
        decided_at = _past(given.decided_at, now, "decided_at") or now
        shown_at = _past(given.shown_at, decided_at, "shown_at")
        return Consent(
            id=new_id(),
            organization_id=self.actor.organization_id,
            client_id=client_id,
            purpose_id=notice.purpose_id,
            notice_version=notice.version,
            notice_sha256=notice.sha256,
            locale=notice.locale,
            decision=given.decision,
            channel=given.channel,
            shown_at=shown_at,
            decided_at=decided_at,
            recorded_by=self.actor.user_id,
            created_at=now,
        )

    def _revocation(self, consent: Consent, reason: str | None, now: datetime) -> ConsentRevocation:
        return ConsentRevocation(
            id=new_id(),
            organization_id=self.actor.organization_id,
            consent_id=consent.id,
            reason=reason,
            revoked_at=now,
            recorded_by=self.actor.user_id,
            created_at=now,
        )


def _past(given: datetime | None, limit: datetime, field: str) -> datetime | None:
    if given is not None and given > limit + _CLOCKS_MAY_DIFFER:
        raise InvalidInput.on(f"body.{field}", "O momento está depois do que seria possível.")
    return given


def _ids(consent: Consent) -> dict[str, UUID]:
    return {"consent_id": consent.id, **_related(consent)}


def _related(consent: Consent) -> dict[str, UUID]:
    return {"client_id": consent.client_id, "purpose_id": consent.purpose_id}
