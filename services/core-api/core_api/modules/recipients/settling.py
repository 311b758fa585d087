"""How far a notice has come: sent, delivered with proof, or impossible."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.web.errors import InvalidInput
from chassis.web.etag import check_version
from core_api.modules.audit import service as audit
from core_api.modules.deadlines.service import Deadlines
from core_api.modules.deliveries.service import DeliveryKind, call_off
from core_api.modules.recipients.exceptions import RecipientNoticeSettled
from core_api.modules.recipients.models import NoticeState, RecipientNotice
from core_api.modules.recipients.repository import OPEN, RecipientNotices
from core_api.modules.recipients.schemas import (
    Delivery,
    NoticeDelivered,
    NoticeImpossible,
    NoticeSent,
)
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId

_CLOCKS_MAY_DIFFER: Final = timedelta(minutes=5)


class Settling:
    """In the transaction of one request; `actor` is None for a service that delivers."""

    def __init__(
        self,
        tx: AsyncSession,
        organization_id: OrganizationId,
        actor: Actor | None,
        run_id: str = "",
    ) -> None:
        self.tx = tx
        self.organization_id = organization_id
        self.actor = actor
        self.run_id = run_id

    async def sent(
        self,
        notice_id: UUID,
        given: NoticeSent,
        seen_version: int | None,
        *,
        proof: str | None = None,
    ) -> RecipientNotice:
        """It went out; whether it arrived is not known."""
        notice = await self._open(notice_id, seen_version)
        at = _past(given.sent_at, "body.sent_at")
        values = {"state": NoticeState.SENT, "channel": given.channel, "sent_at": at}
        if proof is not None:
            values["proof"] = proof
        return await self._settle(notice, values)

    async def delivered(
        self, notice_id: UUID, given: NoticeDelivered, seen_version: int | None
    ) -> RecipientNotice:
        """It arrived, and something proves it."""
        notice = await self._open(notice_id, seen_version)
        at = _past(given.delivered_at, "body.delivered_at")
        values = {
            "state": NoticeState.DELIVERED,
            "channel": given.channel,
            "sent_at": notice.sent_at or at,
            "delivered_at": at,
            "proof": given.proof,
        }
        return await self._settle(notice, values)

    async def impossible(
        self, notice_id: UUID, given: NoticeImpossible, seen_version: int | None
    ) -> RecipientNotice:
        """Nobody is there to be told, or telling them is out of all proportion."""
        notice = await self._open(notice_id, seen_version)
        values = {"state": NoticeState.IMPOSSIBLE, "impossible_because": given.because}
        return await self._settle(notice, values)

    async def by_service(self, notice_id: UUID, given: Delivery) -> RecipientNotice:
        """What a service that delivers says."""
        if given.state is NoticeState.SENT:
            return await self.sent(notice_id, NoticeSent(channel=given.channel), None)
        if given.state is not NoticeState.DELIVERED or given.proof is None:
            raise InvalidInput.on("body.proof", "Uma entrega tem prova.")
        told = NoticeDelivered(channel=given.channel, proof=given.proof)
        return await self.delivered(notice_id, told, None)

    async def _open(self, notice_id: UUID, seen_version: int | None) -> RecipientNotice:
        # Nobody is told twice: a mail that waits is not sent any more.
        kind = DeliveryKind.RECIPIENT_NOTICE
        await call_off(self.tx, self.organization_id, kind, [notice_id])
        notices = RecipientNotices(self.tx, self.organization_id)
        notice = await notices.get(notice_id, lock=True)
        check_version(notice.version, seen_version)
        if notice.state not in OPEN:
            raise RecipientNoticeSettled(notice.state)
        return notice

    async def _settle(self, notice: RecipientNotice, values: dict[str, Any]) -> RecipientNotice:
        by = None if self.actor is None else self.actor.user_id
        changes = notice.change({**values, "settled_by": by})
        await self.tx.flush()
        action, cause = f"recipient_notice.{notice.state.value}", {"cause_id": notice.cause_id}
        if self.actor is not None:
            await audit.record(
                self.tx,
                self.actor,
                action,
                notice.id,
                changes=changes,
                about=notice.client_id,
                related=cause,
            )
        else:
            audit.record_by_system(
                self.tx,
                self.organization_id,
                action,
                notice.id,
                changes=changes,
                reason="entregue pelo serviço de entregas",
                run_id=self.run_id,
                about=notice.client_id,
                related=cause,
            )
        if notice.state not in OPEN:
            deadlines = Deadlines(self.tx, self.organization_id)
            waived = notice.state is NoticeState.IMPOSSIBLE
            await deadlines.end(notice.id, at=notice.delivered_at or utc_now(), waived=waived)
        return notice


def _past(given: datetime | None, field: str) -> datetime:
    now = utc_now()
    if given is not None and given > now + _CLOCKS_MAY_DIFFER:
        raise InvalidInput.on(field, "O momento está no futuro.")
    return given or now
