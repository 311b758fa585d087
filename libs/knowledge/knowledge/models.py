"""The tables of the knowledge base (schema `ai`): documents, chunks, ingestion queue."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from pgvector import SparseVector
from pgvector.sqlalchemy import HALFVEC, SPARSEVEC
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.data.columns import (
    TYPES,
    CreatedAt,
    Id,
    Instant,
    Tenant,
    UpdatedAt,
    metadata_for,
    text_enum,
)
from chassis.messaging.job_queue import job_columns
from shared_schemas.ids import UserId

SCHEMA: Final = "ai"
LEXICAL_DIMENSIONS: Final = 2**26
"""Terms are hashed into this space; one `lexv` entry per hashed term."""
EMBEDDING_DIMENSIONS: Final = 1536


class SourceType(StrEnum):
    """Where a document comes from."""

    FILE = "file"
    TEXT = "text"
    URL = "url"


class Chunking(StrEnum):
    """How a document is cut into chunks."""

    SEMANTIC = "semantic"
    HEADING = "heading"
    FIXED = "fixed"


class DocumentStatus(StrEnum):
    """How far a document has come."""

    PENDING = "pending"
    PROCESSING = "processing"
    INDEXED = "indexed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Language(StrEnum):
    """The languages the analyzer has a stemmer for."""

    PORTUGUESE = "pt"
    ENGLISH = "en"


class Base(DeclarativeBase):
    """Every table of schema `ai`, also those ai-svc adds for itself."""

    metadata = metadata_for(SCHEMA)
    type_annotation_map = TYPES


class Document(Base):
    """One file, text or page. `content` is the normalised text that every offset refers to."""

    __tablename__ = "documents"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.Index("ix_documents_organization_id_created_at", "organization_id", "created_at", "id"),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    title: Mapped[str]
    source_type: Mapped[SourceType] = mapped_column(text_enum(SourceType, "source_type"))
    source_uri: Mapped[str | None]  # the address, or the file's name
    mime_type: Mapped[str | None]  # as sniffed from the content
    storage_key: Mapped[str | None]  # the original; null for a text
    content_sha256: Mapped[str | None]  # of the original bytes, hex
    size_bytes: Mapped[int | None] = mapped_column(sa.BigInteger)
    language: Mapped[Language | None] = mapped_column(text_enum(Language, "language"))
    chunking: Mapped[Chunking] = mapped_column(text_enum(Chunking, "chunking"))
    status: Mapped[DocumentStatus] = mapped_column(
        text_enum(DocumentStatus, "status"), default=DocumentStatus.PENDING
    )
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    # Megabytes for a long document: loaded only where asked for by name (`undefer`).
    content: Mapped[str | None] = mapped_column(sa.Text, deferred=True, deferred_raiseload=True)
    # Places a quote: see `knowledge.outline`.
    outline: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB, deferred=True, deferred_raiseload=True
    )
    page_count: Mapped[int | None]
    chunk_count: Mapped[int] = mapped_column(default=0)
    submitted_by: Mapped[UserId]
    tags: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), default=list)
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]
    indexed_at: Mapped[datetime | None] = mapped_column(Instant)
    version: Mapped[int] = mapped_column(default=1)


class Chunk(Base):
    """A passage: `document.content[char_start:char_end] == content`."""

    __tablename__ = "chunks"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "document_id", "position"),
        sa.ForeignKeyConstraint(
            ["organization_id", "document_id"],
            ["ai.documents.organization_id", "ai.documents.id"],
            ondelete="CASCADE",
        ),
        sa.Index("ix_chunks_terms", "terms", postgresql_using="gin"),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    document_id: Mapped[UUID]
    position: Mapped[int]  # 0, 1, 2 … in reading order
    content: Mapped[str]
    char_start: Mapped[int]
    char_end: Mapped[int]
    page: Mapped[int | None]  # 1-based; null where there are no pages
    heading: Mapped[str | None]  # path, "Benefícios > Férias"
    token_count: Mapped[int]
    language: Mapped[Language] = mapped_column(text_enum(Language, "language"))
    lexv: Mapped[SparseVector] = mapped_column(SPARSEVEC(LEXICAL_DIMENSIONS), deferred=True)
    terms: Mapped[Any] = mapped_column(TSVECTOR, deferred=True)
    embedding: Mapped[Any] = mapped_column(HALFVEC(EMBEDDING_DIMENSIONS), deferred=True)
    embedding_model: Mapped[str]


class IngestionJob(Base):
    """A document's way through the pipeline. At most one unfinished job per document."""

    __table__ = sa.Table(
        "ingestion_queue",
        Base.metadata,
        *job_columns(),
        sa.Column("document_id", sa.Uuid, nullable=False),
        sa.Column("correlation_id", sa.Text, nullable=False),  # of the request that submitted it
        sa.Column("traceparent", sa.Text),
        sa.UniqueConstraint("organization_id", "id"),
        sa.ForeignKeyConstraint(
            ["organization_id", "document_id"],
            ["ai.documents.organization_id", "ai.documents.id"],
            ondelete="CASCADE",
        ),
        # A document's jobs: shown with it, and deleted with it.
        sa.Index(None, "organization_id", "document_id", "created_at"),
        sa.Index(
            "uq_ingestion_queue_unfinished",
            "organization_id",
            "document_id",
            unique=True,
            postgresql_where=sa.text("state IN ('pending', 'processing')"),
        ),
    )
