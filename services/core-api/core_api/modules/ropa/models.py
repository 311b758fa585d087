"""The table of impact assessments: what people add to the registry for the RIPD (LGPD Art. 38)."""

from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import text_enum
from core_api.tables import SCHEMA, Base, VersionedRow


class Conclusion(StrEnum):
    """What the assessment came to."""

    ACCEPTABLE = "acceptable"
    ACCEPTABLE_WITH_MEASURES = "acceptable_with_measures"
    NOT_ACCEPTABLE = "not_acceptable"


class ImpactAssessment(VersionedRow, Base):
    """What only people can say about a purpose; the rest of the sheet is the registry's."""

    __tablename__ = "impact_assessments"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "purpose_id"),
        sa.ForeignKeyConstraint(
            ["organization_id", "purpose_id"],
            [f"{SCHEMA}.consent_purposes.organization_id", f"{SCHEMA}.consent_purposes.id"],
        ),
    )

    purpose_id: Mapped[UUID]
    necessity: Mapped[str]
    proportionality: Mapped[str]
    methodology: Mapped[str]
    risks: Mapped[list[dict[str, Any]]] = mapped_column(JSONB())
    measures: Mapped[str]
    consulted: Mapped[str | None]
    conclusion: Mapped[Conclusion] = mapped_column(text_enum(Conclusion, "conclusion"))
    assessed_on: Mapped[date]
    review_on: Mapped[date]
