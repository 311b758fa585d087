"""The table of what organizations have decided about providers."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import TenantRow, Versioned
from knowledge.models import Base
from shared_schemas.ids import UserId


class ProviderPolicy(TenantRow, Versioned, Base):
    """One row an organization: whom its texts may be sent to, best first.

    Without a row every provider of this installation is asked, in the installation's order.
    """

    __tablename__ = "provider_policies"
    __table_args__ = (sa.UniqueConstraint("organization_id"),)

    providers: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    # Those of them that may be sent what is about clients.
    personal_data: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    countries: Mapped[list[str] | None] = mapped_column(ARRAY(sa.Text()))  # null: any
    changed_by: Mapped[UserId]
