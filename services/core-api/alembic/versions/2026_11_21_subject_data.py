"""Answers to data subjects, and the sealed files they fetch.

New tables only.
"""

import sqlalchemy as sa

from alembic import op
from chassis.data.migrations import Verb, enable_tenant_isolation, enum_check

revision = "crm_016"
down_revision = "crm_015"
branch_labels = None
depends_on = None

SCHEMA = "crm"
INSTANT = sa.DateTime(timezone=True)
TABLES: dict[str, tuple[Verb, ...]] = {
    "subject_data_answers": ("SELECT", "INSERT", "UPDATE"),
    "subject_data_files": ("SELECT", "INSERT", "UPDATE", "DELETE"),
}
# What the sweep sees across tenants: what is due, of whom. Nothing else.
SEEN_BY_WORKER = {
    "subject_data_answers": "organization_id, id, next_attempt_at",
    "subject_data_files": "organization_id, id, expires_at, deleted_at",
}


def upgrade() -> None:
    """Nothing that is there is touched."""
    op.create_table(
        "subject_data_answers",
        *_columns(),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("answer_sealed", sa.LargeBinary()),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("correlation_id", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("next_attempt_at", INSTANT),
        sa.Column("waiting_for", sa.Text()),
        sa.Column("finished_at", INSTANT),
        _to_request("subject_data_answers"),
        sa.UniqueConstraint("organization_id", "request_id"),
        enum_check("state", ("assembling", "complete", "stopped")),
        enum_check("waiting_for", ("ai-svc", "storage", "erasure", "error")),
        schema=SCHEMA,
    )
    op.create_table(
        "subject_data_files",
        *_columns(),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("key_sealed", sa.LargeBinary()),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("deleted_at", INSTANT),
        sa.Column("downloads", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("link_downloads", sa.Integer(), nullable=False, server_default="0"),
        _to_request("subject_data_files"),
        sa.UniqueConstraint("organization_id", "request_id", "format"),
        enum_check("format", ("pdf", "json", "zip")),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_subject_data_answers_next_attempt_at",
        "subject_data_answers",
        ["next_attempt_at", "organization_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.create_index(
        "ix_subject_data_files_expires_at",
        "subject_data_files",
        ["expires_at", "organization_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    for table, verbs in TABLES.items():
        enable_tenant_isolation(op, SCHEMA, table, verbs=verbs)
    for table, columns in SEEN_BY_WORKER.items():
        op.execute(f"CREATE POLICY worker ON crm.{table} FOR SELECT TO cogep_worker USING (true)")
        op.execute(f"GRANT SELECT ({columns}) ON crm.{table} TO cogep_worker")


def downgrade() -> None:
    """The files in the storage stay; without their keys they are noise."""
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)


def _columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("request_id", sa.Uuid(), nullable=False),
    )


def _to_request(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", "request_id"],
        [f"{SCHEMA}.privacy_requests.organization_id", f"{SCHEMA}.privacy_requests.id"],
        name=f"fk_{table}_request",
    )
