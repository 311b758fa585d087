"""Tables of organizations and members."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import CreatedAt, Tenant, UpdatedAt
from core_api.tables import SCHEMA, Base
from shared_schemas.ids import OrganizationId, UserId


class Organization(Base):
    """A tenant, known since somebody of it logged in for the first time.

    The slug is not unique here: a unique index does not stop at tenants and would tell that
    another one exists. The OpenID provider keeps slugs apart.
    """

    __tablename__ = "organizations"

    id: Mapped[OrganizationId] = mapped_column("organization_id", sa.Uuid(), primary_key=True)
    slug: Mapped[str]
    name: Mapped[str]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]


class Member(Base):
    """A person within an organization.

    `id` is the token's `sub`: whoever acted has the same id in tables, events and audit rows. One
    person may belong to several organizations.
    """

    __tablename__ = "members"
    __table_args__ = (
        sa.ForeignKeyConstraint(["organization_id"], [f"{SCHEMA}.organizations.organization_id"]),
    )

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    id: Mapped[UserId] = mapped_column(sa.Uuid(), primary_key=True)
    email: Mapped[str]
    name: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    last_seen_at: Mapped[datetime]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]
