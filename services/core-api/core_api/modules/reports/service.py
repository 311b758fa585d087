"""Reports as people read them: every row named, no interval missing."""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.modules.reports.groups import Group, Now, Slices
from core_api.modules.reports.periods import Interval, Period, checked_period, zone_named
from core_api.modules.reports.repository import Reports
from core_api.modules.reports.schemas import (
    BacklogRow,
    ComplianceRow,
    Times,
    TimesRow,
    VolumePoint,
)
from shared_schemas.ids import OrganizationId

_UNKNOWN: Final = "(excluído)"


class ReportService:
    """The questions, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, organization_id: OrganizationId) -> None:
        self.reports = Reports(tx, organization_id)

    async def period(self, first: date, last: date, time_zone: str | None) -> Period:
        """In the zone that was asked for, else the organization's; or InvalidInput."""
        if time_zone is None:
            return checked_period(first, last, ZoneInfo(await self.reports.time_zone()))
        return checked_period(first, last, zone_named(time_zone))

    async def volume(self, period: Period, interval: Interval) -> list[VolumePoint]:
        """One point for every interval, quiet ones too."""
        counted = await self.reports.volume(period.spans(interval))
        return [
            VolumePoint(period=begin, created=row.created, resolved=row.resolved)
            for begin, row in zip(period.intervals(interval), counted, strict=True)
        ]

    async def backlog(self, group: Now) -> list[BacklogRow]:
        """As it is now, the longest row first."""
        rows = await self.reports.backlog(utc_now(), group)
        label = await self._labels(group, (row.key for row in rows))
        return [BacklogRow.of(row, label(row.key)) for row in rows]

    async def times(self, slices: Slices) -> list[TimesRow]:
        """First response and resolution, by the calendar and in business time."""
        rows = await self.reports.times(slices)
        answered, resolved = (
            {slices.day_of(row.key): row for row in rows if row.metric == metric}
            for metric in ("first_response", "resolution")
        )
        keys = sorted(answered.keys() | resolved.keys(), key=lambda key: (key is None, key))
        label = await self._labels(slices.group, keys)
        return [
            TimesRow(
                key=key,
                label=label(key),
                first_response=Times.of(answered.get(key)),
                resolution=Times.of(resolved.get(key)),
            )
            for key in keys
        ]

    async def compliance(self, slices: Slices) -> list[ComplianceRow]:
        """One row for every target of every group."""
        rows = await self.reports.compliance(slices)
        label = await self._labels(slices.group, (row.key for row in rows))
        found = [
            ComplianceRow.of(row, key, label(key))
            for row, key in ((row, slices.day_of(row.key)) for row in rows)
        ]
        return sorted(found, key=lambda row: (row.key is None, row.key, row.metric))

    async def _labels(
        self, group: Group | Now, keys: Iterable[str | None]
    ) -> Callable[[str | None], str]:
        if group in _OF_TIME:
            return str
        names = await self.reports.names(group, list(keys))
        return lambda key: names.get(key, _UNKNOWN)


_OF_TIME: Final = frozenset({Group.DAY, Group.WEEK, Group.MONTH})
