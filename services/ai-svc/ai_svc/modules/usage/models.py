"""Tables of budgets, of what every call used, and of the sums budgets are compared with."""

from datetime import date, datetime
from enum import StrEnum
from typing import Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ai_svc.modules.usage.days import Period
from chassis.data.columns import CreatedAt, Id, Instant, Tenant, TenantRow, Versioned, text_enum
from knowledge.models import Base
from shared_schemas.ids import OrganizationId, UserId


class Scope(StrEnum):
    """Whom a budget is for."""

    ORGANIZATION = "organization"
    EACH_USER = "each_user"
    USER = "user"


class Counted(StrEnum):
    """Whose sum it is."""

    ORGANIZATION = "organization"
    USER = "user"


class EntryState(StrEnum):
    """What the figures of an entry are: what was set aside, or what was used."""

    RESERVED = "reserved"
    SETTLED = "settled"
    RELEASED = "released"
    EXPIRED = "expired"  # nobody settled it in time: it counts in full


class Budget(TenantRow, Versioned, Base):
    """The most that may be used; null: any amount. A user's own replaces that of each user."""

    __tablename__ = "budgets"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.Index(
            "uq_budgets_scope",
            "organization_id",
            "scope",
            "user_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        sa.CheckConstraint("(scope = 'user') = (user_id IS NOT NULL)", name="user_id"),
        sa.CheckConstraint(
            "least(tokens_per_day, tokens_per_month, micros_per_day, micros_per_month) >= 0",
            name="limits",
        ),
    )

    scope: Mapped[Scope] = mapped_column(text_enum(Scope, "scope"))
    user_id: Mapped[UserId | None]
    tokens_per_day: Mapped[int | None] = mapped_column(sa.BigInteger)
    tokens_per_month: Mapped[int | None] = mapped_column(sa.BigInteger)
    micros_per_day: Mapped[int | None] = mapped_column(sa.BigInteger)
    micros_per_month: Mapped[int | None] = mapped_column(sa.BigInteger)
    changed_by: Mapped[UserId]


class UsageEntry(Base):
    """One call to a model. The tokens and the cost are what counts now."""

    __tablename__ = "usage_entries"
    __table_args__ = (
        sa.CheckConstraint(
            "input_tokens >= 0 AND output_tokens >= 0 AND micros >= 0", name="amounts"
        ),
        sa.CheckConstraint("length(use) BETWEEN 1 AND 40", name="use"),
        sa.Index("ix_usage_entries_day", "organization_id", "day", "user_id"),
        sa.Index("ix_usage_entries_user_id", "organization_id", "user_id", "day"),
        sa.Index(
            "ix_usage_entries_lease_expires_at",
            "lease_expires_at",
            postgresql_where=sa.text("state = 'reserved'"),
        ),
        sa.Index("ix_usage_entries_oldest", "day"),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    user_id: Mapped[UserId | None]  # null: nobody in person asked
    use: Mapped[str]
    model: Mapped[str]
    run_id: Mapped[UUID | None]
    request_id: Mapped[str]
    day: Mapped[date]  # in Brasília, of the reservation: what is settled later counts there, too
    state: Mapped[EntryState] = mapped_column(text_enum(EntryState, "state"))
    input_tokens: Mapped[int] = mapped_column(sa.BigInteger)
    output_tokens: Mapped[int] = mapped_column(sa.BigInteger)
    micros: Mapped[int] = mapped_column(sa.BigInteger)
    currency: Mapped[str]
    is_priced: Mapped[bool]  # false: no price is known, and the dearest was taken
    created_at: Mapped[CreatedAt]
    lease_expires_at: Mapped[datetime] = mapped_column(Instant)
    settled_at: Mapped[datetime | None] = mapped_column(Instant)


class UsageTotal(Base):
    """What counts against budgets in one period, what is reserved included."""

    __tablename__ = "usage_totals"
    __table_args__ = (sa.Index("ix_usage_totals_starts_on", "starts_on"),)

    organization_id: Mapped[OrganizationId] = mapped_column(primary_key=True)
    counted: Mapped[Counted] = mapped_column(text_enum(Counted, "counted"), primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)  # the organization, or the user
    period: Mapped[Period] = mapped_column(text_enum(Period, "period"), primary_key=True)
    starts_on: Mapped[date] = mapped_column(primary_key=True)
    tokens: Mapped[int] = mapped_column(sa.BigInteger)
    micros: Mapped[int] = mapped_column(sa.BigInteger)


ENTRIES: Final = cast("sa.Table", UsageEntry.__table__)
TOTALS: Final = cast("sa.Table", UsageTotal.__table__)
