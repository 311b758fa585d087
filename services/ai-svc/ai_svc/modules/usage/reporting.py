"""What was used, told apart as somebody wants to see it, and what is left."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.usage.days import Period, day_of
from ai_svc.modules.usage.ledger import Ledger
from ai_svc.modules.usage.models import ENTRIES, TOTALS, Counted, EntryState
from ai_svc.modules.usage.prices import shipped_prices
from ai_svc.modules.usage.schemas import Dimension, RemainingRead
from chassis.data.columns import utc_now
from chassis.web.pagination import CursorPage, Position
from shared_schemas.ids import OrganizationId, UserId

_NOBODY: Final = UUID(int=0)
_LAST: Final = sa.literal_column(f"'{_NOBODY}'::uuid", sa.Uuid())
# Nobody in person has a place in the order, too. Written out: a parameter in SELECT is not the same
# expression as one in GROUP BY.
_PERSON: Final = sa.func.coalesce(ENTRIES.c.user_id, _LAST)
_KEYS: Final[Mapping[Dimension, tuple[str, Any, Callable[[Any], Any]]]] = {
    Dimension.DAY: ("day", ENTRIES.c.day, date.fromisoformat),
    Dimension.USER: ("user_id", _PERSON, UUID),
    Dimension.MODEL: ("model", ENTRIES.c.model, str),
    Dimension.USE: ("use", ENTRIES.c.use, str),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which calls, and what they are told apart by."""

    by: Sequence[Dimension]
    since: date
    until: date
    user_id: UserId | None = None
    model: str | None = None
    use: str | None = None


async def used(
    session: AsyncSession, organization_id: OrganizationId, question: Question, page: CursorPage
) -> Sequence[Any]:
    """Rows of sums, the latest day first, one more than asked for."""
    keys = [_KEYS[dimension] for dimension in question.by]
    columns = [column for _, column, _ in keys]
    entry = ENTRIES.c
    statement = (
        sa.select(
            *(_shown(dimension) for dimension in question.by),
            sa.func.count().label("calls"),
            sa.func.count().filter(entry.state == EntryState.RESERVED).label("open_calls"),
            sa.func.count().filter(sa.not_(entry.is_priced)).label("unpriced_calls"),
            *_sums("input_tokens", "output_tokens"),
            _sum("micros").label("cost_micros"),
        )
        .where(
            entry.organization_id == organization_id,
            entry.day.between(question.since, question.until),
            entry.state != EntryState.RELEASED,
            *_narrowed(question),
        )
        .group_by(*columns)
        .order_by(*(column.desc() for column in columns))
        .limit(page.limit + 1)
    )
    position = page.position(*(kind for _, _, kind in keys))
    if position is not None:
        statement = statement.where(sa.tuple_(*columns) < sa.tuple_(*position))
    return (await session.execute(statement)).all()


def place_of(question: Question) -> Callable[[Any], Position]:
    """What the next page comes after."""
    names = [_KEYS[dimension][0] for dimension in question.by]

    def place(row: Any) -> Position:
        found = (getattr(row, name) for name in names)
        return tuple(_NOBODY if part is None else part for part in found)

    return place


async def remaining(
    session: AsyncSession,
    organization_id: OrganizationId,
    user_id: UserId,
    counted: Sequence[Counted],
) -> list[RemainingRead]:
    """Of the current day and month."""
    today = day_of(utc_now())
    budgets = await Ledger(session, organization_id).budgets(user_id)
    rows = await session.execute(
        sa.select(TOTALS).where(
            TOTALS.c.organization_id == organization_id,
            TOTALS.c.subject_id.in_([organization_id, user_id]),
            TOTALS.c.starts_on.in_([period.begins(today) for period in Period]),
        )
    )
    # The first of a month begins both: the period tells them apart.
    sums = {
        (Counted(row.counted), Period(row.period)): row
        for row in rows
        if row.starts_on == Period(row.period).begins(today)
    }
    shown = []
    for each in counted:
        for period in Period:
            row, limits = sums.get((each, period)), budgets.get(each)
            shown.append(
                RemainingRead(
                    counted=each,
                    period=period,
                    tokens=row.tokens if row is not None else 0,
                    token_limit=getattr(limits, f"tokens_per_{period}", None),
                    cost_micros=row.micros if row is not None else 0,
                    cost_limit_micros=getattr(limits, f"micros_per_{period}", None),
                    currency=shipped_prices().currency,
                    renewed_at=period.ends(today),
                )
            )
    return shown


def _shown(dimension: Dimension) -> sa.ColumnElement[Any]:
    name, column, _ = _KEYS[dimension]
    if dimension is Dimension.USER:
        column = sa.func.nullif(column, _LAST, type_=sa.Uuid())
    return cast("sa.ColumnElement[Any]", column).label(name)


def _sum(name: str) -> sa.ColumnElement[int]:
    return sa.cast(sa.func.coalesce(sa.func.sum(ENTRIES.c[name]), 0), sa.BigInteger())


def _sums(*names: str) -> list[sa.Label[int]]:
    return [_sum(name).label(name) for name in names]


def _narrowed(question: Question) -> list[sa.ColumnElement[bool]]:
    wanted = {"user_id": question.user_id, "model": question.model, "use": question.use}
    return [ENTRIES.c[name] == value for name, value in wanted.items() if value is not None]
