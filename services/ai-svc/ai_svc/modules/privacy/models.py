"""Tables of erasures: a job per request, and the objects and keys it has still to delete."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Instant
from chassis.messaging.job_queue import job_columns
from knowledge.models import SCHEMA, Base
from shared_schemas.ids import OrganizationId


class Erasure(Base):
    """What core-api asked for: a job, and afterwards the record that it was done. Ids and counts.

    It bears the id of the event, and stays: whoever asks again has the answer already.
    """

    __table__ = sa.Table(
        "erasures",
        Base.metadata,
        *job_columns(),
        sa.Column("privacy_request_id", sa.Uuid, nullable=False),
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column("client_ids", ARRAY(sa.Uuid), nullable=False),  # and all merged into it
        sa.Column("erased", JSONB, nullable=False, server_default="{}"),  # per store, so far
        # Chunks are gone, and the statistics of words may still know what was in them.
        sa.Column("words_left", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("correlation_id", sa.Text, nullable=False),
        sa.Column("traceparent", sa.Text),
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "privacy_request_id"),
    )


class ErasureKey(Base):
    """A key in Redis whose rows are gone: written down with that, crossed out when nothing is
    there."""

    __tablename__ = "erasure_keys"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["organization_id", "erasure_id"],
            [f"{SCHEMA}.erasures.organization_id", f"{SCHEMA}.erasures.id"],
            ondelete="CASCADE",
        ),
        sa.Index("ix_erasure_keys_erasure_id", "organization_id", "erasure_id"),
    )

    organization_id: Mapped[OrganizationId] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    # Each erasure deletes it for itself: what another one has deleted may be there again.
    erasure_id: Mapped[UUID] = mapped_column(primary_key=True)


class ErasureObjects(Base):
    """Objects whose rows are gone: written down with that, crossed out when nothing is there."""

    __tablename__ = "erasure_objects"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["organization_id", "erasure_id"],
            [f"{SCHEMA}.erasures.organization_id", f"{SCHEMA}.erasures.id"],
            ondelete="CASCADE",
        ),
        sa.Index("ix_erasure_objects_erasure_id", "organization_id", "erasure_id"),
    )

    organization_id: Mapped[OrganizationId] = mapped_column(primary_key=True)
    prefix: Mapped[str] = mapped_column(primary_key=True)
    erasure_id: Mapped[UUID]
    # A worker may put something there until its lease is over: only then it is known to be empty.
    not_before: Mapped[datetime | None] = mapped_column(Instant)
