"""When an organization's projections were last compared with what core-api knows."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Instant
from knowledge.models import Base
from shared_schemas.ids import OrganizationId


class AccessRebuild(Base):
    """The last comparison."""

    __tablename__ = "access_rebuilds"

    organization_id: Mapped[OrganizationId] = mapped_column(primary_key=True)
    rebuilt_at: Mapped[datetime] = mapped_column(Instant)
