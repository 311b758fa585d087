"""The tables of the knowledge base (schema `ai`): documents, versions, chunks, queue."""

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
    utc_now,
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
    CURATED = "curated"  # a question, and the answer a person wrote

    @property
    def is_text(self) -> bool:
        """Whether the version carries its text itself: there is no original."""
        return self in TEXTS


TEXTS: Final = frozenset({SourceType.TEXT, SourceType.CURATED})


class Chunking(StrEnum):
    """How a document is cut into chunks."""

    SEMANTIC = "semantic"
    HEADING = "heading"
    FIXED = "fixed"
    LAW = "law"
    QA = "qa"
    AUTO = "auto"  # law where a text plainly is one, else semantic


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


class Visibility(StrEnum):
    """Whom a document is for."""

    ORGANIZATION = "organization"
    RESTRICTED = "restricted"
    CLIENT = "client"


class LegalBasis(StrEnum):
    """On what personal data is processed (LGPD Art. 7, Art. 11 II), as core-api's purposes say."""

    CONSENT = "consent"
    LEGAL_OBLIGATION = "legal_obligation"
    PUBLIC_POLICY = "public_policy"
    RESEARCH = "research"
    CONTRACT = "contract"
    EXERCISE_OF_RIGHTS = "exercise_of_rights_in_proceedings"
    PROTECTION_OF_LIFE = "protection_of_life"
    HEALTH_PROTECTION = "health_protection"
    LEGITIMATE_INTEREST = "legitimate_interest"
    CREDIT_PROTECTION = "credit_protection"


class Base(DeclarativeBase):
    """Every table of schema `ai`, also those ai-svc adds for itself."""

    metadata = metadata_for(SCHEMA)
    type_annotation_map = TYPES


class Document(Base):
    """What is searched under one identity: its access list, and how far its newest version is.

    `status` and the error are of `latest_version`; what a search finds is `current_version`.
    """

    __tablename__ = "documents"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.Index("ix_documents_organization_id_created_at", "organization_id", "created_at", "id"),
        sa.Index(
            "uq_documents_organization_id_external_id",
            "organization_id",
            "external_id",
            unique=True,
            postgresql_where=sa.text("external_id IS NOT NULL"),
        ),
        sa.Index(
            "ix_documents_restricted",
            "organization_id",
            "submitted_by",
            postgresql_where=sa.text("visibility = 'restricted'"),
        ),
        sa.Index(
            "ix_documents_client",
            "organization_id",
            "client_id",
            postgresql_where=sa.text("client_id IS NOT NULL"),
        ),
        sa.CheckConstraint(
            r"chunking ~ '^(semantic|heading|fixed|law|qa|auto)(/\d{1,4}(/\d{1,4})?)?$'",
            name="chunking",
        ),
        # What a search leaves out, where nothing else is asked.
        sa.Index(
            "ix_documents_not_for_all",
            "organization_id",
            "id",
            postgresql_where=sa.text("visibility <> 'organization'"),
        ),
        sa.CheckConstraint(
            "allowed_roles <@ ARRAY['admin', 'agent', 'viewer', 'dpo']", name="allowed_roles"
        ),
        sa.CheckConstraint(
            "visibility = 'restricted' OR (allowed_roles = '{}' AND allowed_team_ids = '{}')",
            name="restricted_lists",
        ),
        sa.CheckConstraint(
            "num_nonnulls(client_id, purpose_code, legal_basis)"
            " = CASE WHEN visibility = 'client' THEN 3 ELSE 0 END",
            name="client_purpose",
        ),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    title: Mapped[str]
    source_type: Mapped[SourceType] = mapped_column(text_enum(SourceType, "source_type"))
    chunking: Mapped[str]  # how versions to come are cut: see `knowledge.chunking.cutting`
    status: Mapped[DocumentStatus] = mapped_column(
        text_enum(DocumentStatus, "status"), default=DocumentStatus.PENDING
    )
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    current_version: Mapped[int | None]  # null until the first one is indexed
    latest_version: Mapped[int] = mapped_column(default=1, server_default="1")
    visibility: Mapped[Visibility] = mapped_column(
        text_enum(Visibility, "visibility"), server_default="restricted"
    )
    allowed_roles: Mapped[list[str]] = mapped_column(
        ARRAY(sa.Text), default=list, server_default="{}"
    )
    allowed_team_ids: Mapped[list[UUID]] = mapped_column(
        ARRAY(sa.Uuid), default=list, server_default="{}"
    )
    client_id: Mapped[UUID | None]
    purpose_code: Mapped[str | None]
    legal_basis: Mapped[LegalBasis | None] = mapped_column(text_enum(LegalBasis, "legal_basis"))
    external_id: Mapped[str | None]
    submitted_by: Mapped[UserId]
    tags: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), default=list)
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]
    version: Mapped[int] = mapped_column(default=1)  # counts changes of this row: its ETag


