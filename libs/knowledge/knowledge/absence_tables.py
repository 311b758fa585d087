"""Clients whose documents nobody reads: deleted in core-api, or erased at their own request."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Instant
from knowledge.models import Base
from shared_schemas.ids import OrganizationId


class ClientAbsence(Base):
    """What is known last of a client that is, or was, not there. `changed_at` is of `is_deleted`.

    Who was erased stays so: the id is kept, that nothing about it is taken in again
    (`ai.guard_erased`).
    """

    __tablename__ = "client_absences"

    organization_id: Mapped[OrganizationId] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    is_deleted: Mapped[bool]
    changed_at: Mapped[datetime] = mapped_column(Instant)
    erased_at: Mapped[datetime | None] = mapped_column(Instant)
