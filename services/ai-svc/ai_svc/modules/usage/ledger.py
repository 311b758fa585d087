"""Entries and sums of one organization, written together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.usage.days import Period
from ai_svc.modules.usage.limits import Limits, Sum
from ai_svc.modules.usage.models import (
    ENTRIES,
    TOTALS,
    Budget,
    Counted,
    EntryState,
    Scope,
)
from shared_schemas.ids import OrganizationId, UserId


@dataclass(frozen=True, slots=True)
class Amount:
    """What is added to the sums; negative for what is given back."""

    tokens: int
    micros: int

    @property
    def is_nothing(self) -> bool:
        """Whether the sums stay as they are."""
        return self.tokens == 0 and self.micros == 0


class Ledger:
    """Taken in one transaction. Sums are always touched in one order: nothing deadlocks."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def budgets(self, user_id: UserId | None) -> dict[Counted, Limits]:
        """Those that hold for a call of the user."""
        theirs = sa.or_(Budget.user_id.is_(None), Budget.user_id == user_id)
        rows = await self._session.scalars(
            sa.select(Budget).where(Budget.organization_id == self._organization_id, theirs)
        )
        by_scope = {Scope(row.scope): row for row in rows}
        found: dict[Counted, Limits] = {}
        if Scope.ORGANIZATION in by_scope:
            found[Counted.ORGANIZATION] = cast("Limits", by_scope[Scope.ORGANIZATION])
        own = by_scope.get(Scope.USER) or by_scope.get(Scope.EACH_USER)
        if own is not None and user_id is not None:
            found[Counted.USER] = cast("Limits", own)
        return found

    async def enter(self, lease: timedelta, **values: Any) -> None:
        """What is set aside."""
        await self._session.execute(
            insert(ENTRIES).values(
                organization_id=self._organization_id,
                state=EntryState.RESERVED,
                lease_expires_at=sa.func.now() + lease,
                **values,
            )
        )

    async def locked(self, entry_id: UUID) -> Any:
        """The entry, which is nobody else's until the transaction ends; None when there is none."""
        mine = sa.select(ENTRIES).where(
            ENTRIES.c.organization_id == self._organization_id, ENTRIES.c.id == entry_id
        )
        return (await self._session.execute(mine.with_for_update())).one_or_none()

    async def change(self, entry_id: UUID, **values: Any) -> None:
        """Ends a reservation that is locked."""
        await self._session.execute(
            sa.update(ENTRIES)
            .where(ENTRIES.c.organization_id == self._organization_id, ENTRIES.c.id == entry_id)
            .values(settled_at=sa.func.now(), **values)
        )

    async def add(self, user_id: UserId | None, day: date, amount: Amount) -> Sequence[Sum]:
        """Adds to the sums of the day and the month; returns them. To be a transaction's last:
        others of the organization wait for its commit.
        """
        whose: list[tuple[Counted, UUID]] = [(Counted.ORGANIZATION, self._organization_id)]
        if user_id is not None:
            whose.append((Counted.USER, user_id))
        # Rows are locked as they are listed, and the first is the same for all calls of a month.
        rows = [
            {
                "organization_id": self._organization_id,
                "counted": counted,
                "subject_id": subject_id,
                "period": period,
                "starts_on": period.begins(day),
                "tokens": amount.tokens,
                "micros": amount.micros,
            }
            for counted, subject_id in whose
            for period in (Period.MONTH, Period.DAY)
        ]
        statement = insert(TOTALS).values(rows)
        returned = await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=list(TOTALS.primary_key.columns),
                set_={
                    name: TOTALS.c[name] + statement.excluded[name] for name in ("tokens", "micros")
                },
            ).returning(TOTALS.c.counted, TOTALS.c.period, TOTALS.c.tokens, TOTALS.c.micros)
        )
        return [Sum(row.counted, row.period, row.tokens, row.micros) for row in returned]
