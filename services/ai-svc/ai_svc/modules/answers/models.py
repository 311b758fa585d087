"""Answers that were given, what they stand on, what people say of them, and the cache over them.

A source keeps offsets and no words: its quote is read from the version it cites. With a document
its sources go, and with a source (by a trigger) the words of the answer and its place in the cache.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Instant, Tenant, TenantRow, text_enum
from knowledge.models import Base
from shared_schemas.ids import UserId


class Rating(StrEnum):
    """Whether an answer helped."""

    UP = "up"
    DOWN = "down"


class Answer(TenantRow, Base):
    """One question that was asked, and what was said to it. Both may hold personal data."""

    __tablename__ = "answers"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.ForeignKeyConstraint(
            ["organization_id", "curated_document_id"],
            ["ai.documents.organization_id", "ai.documents.id"],
            ondelete="SET NULL (curated_document_id)",
        ),
        sa.Index(None, "organization_id", "created_at", "id"),
        sa.Index(
            "ix_answers_unanswered",
            "organization_id",
            "created_at",
            postgresql_where=sa.text("abstained AND resolved_at IS NULL"),
        ),
        sa.Index(
            "ix_answers_curated",
            "organization_id",
            "curated_document_id",
            postgresql_where=sa.text("curated_document_id IS NOT NULL"),
        ),
        sa.Index(
            "ix_answers_client",
            "organization_id",
            "client_id",
            postgresql_where=sa.text("client_id IS NOT NULL"),
        ),
    )

    asked_by: Mapped[UserId]
    question: Mapped[str]
    client_id: Mapped[UUID | None]  # whom the question was about, where it named one
    answer: Mapped[str | None]  # null: gone with a document it quoted
    abstained: Mapped[bool]
    confidence: Mapped[float]
    model: Mapped[str]
    prompt_version: Mapped[str | None]
    tokens_used: Mapped[int]
    cached: Mapped[bool]
    curated_document_id: Mapped[UUID | None]
    resolved_at: Mapped[datetime | None] = mapped_column(Instant)  # nobody need look at it any more


class AnswerSource(Base):
    """The `position`-th citation of an answer: `version.content[char_start:char_end]`."""

    __tablename__ = "answer_sources"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["organization_id", "answer_id"],
            ["ai.answers.organization_id", "ai.answers.id"],
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "document_id"],
            ["ai.documents.organization_id", "ai.documents.id"],
            ondelete="CASCADE",
        ),
        sa.Index(None, "organization_id", "document_id"),
    )

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    answer_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True)  # 1, 2, 3 …
    document_id: Mapped[UUID]
    version_number: Mapped[int]
    chunk_id: Mapped[UUID]
    title: Mapped[str]
    page: Mapped[int | None]
    heading: Mapped[str | None]
    char_start: Mapped[int]
    char_end: Mapped[int]
    similarity: Mapped[float]


class AnswerFeedback(TenantRow, Base):
    """What one person says of one answer."""

    __tablename__ = "answer_feedback"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "answer_id", "user_id"),
        sa.ForeignKeyConstraint(
            ["organization_id", "answer_id"],
            ["ai.answers.organization_id", "ai.answers.id"],
            ondelete="CASCADE",
        ),
    )

    answer_id: Mapped[UUID]
    user_id: Mapped[UserId]
    rating: Mapped[Rating] = mapped_column(text_enum(Rating, "rating"))
    comment: Mapped[str | None]
    corrected_answer: Mapped[str | None]


class CachedAnswer(TenantRow, Base):
    """An answer that may be given again. `snapshot` is what its search could see.

    `scope` is a digest of everything but the question that decides an answer; `cluster` says whose
    transaction ids the snapshot holds: a dump restored elsewhere counts from the beginning.
    """

    __tablename__ = "cached_answers"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "scope", "question_key"),
        sa.ForeignKeyConstraint(
            ["organization_id", "answer_id"],
            ["ai.answers.organization_id", "ai.answers.id"],
            ondelete="CASCADE",
        ),
        sa.Index(None, "organization_id", "answer_id"),
    )

    scope: Mapped[str]
    question_key: Mapped[str]
    answer_id: Mapped[UUID]
    snapshot: Mapped[str]  # a pg_snapshot
    cluster: Mapped[int] = mapped_column(sa.BigInteger)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)


class KnowledgeChange(Base):
    """A transaction that changed what is found or who may read it. Written by triggers only."""

    __tablename__ = "knowledge_changes"

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    transaction_id: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False
    )
    changed_at: Mapped[datetime] = mapped_column(Instant, server_default=sa.func.clock_timestamp())