class DocumentVersion(Base):
    """What a document said, or will say: one submission. Once indexed it never changes.

    `content` is the normalised text that every offset refers to.
    """

    __tablename__ = "document_versions"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "document_id", "number"),
        sa.ForeignKeyConstraint(
            ["organization_id", "document_id"],
            ["ai.documents.organization_id", "ai.documents.id"],
            ondelete="CASCADE",
        ),
        sa.Index(None, "organization_id", "content_sha256"),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    document_id: Mapped[UUID]
    number: Mapped[int]  # 1, 2, 3 … within the document
    source_type: Mapped[SourceType] = mapped_column(text_enum(SourceType, "source_type"))
    source_uri: Mapped[str | None]  # the address, or the file's name
    mime_type: Mapped[str | None]  # as sniffed from the content
    charset: Mapped[str | None]  # as the server said, for what was fetched
    storage_key: Mapped[str | None]  # the original; null for a text
    content_sha256: Mapped[str | None]  # of the original bytes, hex
    size_bytes: Mapped[int | None] = mapped_column(sa.BigInteger)
    counted_bytes: Mapped[int] = mapped_column(sa.BigInteger, default=0)  # see `knowledge.usage`
    chunking: Mapped[str]  # as `documents.chunking`; what it is or will be cut by
    revises: Mapped[int | None]  # the version whose source it reads again, for a correction
    language: Mapped[Language | None] = mapped_column(text_enum(Language, "language"))
    # Megabytes for a long document: loaded only where asked for by name (`undefer`).
    content: Mapped[str | None] = mapped_column(sa.Text, deferred=True, deferred_raiseload=True)
    # Of a text that people corrected: as it was submitted, and as corrections start from again.
    uncorrected: Mapped[str | None] = mapped_column(sa.Text, deferred=True, deferred_raiseload=True)
    # Places a quote: see `knowledge.outline`.
    outline: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(none_as_null=True), deferred=True, deferred_raiseload=True
    )
    character_count: Mapped[int | None]
    page_count: Mapped[int | None]
    unread_pages: Mapped[int | None]  # pictures, where nothing recognised their text
    chunk_count: Mapped[int] = mapped_column(default=0)
    stages: Mapped[dict[str, float] | None] = mapped_column(JSONB(none_as_null=True))  # seconds
    error_code: Mapped[str | None]  # what ended it, where another version came after
    error_message: Mapped[str | None]
    submitted_by: Mapped[UserId]
    created_at: Mapped[CreatedAt]
    indexed_at: Mapped[datetime | None] = mapped_column(Instant)


class DeletedDocument(Base):
    """That there was a document, and no more: who has its id is told that it is gone."""

    __tablename__ = "deleted_documents"
    __table_args__ = (sa.UniqueConstraint("organization_id", "id"),)

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    deleted_at: Mapped[datetime] = mapped_column(
        Instant, default=utc_now, server_default=sa.func.now()
    )


class Chunk(Base):
    """A passage of the current version: `version.content[char_start:char_end] == content`."""

    __tablename__ = "chunks"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "document_id", "position"),
        sa.ForeignKeyConstraint(
            ["organization_id", "document_id"],
            ["ai.documents.organization_id", "ai.documents.id"],
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "document_id", "version_number"],
            [
                "ai.document_versions.organization_id",
                "ai.document_versions.document_id",
                "ai.document_versions.number",
            ],
            name="fk_chunks_version",
            ondelete="CASCADE",
        ),
        # What `ai.candidate_chunks` looks for: a tenant's stems, hashed with the tenant.
        sa.Index(
            "ix_chunks_stem_keys",
            sa.text("ai.stem_keys(organization_id, tsvector_to_array(terms))"),
            postgresql_using="gin",
        ),
        # Few, and what looks through all chunks has to know them.
        sa.Index(
            "ix_chunks_switched_off",
            "organization_id",
            "id",
            postgresql_where=sa.text("NOT enabled"),
        ),
        # Whether they are all of one model.
        sa.Index("ix_chunks_organization_id_embedding_model", "organization_id", "embedding_model"),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    document_id: Mapped[UUID]
    version_number: Mapped[int] = mapped_column(server_default="1")
    position: Mapped[int]  # 0, 1, 2 … in reading order
    content: Mapped[str]
    char_start: Mapped[int]
    char_end: Mapped[int]
    page: Mapped[int | None]  # 1-based; null where there are no pages
    heading: Mapped[str | None]  # path, "Benefícios > Férias"
    token_count: Mapped[int]
    enabled: Mapped[bool] = mapped_column(default=True, server_default=sa.true())  # is found
    language: Mapped[Language] = mapped_column(text_enum(Language, "language"))
    lexv: Mapped[SparseVector] = mapped_column(SPARSEVEC(LEXICAL_DIMENSIONS), deferred=True)
    terms: Mapped[Any] = mapped_column(TSVECTOR, deferred=True)
    embedding: Mapped[Any] = mapped_column(HALFVEC(EMBEDDING_DIMENSIONS), deferred=True)
    embedding_model: Mapped[str]


class IngestionJob(Base):
    """A version's way through the pipeline. At most one unfinished job per document."""

    __table__ = sa.Table(
        "ingestion_queue",
        Base.metadata,
        *job_columns(),
        sa.Column("document_id", sa.Uuid, nullable=False),
        sa.Column("version_number", sa.Integer, nullable=False, server_default="1"),
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
