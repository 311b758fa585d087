"""What an organization's chunks say about how rare each term is."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import UpdatedAt
from knowledge.models import Base
from shared_schemas.ids import OrganizationId


class LexicalStatistics(Base):
    """A snapshot of document frequencies, rebuilt when the organization has changed enough.

    One row per organization and arrays inside it, instead of a row per term: a document touches a
    thousand terms, and twenty documents a second would fight over the rows of the frequent ones.
    """

    __tablename__ = "lexical_statistics"

    organization_id: Mapped[OrganizationId] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(default=0)  # grows with every rebuild
    chunk_count: Mapped[int] = mapped_column(default=0)  # at the time of the snapshot
    changed_chunks: Mapped[int] = mapped_column(default=0)  # added and removed since then
    # Sorted int32 of stems and 4-grams, and how many chunks have each; little-endian.
    terms: Mapped[bytes] = mapped_column(sa.LargeBinary, deferred=True, default=b"")
    frequencies: Mapped[bytes] = mapped_column(sa.LargeBinary, deferred=True, default=b"")
    stems: Mapped[str] = mapped_column(deferred=True, default="")  # separated by spaces
    updated_at: Mapped[UpdatedAt]
