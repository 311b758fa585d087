"""The table of an organization's wishes for its desk."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from core_api.tables import Base, VersionedRow


class DeskSettings(VersionedRow, Base):
    """One row per organization that has changed anything."""

    __tablename__ = "desk_settings"
    __table_args__ = (sa.UniqueConstraint("organization_id"),)

    # For how long a client's message reopens a ticket that is done; null: always, 0: never.
    reopen_within_days: Mapped[int | None]
