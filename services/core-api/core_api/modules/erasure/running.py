"""Erasing core-api's own part, store by store: small steps that may be killed anywhere, done again,
and done by several at once. A store counts as erased when it was asked again and had nothing."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from time import monotonic
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.erasure_stores import ERASURE_STORES_IN_ORDER
from core_api.modules.anonymisation.stores import anonymising
from core_api.modules.erasure.knowing import remembered
from core_api.modules.erasure.models import Erasure, Mode
from core_api.modules.erasure.repository import Erasures, LegalHolds
from core_api.modules.erasure.starting import OWN_PART
from core_api.modules.erasure.suppression import SuppressionLedger
from core_api.subject_stores import Store, Subject, Workshop
from shared_schemas.ids import OrganizationId
from shared_schemas.privacy import StoreAction

# The key is the last to go: it opens what the others are found by.
*_BEFORE_THE_KEY, _KEY = ERASURE_STORES_IN_ORDER
FIRST_STORES: Final[tuple[Store, ...]] = tuple(_BEFORE_THE_KEY)
LAST_STORE: Final[Store] = _KEY
ANONYMISING_STORES: Final[tuple[Store, ...]] = anonymising(FIRST_STORES)


class NotGone(Exception):
    """A store was erased, and something is there again: nothing is claimed."""

    def __init__(self, store: str, left: int) -> None:
        super().__init__(f"{store}: {left}")
        self.store = store


class HeldBack(Exception):
    """A legal hold stands: nothing more goes until it is lifted."""


class OutOfTime(Exception):
    """The rest is the next sweep's."""


@dataclass(frozen=True, kw_only=True)
class OwnPart:
    """core-api's part of one erasure."""

    workshop: Workshop
    ledger: SuppressionLedger
    erasure: Erasure
    subject: Subject
    proven: set[str]
    is_done: bool
    """But for the key."""
    until: float = field(default=float("inf"))
    """By `monotonic`."""
    stores: Sequence[Store] = FIRST_STORES
    """Those before the key."""

    async def run(self) -> None:
        """Up to the key, or one of HeldBack, OutOfTime, StoreBusy, NotGone. The tombstone comes
        after what it stands for."""
        for store in self.stores:
            await self._erase(store)
        await self._prove_all()
        await self.ledger.keep(self.erasure, utc_now())
        await self._finish()

    async def destroy_key(self) -> None:
        """After everybody has answered: until then others ask what the person is known by, and the
        key opens that. Its end is what cannot be undone. HeldBack."""
        await self._erase(LAST_STORE)
        async with self._transaction() as tx:
            erasures = self._erasures(tx)
            steps = {step.store: step.erased for step in await erasures.steps(self.erasure.id)}
            part = await erasures.part_for_update(self.erasure.id, OWN_PART)
            if part is not None:
                part.erased = {**part.erased, LAST_STORE.name: steps.get(LAST_STORE.name, 0)}
                part.problem = None

    async def others_answered(self) -> bool:
        """Whether every other service has."""
        async with self.workshop.database.transaction(self._tenant, read_only=True) as tx:
            parts = await self._erasures(tx).parts([self.erasure.id])
        return all(part.done_at for part in parts if part.service != OWN_PART)

    async def _erase(self, store: Store) -> None:
        if store.name in self.proven:
            return
        while True:
            await self._heed()
            if not await store.erase_batch(self.workshop, self.subject, self._tally(store)):
                break
        await self._prove(store)
        async with self._transaction() as tx:
            await self._erasures(tx).note(self.erasure.id, store.name, proven_at=utc_now())
        self.proven.add(store.name)

    async def _prove(self, store: Store) -> None:
        left = await store.prove(self.workshop, self.subject)
        if left:
            raise NotGone(store.name, left)

    async def _prove_all(self) -> None:
        """Once more, all of them, after the last one: what came back meanwhile goes again."""
        for store in self.stores:
            if await store.prove(self.workshop, self.subject):
                self.proven.discard(store.name)
                await self._erase(store)

    async def _heed(self) -> None:
        if monotonic() > self.until:
            raise OutOfTime
        if self.erasure.mode is Mode.REPLAY:
            return  # it was done once, lawfully: what a restored backup holds is no reason to wait
        async with self.workshop.database.transaction(self._tenant, read_only=True) as tx:
            if await LegalHolds(tx, self._tenant).standing_on(self.erasure.client_ids):
                raise HeldBack

    async def _finish(self) -> None:
        """The counts of every store, in the part."""
        kept = {
            store.name: await store.count(self.workshop, self.subject)
            for store in self.stores
            if store.action is StoreAction.KEEP
        }
        async with self._transaction() as tx:
            erasures = self._erasures(tx)
            steps = {step.store: step.erased for step in await erasures.steps(self.erasure.id)}
            part = await erasures.part_for_update(self.erasure.id, OWN_PART)
            if part is None or part.done_at is not None:
                return
            part.erased = {
                store.name: steps.get(store.name, 0)
                for store in self.stores
                if store.action is not StoreAction.KEEP
            }
            part.kept = kept
            part.done_at = utc_now()
            part.problem = None

    def _tally(self, store: Store) -> "_Tally":
        return _Tally(self.erasure.id, self._tenant, store.name)

    def _transaction(self) -> AbstractAsyncContextManager[AsyncSession]:
        return self.workshop.database.transaction(self._tenant)

    def _erasures(self, tx: AsyncSession) -> Erasures:
        return Erasures(tx, self._tenant)

    @property
    def _tenant(self) -> OrganizationId:
        return self.erasure.organization_id


@dataclass(frozen=True, slots=True)
class _Tally:
    erasure_id: UUID
    organization_id: OrganizationId
    store: str

    async def __call__(self, session: AsyncSession, count: int) -> None:
        await Erasures(session, self.organization_id).note(
            self.erasure_id, self.store, erased=count
        )


async def own_part(
    workshop: Workshop,
    ledger: SuppressionLedger,
    organization_id: OrganizationId,
    erasure_id: UUID,
    *,
    until: float = float("inf"),
    stores: Sequence[Store] | None = None,
) -> OwnPart:
    """Where an erasure stands, to go on with it."""
    async with workshop.database.transaction(organization_id, read_only=True) as tx:
        erasures = Erasures(tx, organization_id)
        erasure = await erasures.get(erasure_id)
        parts = {part.service: part for part in await erasures.parts([erasure_id])}
        return OwnPart(
            workshop=workshop,
            ledger=ledger,
            erasure=erasure,
            subject=await remembered(tx, erasure),
            proven={step.store for step in await erasures.steps(erasure_id) if step.proven_at},
            is_done=parts[OWN_PART].done_at is not None,
            until=until,
            stores=_stores_of(erasure) if stores is None else stores,
        )


def _stores_of(erasure: Erasure) -> Sequence[Store]:
    return ANONYMISING_STORES if erasure.mode is Mode.ANONYMIZATION else FIRST_STORES
