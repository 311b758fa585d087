"""Placing, reviewing and lifting legal holds: while one stands nothing of the client goes."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.security.sealing import Place
from chassis.web.etag import check_version
from core_api.changes import Change, made
from core_api.modules.audit import service as audit
from core_api.modules.clients.service import require_client
from core_api.modules.erasure import sealed_texts
from core_api.modules.erasure.exceptions import (
    ErasureUnderWay,
    HoldLifted,
    LegalHoldStands,
    ReviewInThePast,
)
from core_api.modules.erasure.models import LegalHold
from core_api.modules.erasure.repository import Erasures, LegalHolds
from core_api.modules.organizations.service import require_member
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, UserId, new_id

REASON: Final = "legal_holds.reason"
LIFT_REASON: Final = "legal_holds.lift_reason"
LONGEST_DAYS: Final = 366
"""A hold nobody has looked at for a year is a hold nobody needs."""
_PERSONAL: Final = frozenset({"reason"})


async def one_at_a_time(
    session: AsyncSession, organization_id: OrganizationId, client_id: UUID
) -> None:
    """Who begins an erasure, places a hold or joins clients waits for the others."""
    name = f"erasure:{organization_id}:{client_id}"
    lock = sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0))
    await session.execute(sa.select(lock))


async def require_no_erasure(
    session: AsyncSession, organization_id: OrganizationId, client_ids: Collection[UUID]
) -> None:
    """For other contexts: ErasureUnderWay while any of the clients is being erased. None begins
    before the caller's commit."""
    for client_id in sorted(client_ids):
        await one_at_a_time(session, organization_id, client_id)
    if await Erasures(session, organization_id).unfinished(list(client_ids)) is not None:
        raise ErasureUnderWay


async def require_no_hold(
    session: AsyncSession, organization_id: OrganizationId, client_ids: Sequence[UUID]
) -> None:
    """LegalHoldStands while any of the clients is held."""
    holds = await LegalHolds(session, organization_id).standing_on(client_ids)
    if holds:
        raise LegalHoldStands(review_on=holds[-1].review_on.strftime("%d/%m/%Y"))


def is_held(client_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """For statements of other contexts: whether the client itself is held. Of their tenant."""
    hold = LegalHold.__table__.alias("hold")
    return sa.exists().where(hold.c.client_id == client_id, hold.c.lifted_at.is_(None))


async def texts_of(session: AsyncSession, hold: LegalHold) -> tuple[str | None, str | None]:
    """Why it was placed and why it was lifted; None when the client's key is gone."""
    mine = hold.organization_id
    reason = await sealed_texts.opened(session, _place(hold, REASON), mine, hold.reason_sealed)
    lifted = await sealed_texts.opened(
        session, _place(hold, LIFT_REASON), mine, hold.lift_reason_sealed
    )
    return reason, lifted


class HoldService:
    """The commands on legal holds, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.holds = LegalHolds(tx, actor.organization_id)

    async def place(
        self, client_id: UUID, reason: str, review_on: date, owner_id: UserId | None
    ) -> LegalHold:
        """From the commit on nothing of the client is erased. An erasure that has begun stops."""
        organization_id = self.actor.organization_id
        await one_at_a_time(self.tx, organization_id, client_id)
        await require_client(self.tx, organization_id, client_id)
        owner = owner_id or self.actor.user_id
        await require_member(self.tx, organization_id, owner)
        _require_future(review_on)
        hold = LegalHold(
            id=new_id(),
            organization_id=organization_id,
            client_id=client_id,
            reason_sealed=b"",
            owner_id=owner,
            review_on=review_on,
            placed_by=self.actor.user_id,
        )
        hold.reason_sealed = await self._sealed(hold, REASON, reason)
        self.tx.add(hold)
        await self.tx.flush()
        await self._note(
            hold,
            "legal_hold.placed",
            made({"owner_id": owner, "review_on": review_on, "reason": reason}),
        )
        return hold

    async def change(
        self, hold_id: UUID, values: dict[str, Any], seen_version: int | None
    ) -> LegalHold:
        """Another owner, another date, another reason. HoldLifted."""
        hold = await self._standing(hold_id, seen_version)
        reason = values.pop("reason", None)
        if "owner_id" in values:
            await require_member(self.tx, self.actor.organization_id, values["owner_id"])
        if "review_on" in values:
            _require_future(values["review_on"])
        old, _ = await texts_of(self.tx, hold)
        if reason is not None and reason != old:
            values["reason_sealed"] = await self._sealed(hold, REASON, reason)
        changes = hold.change(values)
        if changes.pop("reason_sealed", None) is not None:
            changes["reason"] = Change(old, reason)
        if changes:
            await self.tx.flush()
            await self._note(hold, "legal_hold.changed", changes)
        return hold

    async def lift(self, hold_id: UUID, reason: str, seen_version: int | None) -> LegalHold:
        """What waited for it goes on. HoldLifted when it was lifted before."""
        hold = await self._standing(hold_id, seen_version)
        hold.lift_reason_sealed = await self._sealed(hold, LIFT_REASON, reason)
        hold.lifted_at, hold.lifted_by = utc_now(), self.actor.user_id
        await self.tx.flush()
        await self._note(
            hold, "legal_hold.lifted", made({"lifted_at": hold.lifted_at, "reason": reason})
        )
        return hold

    async def read(self, hold_id: UUID) -> tuple[LegalHold, str | None, str | None]:
        """With why it was placed and lifted; that words were read is noted. HoldNotFound."""
        hold = await self.holds.get(hold_id)
        reason, lifted = await texts_of(self.tx, hold)
        if reason or lifted:  # where they are gone nothing is written about the client
            await self._note(hold, "legal_hold.read", {})
            await self.tx.flush()
        return hold, reason, lifted

    async def _standing(self, hold_id: UUID, seen_version: int | None) -> LegalHold:
        hold = await self.holds.get(hold_id, lock=True)
        check_version(hold.version, seen_version)
        if not hold.is_standing:
            raise HoldLifted
        return hold

    async def _sealed(self, hold: LegalHold, field: str, text: str) -> bytes:
        place = _place(hold, field)
        return await sealed_texts.seal(self.tx, place, hold.organization_id, hold.client_id, text)

    async def _note(self, hold: LegalHold, action: str, changes: dict[str, Change]) -> None:
        await audit.record(
            self.tx,
            self.actor,
            action,
            hold.id,
            changes=changes,
            about=hold.client_id,
            personal=_PERSONAL,
            related={"client_id": hold.client_id},
        )


def _place(hold: LegalHold, field: str) -> Place:
    return Place(hold.organization_id, hold.id, field)


def _require_future(day: date) -> None:
    today = utc_now().date()
    if not today < day <= today + timedelta(days=LONGEST_DAYS):
        raise ReviewInThePast(days=LONGEST_DAYS)
