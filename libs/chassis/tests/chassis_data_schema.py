"""A small service schema of the chassis's own: one business table, one queue, the system tables."""

from enum import StrEnum

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.data import migrations
from chassis.data.columns import (
    TYPES,
    Instant,
    TenantRow,
    Versioned,
    metadata_for,
    text_enum,
)
from chassis.data.system_tables import define_system_tables
from chassis.messaging.job_queue import job_columns

SCHEMA = "chassis_test"
METADATA = metadata_for(SCHEMA)
SYSTEM = define_system_tables(METADATA)

NOTES = sa.Table(
    "notes",
    METADATA,
    sa.Column("id", sa.Uuid(), primary_key=True),
    sa.Column("organization_id", sa.Uuid(), nullable=False),
    sa.Column("body", sa.Text(), nullable=False),
    sa.UniqueConstraint("organization_id", "id"),
)
ERRANDS = sa.Table(
    "errands",
    METADATA,
    *job_columns(),
    sa.Column("what", sa.Text(), nullable=False),
    sa.UniqueConstraint("organization_id", "id"),
)


class Kind(StrEnum):
    """An enumeration whose names differ from its values."""

    ROUND = "round-one"
    SQUARE = "square"


class Base(DeclarativeBase):
    """A service's declarative base."""

    metadata = METADATA
    type_annotation_map = TYPES


class TenantThing(TenantRow, Versioned, Base):
    """A mapped table with everything the mixins give."""

    __tablename__ = "things"
    __table_args__ = (sa.UniqueConstraint("organization_id", "id"),)

    kind: Mapped[Kind] = mapped_column(text_enum(Kind, "kind"))


def migrated_metadata() -> sa.MetaData:
    """The same tables in schema `chassis_migrated`, for the tests of Alembic itself."""
    metadata = metadata_for("chassis_migrated")
    for table in METADATA.sorted_tables:
        table.to_metadata(metadata, schema="chassis_migrated")
    return metadata


def upgrade(op: Operations, schema: str = SCHEMA) -> None:
    """What a service's first migration does."""
    migrations.create_schema(op, schema)
    migrations.create_system_tables(op, schema)
    op.create_table(
        "notes",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.UniqueConstraint("organization_id", "id", name="uq_notes_organization_id_id"),
        schema=schema,
    )
    op.create_table(
        "errands",
        *job_columns(),
        sa.Column("what", sa.Text(), nullable=False),
        sa.UniqueConstraint("organization_id", "id", name="uq_errands_organization_id_id"),
        schema=schema,
    )
    op.create_table(
        "things",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_at", Instant, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", Instant, nullable=False, server_default=sa.func.now()),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        migrations.enum_check("kind", ["round-one", "square"]),
        sa.UniqueConstraint("organization_id", "id"),
        schema=schema,
    )
    migrations.enable_tenant_isolation(op, schema, "notes")
    migrations.enable_tenant_isolation(op, schema, "things")
    migrations.enable_tenant_isolation(op, schema, "errands")
    migrations.allow_worker(op, schema, "errands", ("SELECT", "UPDATE", "DELETE"))


def downgrade(op: Operations, schema: str = SCHEMA) -> None:
    """And undoes."""
    op.drop_table("things", schema=schema)
    op.drop_table("errands", schema=schema)
    op.drop_table("notes", schema=schema)
    migrations.drop_system_tables(op, schema)
    migrations.drop_schema(op, schema)


async def migrate_chassis_schema(owner_url: str) -> None:
    """Makes schema `chassis_test` as a service's first migration would."""
    engine = create_async_engine(owner_url)
    async with engine.begin() as connection:
        await connection.run_sync(_migrate)
    await engine.dispose()


def _migrate(connection: sa.Connection) -> None:
    context = MigrationContext.configure(connection, opts={"target_metadata": METADATA})
    with Operations.context(context) as op:
        upgrade(op)
