"""The tables every service owns besides its business: outbox, inbox, idempotency keys."""

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from chassis.data.columns import Instant

SYSTEM_TABLES: Final = ("outbox", "inbox", "idempotency_keys")


@dataclass(frozen=True)
class SystemTables:
    """The three tables within one service's metadata."""

    outbox: sa.Table
    inbox: sa.Table
    idempotency_keys: sa.Table


def outbox_items() -> list[sa.schema.SchemaItem]:
    """Events committed with what they tell of, until a relay has put them on their stream."""
    return [
        sa.Column("id", sa.Uuid(), primary_key=True),  # the event's id
        # Insertion order. Events about one row were serialised by its lock, so it is causal.
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        # Text, not jsonb: the relay passes it on as it is and nobody queries inside.
        sa.Column("envelope", sa.Text(), nullable=False),
        sa.Column("created_at", Instant, nullable=False, server_default=sa.func.now()),
        sa.Column("published_at", Instant),
        sa.Index(
            "ix_outbox_unpublished", "position", postgresql_where=sa.text("published_at IS NULL")
        ),
        sa.Index(
            "ix_outbox_published_at",
            "published_at",
            postgresql_where=sa.text("published_at IS NOT NULL"),
        ),
    ]


def inbox_items() -> list[sa.schema.SchemaItem]:
    """Which events each consumer has handled, written in the transaction of their effects."""
    return [
        sa.Column("consumer", sa.Text(), primary_key=True),
        sa.Column("event_id", sa.Uuid(), primary_key=True),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("handled_at", Instant, nullable=False, server_default=sa.func.now()),
        sa.Index("ix_inbox_handled_at", "handled_at"),
    ]


def idempotency_items() -> list[sa.schema.SchemaItem]:
    """Answers given to a POST with an Idempotency-Key, written in the command's transaction."""
    return [
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("user_id", sa.Uuid(), primary_key=True),
        sa.Column("key", sa.Text(), primary_key=True),
        # SHA-256 over method, path and body: the same key with another request is refused.
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("status_code", sa.SmallInteger(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant, nullable=False, server_default=sa.func.now()),
        sa.Index("ix_idempotency_keys_created_at", "created_at"),
    ]


def define_system_tables(metadata: sa.MetaData) -> SystemTables:
    """Adds the three tables to a service's metadata, for its migrations to be checked against."""
    return SystemTables(
        outbox=sa.Table("outbox", metadata, *outbox_items()),
        inbox=sa.Table("inbox", metadata, *inbox_items()),
        idempotency_keys=sa.Table("idempotency_keys", metadata, *idempotency_items()),
    )
