"""Asking a model costs: set aside before, settled after, and never more than the budgets say.

reservation = await reserve(database, ...)        # or BudgetExceeded
try: ask the model
await settle(database, reservation, input_tokens=..., output_tokens=...)   # or release(...)

Whoever dies in between leaves a reservation that counts in full; `expire` says so in time.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Final
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.usage import metrics
from ai_svc.modules.usage.days import day_of
from ai_svc.modules.usage.exceptions import BudgetExceeded
from ai_svc.modules.usage.ledger import Amount, Ledger
from ai_svc.modules.usage.limits import passed
from ai_svc.modules.usage.models import ENTRIES, TOTALS, EntryState
from ai_svc.modules.usage.prices import Price, PriceList, shipped_prices
from ai_svc.tokens import used
from chassis.data.columns import utc_now
from chassis.data.database import Database
from shared_schemas.ids import OrganizationId, UserId, new_id

__all__ = [
    "BudgetExceeded",
    "Charge",
    "Reservation",
    "abandon",
    "expire",
    "prune",
    "release",
    "reserve",
    "settle",
]

LEASE: Final = timedelta(minutes=5)
"""Longer than any call may take, which is four: whoever has not settled by then is dead."""
KEEP: Final = timedelta(days=400)
"""What was used can be compared with the same month of the year before."""
_BATCH: Final = 5_000

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What was set aside for one call."""

    id: UUID
    organization_id: OrganizationId
    user_id: UserId | None
    model: str
    day: date
    price: Price
    input_tokens: int
    output_tokens: int

    @property
    def micros(self) -> int:
        """Its cost, if all of it is used."""
        return self.price.cost(self.input_tokens, self.output_tokens)


@dataclass(frozen=True, slots=True)
class Charge:
    """What a call has cost."""

    micros: int
    currency: str


async def reserve(
    database: Database,
    *,
    organization_id: OrganizationId,
    user_id: UserId | None,
    use: str,
    model: str,
    input_tokens: int,
    max_output_tokens: int,
    run_id: UUID | None,
    request_id: str,
    prices: PriceList | None = None,
) -> Reservation:
    """Sets aside what a call may use at most. Raises BudgetExceeded: then nothing is set aside.

    One at a time within an organization, in one short transaction: however many ask at once, not
    one token more is set aside than the budgets have.
    """
    day = day_of(utc_now())
    reservation = Reservation(
        id=new_id(),
        organization_id=organization_id,
        user_id=user_id,
        model=model,
        day=day,
        price=(prices or shipped_prices()).of(model, day),
        input_tokens=input_tokens,
        output_tokens=max_output_tokens,
    )
    if not reservation.price.is_known:
        _miss_price(model)
    async with database.transaction(organization_id) as session:
        called = {"use": str(use), "run_id": run_id, "request_id": request_id}
        await _set_aside(Ledger(session, organization_id), reservation, called)
    return reservation


async def settle(
    database: Database, reservation: Reservation, *, input_tokens: int, output_tokens: int
) -> Charge:
    """Puts what was really used in place of what was set aside. Done once; again changes nothing,
    and says what it has cost.

    Also of a reservation that has expired: what the provider says is truer than a full one.
    """
    micros = reservation.price.cost(input_tokens, output_tokens)
    is_first, charge = await _end(
        database, reservation, EntryState.SETTLED, input_tokens, output_tokens, micros
    )
    if is_first:
        used(reservation.model, prompt=input_tokens, completion=output_tokens)
    return charge


async def release(database: Database, reservation: Reservation) -> None:
    """Gives back what was set aside: nothing was sent, or nothing is charged. Once, like settle."""
    await _end(database, reservation, EntryState.RELEASED, 0, 0, 0)


