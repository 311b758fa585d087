"""What reports look like on the wire."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Self

from pydantic import BaseModel, Field


class VolumePoint(BaseModel):
    """One interval: what came in, what was done."""

    period: date = Field(description="Its first day", examples=["2026-11-16"])
    created: int = Field(examples=[412])
    resolved: int = Field(
        description="Resolved then and not reopened since; a ticket counts once", examples=[398]
    )


class Row(BaseModel):
    """What a row stands for."""

    key: str | None = Field(
        description="Id, priority or first day; null: of tickets that have none",
        examples=["0192a000-0000-7000-8000-000000000002"],
    )
    label: str = Field(examples=["Bruno Tavares"])


class BacklogRow(Row):
    """Unfinished tickets, and how long they have been there."""

    tickets: int = Field(examples=[37])
    up_to_1_day: int = Field(examples=[12])
    up_to_3_days: int = Field(examples=[9])
    up_to_7_days: int = Field(examples=[8])
    up_to_30_days: int = Field(examples=[6])
    older: int = Field(examples=[2])
    median_age_seconds: int = Field(examples=[151_200])
    p90_age_seconds: int = Field(examples=[1_036_800])
    oldest_created_at: datetime

    @classmethod
    def of(cls, row: Any, label: str) -> Self:
        """From a row of the database."""
        median, p90 = map(round, row.ages)
        return cls(
            label=label,
            median_age_seconds=median,
            p90_age_seconds=p90,
            **{name: value for name, value in row._asdict().items() if name != "ages"},
        )


class Times(BaseModel):
    """How long something took; null when it never happened."""

    count: int = Field(examples=[391])
    median_seconds: int | None = Field(
        description="By the calendar; half took no longer", examples=[5_400]
    )
    p90_seconds: int | None = Field(description="Nine of ten took no longer", examples=[21_600])
    business_count: int = Field(description="Those a service level measured", examples=[391])
    business_median_seconds: int | None = Field(
        description="In business time, without what was paused", examples=[3_600]
    )
    business_p90_seconds: int | None = Field(examples=[14_400])

    @classmethod
    def of(cls, row: Any | None) -> Self:
        """From a row of the database, if there is one."""
        median, p90 = _both(row and row.seconds)
        business_median, business_p90 = _both(row and row.business_seconds)
        return cls(
            count=row.counted if row else 0,
            median_seconds=median,
            p90_seconds=p90,
            business_count=row.business_counted if row else 0,
            business_median_seconds=business_median,
            business_p90_seconds=business_p90,
        )


class TimesRow(Row):
    """How fast tickets are answered and resolved."""

    first_response: Times = Field(
        description="Of tickets opened in the period; reopening does not touch it"
    )
    resolution: Times = Field(description="Of tickets resolved in the period, to the last time")


class ComplianceRow(Row):
    """How well one target was kept."""

    metric: str = Field(examples=["first_response"])
    met: int = Field(examples=[360])
    breached: int = Field(examples=[31])
    pending: int = Field(description="Neither kept nor broken yet", examples=[4])
    compliance: float | None = Field(
        description="Met, of those decided; null when none is", examples=[0.9207]
    )

    @classmethod
    def of(cls, row: Any, key: str | None, label: str) -> Self:
        """From a row of the database, whose key may be the number of an interval."""
        decided = row.met + row.breached
        share = round(row.met / decided, 4) if decided else None
        return cls(**row._asdict() | {"key": key}, label=label, compliance=share)


def _both(percentiles: Sequence[int] | None) -> tuple[int | None, int | None]:
    """Of nothing there are none."""
    median, p90 = percentiles or (None, None)
    return median, p90
