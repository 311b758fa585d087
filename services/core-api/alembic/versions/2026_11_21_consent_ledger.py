"""What purposes say about themselves, how consents end, and the chained ledger of both.

Tables and columns only, none of which rewrites anything; what takes time is the next revision.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from alembic import op
from chassis.data.migrations import Verb, all_rows, enable_tenant_isolation, enum_check

revision = "crm_011"
down_revision = "crm_010"
branch_labels = None
depends_on = None

SCHEMA = "crm"
INSTANT = sa.DateTime(timezone=True)
TABLES: dict[str, tuple[Verb, ...]] = {
    "consent_ledger": ("SELECT", "INSERT"),
    "consent_ledger_heads": ("SELECT", "INSERT", "UPDATE"),
    "consent_expiries": ("SELECT", "INSERT", "UPDATE", "DELETE"),  # UPDATE: to lock
    "preferences_links": ("SELECT", "INSERT", "UPDATE"),
    "processing_blocks": ("SELECT", "INSERT", "UPDATE"),
}
# What the sweeps see across tenants: who there is, and whose consents are due. Nothing else.
SEEN_BY_WORKER = {
    "organizations": "organization_id",
    "consent_expiries": "organization_id, expires_at",
}
CHANNELS = ("web", "email", "phone", "whatsapp", "in_person", "paper", "api")
RETENTION = {
    "retention_from": (
        "collection",
        "last_contact",
        "consent_end",
        "contract_end",
        "request_closed",
    ),
    "retention_then": ("delete", "anonymize"),
}


def upgrade() -> None:
    """Each table is locked for a moment only."""
    _create_tables()
    for table, verbs in TABLES.items():
        enable_tenant_isolation(op, SCHEMA, table, verbs=verbs)
    for table, columns in SEEN_BY_WORKER.items():
        op.execute(f"CREATE POLICY worker ON crm.{table} FOR SELECT TO cogep_worker USING (true)")
        op.execute(f"GRANT SELECT ({columns}) ON crm.{table} TO cogep_worker")
    for table, columns in _columns().items():
        for column in columns:
            op.add_column(table, column, schema=SCHEMA)
    for column, values in RETENTION.items():
        _check("consent_purposes", column, column, values)
    _check("consent_revocations", "kind", "kind", ("revoked", "expired"))
    op.execute("ALTER TABLE crm.consents DROP CONSTRAINT ck_consents_channel")
    _check("consents", "channel", "channel", (*CHANNELS, "preferences_link"))


def downgrade() -> None:
    """The ledger is forgotten; what came by a link came from the web."""
    with all_rows(op, SCHEMA, "consents"):
        op.execute("UPDATE crm.consents SET channel = 'web' WHERE channel = 'preferences_link'")
    op.execute("ALTER TABLE crm.consents DROP CONSTRAINT ck_consents_channel")
    _check("consents", "channel", "channel", CHANNELS)
    for table, columns in _columns().items():
        for column in columns:
            op.drop_column(table, column.name, schema=SCHEMA)
    op.execute("REVOKE SELECT (organization_id) ON crm.organizations FROM cogep_worker")
    op.execute("DROP POLICY worker ON crm.organizations")
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)


def _columns() -> dict[str, list[sa.Column[Any]]]:
    """What is added to tables that are there."""
    texts, objects = sa.text("'{}'"), sa.text("'[]'::jsonb")

    def text_list(name: str) -> sa.Column[Any]:
        return sa.Column(name, ARRAY(sa.Text()), nullable=False, server_default=texts)

    return {
        "consent_purposes": [
            *(text_list(name) for name in ("articles", "data_categories", "subject_categories")),
            sa.Column("retention_days", sa.Integer(), nullable=True),
            sa.Column("retention_from", sa.Text(), nullable=True),
            sa.Column("retention_then", sa.Text(), nullable=True),
            sa.Column("recipients", JSONB(), nullable=False, server_default=objects),
            sa.Column("transfers", JSONB(), nullable=False, server_default=objects),
            sa.Column("assistant_may_use", sa.Boolean(), nullable=False, server_default="false"),
            sa.Column("consent_valid_days", sa.Integer(), nullable=True),
            sa.Column("material_version", sa.Integer(), nullable=False, server_default="1"),
            sa.Column("archived_at", INSTANT, nullable=True),
        ],
        "consent_notices": [
            sa.Column("is_material", sa.Boolean(), nullable=False, server_default="false")
        ],
        "consents": [
            sa.Column("renews_id", sa.Uuid(), nullable=True),
            sa.Column("expires_at", INSTANT, nullable=True),
        ],
        "consent_revocations": [
            sa.Column("kind", sa.Text(), nullable=False, server_default="revoked")
        ],
    }


def _check(table: str, name: str, column: str, values: tuple[str, ...]) -> None:
    """Rows written from now on are held to it; the next revision looks at the others."""
    allowed = ", ".join(f"'{value}'" for value in values)
    op.execute(
        f"ALTER TABLE crm.{table} ADD CONSTRAINT ck_{table}_{name} "
        f"CHECK ({column} IN ({allowed})) NOT VALID"
    )


def _uuid(name: str, *, nullable: bool = False, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), nullable=nullable, primary_key=key)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, INSTANT, nullable=nullable)


def _created_at() -> sa.Column[Any]:
    return sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now())


def _refers(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column], [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"]
    )


def _create_tables() -> None:
    op.create_table(
        "consent_ledger",
        _uuid("organization_id", key=True),
        sa.Column("sequence", sa.BigInteger(), primary_key=True, autoincrement=False),
        _uuid("receipt_id"),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.UniqueConstraint("organization_id", "receipt_id"),
        schema=SCHEMA,
    )
    op.create_table(
        "consent_ledger_heads",
        _uuid("organization_id", key=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "consent_expiries",
        _uuid("organization_id", key=True),
        _uuid("consent_id", key=True),
        _instant("expires_at"),
        _refers("consent_id", "consents"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_consent_expiries_expires_at",
        "consent_expiries",
        ["expires_at", "organization_id"],
        schema=SCHEMA,
    )
    op.create_table(
        "preferences_links",
        _uuid("id", key=True),
        _uuid("organization_id"),
        _uuid("client_id"),
        _instant("expires_at"),
        _instant("used_at", nullable=True),
        _uuid("created_by"),
        _created_at(),
        _refers("client_id", "clients"),
        sa.UniqueConstraint("organization_id", "id"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_preferences_links_client_id",
        "preferences_links",
        ["organization_id", "client_id"],
        schema=SCHEMA,
    )
    _create_blocks()


def _create_blocks() -> None:
    op.create_table(
        "processing_blocks",
        _uuid("id", key=True),
        _uuid("organization_id"),
        _uuid("client_id"),
        _uuid("purpose_id", nullable=True),
        sa.Column("cause", sa.Text(), nullable=False),
        _uuid("blocked_by"),
        _instant("blocked_at"),
        _uuid("lifted_by", nullable=True),
        _instant("lifted_at", nullable=True),
        _refers("client_id", "clients"),
        _refers("purpose_id", "consent_purposes"),
        enum_check("cause", ("blocking", "opposition", "other")),
        sa.UniqueConstraint("organization_id", "id"),
        schema=SCHEMA,
    )
    op.create_index(
        "uq_processing_blocks_standing",
        "processing_blocks",
        ["organization_id", "client_id", "purpose_id"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("lifted_at IS NULL"),
        postgresql_nulls_not_distinct=True,
    )
