"""A small service schema of the chassis's own: one business table, one queue, the system tables."""

import sqlalchemy as sa
from alembic.operations import Operations

from chassis.data import migrations
from chassis.data.columns import metadata_for
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


def upgrade(op: Operations) -> None:
    """What a service's first migration does."""
    migrations.create_schema(op, SCHEMA)
    migrations.create_system_tables(op, SCHEMA)
    op.create_table(
        "notes",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.UniqueConstraint("organization_id", "id", name="uq_notes_organization_id_id"),
        schema=SCHEMA,
    )
    op.create_table(
        "errands",
        *job_columns(),
        sa.Column("what", sa.Text(), nullable=False),
        sa.UniqueConstraint("organization_id", "id", name="uq_errands_organization_id_id"),
        schema=SCHEMA,
    )
    migrations.enable_tenant_isolation(op, SCHEMA, "notes")
    migrations.enable_tenant_isolation(op, SCHEMA, "errands")
    migrations.allow_worker(op, SCHEMA, "errands", ("SELECT", "UPDATE", "DELETE"))


def downgrade(op: Operations) -> None:
    """And undoes."""
    op.drop_table("errands", schema=SCHEMA)
    op.drop_table("notes", schema=SCHEMA)
    migrations.drop_system_tables(op, SCHEMA)
    migrations.drop_schema(op, SCHEMA)
