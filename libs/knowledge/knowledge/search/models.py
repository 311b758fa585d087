"""What the vector leg looks through before it compares whole vectors."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pgvector.sqlalchemy import BIT
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.models import EMBEDDING_DIMENSIONS, Base
from shared_schemas.ids import OrganizationId


class ChunkSignature(Base):
    """The signs of a chunk's vector: 192 bytes instead of 3,072. Written by a trigger of `chunks`.

    A table of its own, since looking through all of an organization's must read nothing else.
    """

    __tablename__ = "chunk_signatures"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["organization_id", "chunk_id"],
            ["ai.chunks.organization_id", "ai.chunks.id"],
            ondelete="CASCADE",
        ),
    )

    organization_id: Mapped[OrganizationId] = mapped_column(primary_key=True)
    chunk_id: Mapped[UUID] = mapped_column(primary_key=True)
    document_id: Mapped[UUID]
    model: Mapped[str]  # whose vector: only those of one model can be compared
    signature: Mapped[Any] = mapped_column(BIT(EMBEDDING_DIMENSIONS))