async def expire(database: Database) -> int:
    """Ends what nobody has settled in time, in full; returns how many. Sums have it already."""
    statement = (
        sa.update(ENTRIES)
        .where(ENTRIES.c.state == EntryState.RESERVED, ENTRIES.c.lease_expires_at < sa.func.now())
        .values(state=EntryState.EXPIRED, settled_at=sa.func.now())
        .returning(ENTRIES.c.id)
    )
    expired = len(await database.worker_statement(statement))
    metrics.EXPIRED.inc(expired)
    return expired


async def abandon(
    session: AsyncSession, organization_id: OrganizationId, run_ids: Collection[UUID]
) -> None:
    """As `expire`, at once: of runs (or triages) whose process is gone. Should it live after all,
    what it settles then stands."""
    abandoned = await session.execute(
        sa.update(ENTRIES)
        .where(
            ENTRIES.c.organization_id == organization_id,
            ENTRIES.c.run_id.in_(run_ids),
            ENTRIES.c.state == EntryState.RESERVED,
        )
        .values(state=EntryState.EXPIRED, settled_at=sa.func.now())
        .returning(ENTRIES.c.id)
    )
    metrics.EXPIRED.inc(len(abandoned.all()))


async def prune(database: Database) -> dict[str, int]:
    """Forgets what is too old to be compared with; counted by kind."""
    return {
        "usage_entries": await _delete_older(database, ENTRIES.c.day),
        "usage_totals": await _delete_older(database, TOTALS.c.starts_on),
    }


async def _set_aside(
    ledger: Ledger, reservation: Reservation, called: Mapping[str, object]
) -> None:
    price, day = reservation.price, reservation.day
    budgets = await ledger.budgets(reservation.user_id)
    await ledger.enter(
        LEASE,
        id=reservation.id,
        user_id=reservation.user_id,
        model=reservation.model,
        day=day,
        input_tokens=reservation.input_tokens,
        output_tokens=reservation.output_tokens,
        micros=reservation.micros,
        currency=price.currency,
        is_priced=price.is_known,
        **called,
    )
    amount = Amount(reservation.input_tokens + reservation.output_tokens, reservation.micros)
    too_much = passed(budgets, await ledger.add(reservation.user_id, day, amount), day)
    if too_much is not None:
        metrics.REFUSALS.labels(too_much.counted, too_much.period, too_much.kind).inc()
        raise too_much.refusal(day, price.currency)


@cache
def _miss_price(model: str) -> None:
    """Once per process and model: the names come from the operator's settings, they are few."""
    _log.warning("model_without_price", model=model)


async def _end(
    database: Database,
    reservation: Reservation,
    state: EntryState,
    input_tokens: int,
    output_tokens: int,
    micros: int,
) -> tuple[bool, Charge]:
    async with database.transaction(reservation.organization_id) as session:
        ledger = Ledger(session, reservation.organization_id)
        entry = await ledger.locked(reservation.id)
        if entry is None:
            raise LookupError("no such reservation")
        if entry.state in (EntryState.SETTLED, EntryState.RELEASED):
            return False, Charge(entry.micros, entry.currency)
        await ledger.change(
            reservation.id,
            state=state,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            micros=micros,
        )
        counted_so_far = entry.input_tokens + entry.output_tokens
        change = Amount(input_tokens + output_tokens - counted_so_far, micros - entry.micros)
        if not change.is_nothing:
            await ledger.add(entry.user_id, entry.day, change)
    return True, Charge(micros, entry.currency)


async def _delete_older(database: Database, day: sa.Column[date]) -> int:
    """In batches, each its own transaction: a long one keeps dead rows of every table alive."""
    row: sa.ColumnElement[object] = sa.literal_column("ctid")
    oldest = day_of(utc_now()) - KEEP
    old = sa.select(row).select_from(day.table).where(day < oldest).limit(_BATCH)
    deletion = sa.delete(day.table).where(row.in_(old)).returning(sa.literal(1))
    total = 0
    while True:
        async with database.worker_transaction() as session:
            gone = len((await session.execute(deletion)).all())
        total += gone
        if gone < _BATCH:
            return total
