"""The table of field definitions. The values live with what they describe."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import text_enum
from core_api.tables import Base, VersionedRow


class FieldEntity(StrEnum):
    """What has the field."""

    CLIENT = "client"
    TICKET = "ticket"


class FieldType(StrEnum):
    """What its values are."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    CHOICE = "choice"


class FieldDefinition(VersionedRow, Base):
    """A field of an organization's own. Archived, it takes no new values and keeps the old."""

    __tablename__ = "field_definitions"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "entity", "key"),
    )

    entity: Mapped[FieldEntity] = mapped_column(text_enum(FieldEntity, "entity"))
    key: Mapped[str]  # the name of its values; never changes
    label: Mapped[str]
    type: Mapped[FieldType] = mapped_column(text_enum(FieldType, "type"))
    choices: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    required: Mapped[bool]
    position: Mapped[int]
    archived_at: Mapped[datetime | None]
