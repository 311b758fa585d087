"""Tables of sources, of what was seen in them, and of their runs (a job queue)."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Instant, TenantRow, Versioned, text_enum
from chassis.messaging.job_queue import job_columns
from knowledge.models import SCHEMA, Base, Chunking, Language
from shared_schemas.ids import UserId


class SourceKind(StrEnum):
    """What is watched."""

    URL = "url"
    SITEMAP = "sitemap"
    S3 = "s3"


class ItemState(StrEnum):
    """How the last look at one page or object ended."""

    ACTIVE = "active"
    FAILED = "failed"
    GONE = "gone"
    EXCLUDED = "excluded"


class RunTrigger(StrEnum):
    """Why a run began."""

    SCHEDULE = "schedule"
    PERSON = "person"


COUNTS: Final = ("found", "added", "changed", "unchanged", "gone", "failed", "skipped")
"""What a run says it has done, by the columns it says it in."""


class WatchedSource(TenantRow, Versioned, Base):
    """A page, a sitemap or a prefix of a bucket. What it brings is submitted in the name of
    `created_by`, with the fields and for the readers said here."""

    __tablename__ = "sources"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "name"),
        sa.CheckConstraint("every_minutes IS NULL OR every_minutes >= 15", name="every_minutes"),
        sa.CheckConstraint("visibility IN ('organization', 'restricted')", name="visibility"),
        sa.Index("ix_sources_created_at", "organization_id", "created_at", "id"),
        sa.Index(
            "ix_sources_next_sync_at",
            "next_sync_at",
            postgresql_where=sa.text("next_sync_at IS NOT NULL"),
        ),
    )

    name: Mapped[str]
    kind: Mapped[SourceKind] = mapped_column(text_enum(SourceKind, "kind"))
    address: Mapped[str]  # of the page or the sitemap; `s3://bucket/prefix`
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    sealed_credentials: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
    chunking: Mapped[str] = mapped_column(default=Chunking.AUTO.value)  # what it is cut by
    language: Mapped[Language | None] = mapped_column(text_enum(Language, "language"))
    tags: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), default=list)
    visibility: Mapped[str] = mapped_column(default="organization")
    allowed_roles: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), default=list)
    allowed_team_ids: Mapped[list[UUID]] = mapped_column(ARRAY(sa.Uuid), default=list)
    every_minutes: Mapped[int | None]  # null: only when somebody asks
    next_sync_at: Mapped[datetime | None] = mapped_column(Instant)
    last_synced_at: Mapped[datetime | None] = mapped_column(Instant)
    created_by: Mapped[UserId]
    erased_key: Mapped[bytes | None] = mapped_column(sa.LargeBinary)  # see `sources.erasing`


class SourceItem(TenantRow, Base):
    """One page or object of a source, and the document it has become.

    Without a document and not failed: somebody deleted that document, and it does not come back.
    Where it was erased with the person it was about, a digest stands in for the address.
    """

    __tablename__ = "source_items"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "source_id", "address"),
        sa.ForeignKeyConstraint(
            ["organization_id", "source_id"],
            [f"{SCHEMA}.sources.organization_id", f"{SCHEMA}.sources.id"],
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "document_id"],
            [f"{SCHEMA}.documents.organization_id", f"{SCHEMA}.documents.id"],
            ondelete="SET NULL (document_id)",
        ),
        sa.Index("ix_source_items_document_id", "organization_id", "document_id"),
    )

    source_id: Mapped[UUID]
    address: Mapped[str]  # of the page; the object's key
    document_id: Mapped[UUID | None]
    state: Mapped[ItemState] = mapped_column(text_enum(ItemState, "state"))
    etag: Mapped[str | None]
    last_modified: Mapped[str | None]  # as the server said it, to be sent back
    listed_as: Mapped[str | None]  # what the sitemap or the bucket said when it was last fetched
    content_sha256: Mapped[str | None]
    misses: Mapped[int] = mapped_column(default=0)  # looks in a row that did not find it
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    checked_at: Mapped[datetime | None] = mapped_column(Instant)


class SourceRun(Base):
    """A look at a source: a job, and afterwards its history. At most one unfinished per source."""

    __table__ = sa.Table(
        "source_runs",
        Base.metadata,
        *job_columns(),
        sa.Column("source_id", sa.Uuid, nullable=False),
        sa.Column("trigger", text_enum(RunTrigger, "trigger"), nullable=False),
        sa.Column("requested_by", sa.Uuid),  # null: the schedule
        sa.Column("correlation_id", sa.Text, nullable=False),
        sa.Column("traceparent", sa.Text),
        *(
            sa.Column(name, sa.Integer, nullable=False, default=0, server_default="0")
            for name in COUNTS
        ),
        sa.UniqueConstraint("organization_id", "id"),
        sa.ForeignKeyConstraint(
            ["organization_id", "source_id"],
            [f"{SCHEMA}.sources.organization_id", f"{SCHEMA}.sources.id"],
            ondelete="CASCADE",
        ),
        sa.Index("ix_source_runs_source_id", "organization_id", "source_id", "created_at", "id"),
        sa.Index(
            "uq_source_runs_unfinished",
            "organization_id",
            "source_id",
            unique=True,
            postgresql_where=sa.text("state IN ('pending', 'processing')"),
        ),
    )
