"""Erasures in parts and steps, legal holds, and what the application may erase from now on."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from alembic import op
from chassis.data.migrations import Verb, enable_tenant_isolation, enum_check

revision = "crm_015"
down_revision = "crm_014"
branch_labels = None
depends_on = None

SCHEMA = "crm"
INSTANT = sa.DateTime(timezone=True)
CHANGE: tuple[Verb, ...] = ("SELECT", "INSERT", "UPDATE")
TABLES = {
    "legal_holds": CHANGE,
    "erasures": CHANGE,
    "erasure_parts": CHANGE,
    "erasure_steps": CHANGE,
}
# What the sweep sees across tenants: whose erasures are not done. Nothing else.
SEEN_BY_WORKER = "organization_id, id, completed_at"
# What was append-only until now, and may say something about a person. Receipts, links of the
# ledger and audit events stay so.
GRANTS = {
    "message_revisions": "DELETE",
    "ticket_words": "DELETE",
    "consent_revocations": "UPDATE (reason)",
}


def upgrade() -> None:
    """New tables, and grants: each waits for nobody."""
    _create_holds()
    _create_erasures()
    for table, verbs in TABLES.items():
        enable_tenant_isolation(op, SCHEMA, table, verbs=verbs)
    op.execute("CREATE POLICY worker ON crm.erasures FOR SELECT TO cogep_worker USING (true)")
    op.execute(f"GRANT SELECT ({SEEN_BY_WORKER}) ON crm.erasures TO cogep_worker")
    for table, verb in GRANTS.items():
        op.execute(f"GRANT {verb} ON crm.{table} TO cogep_app")


def downgrade() -> None:
    """Who was erased stays erased; receipts are lost."""
    for table, verb in GRANTS.items():
        op.execute(f"REVOKE {verb} ON crm.{table} FROM cogep_app")
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)


def _uuid(name: str, *, nullable: bool = False, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), nullable=nullable, primary_key=key)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, INSTANT, nullable=nullable)


def _now(name: str) -> sa.Column[Any]:
    return sa.Column(name, INSTANT, nullable=False, server_default=sa.func.now())


def _text(name: str, *, nullable: bool = False, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable, primary_key=key)


def _counts(name: str) -> sa.Column[Any]:
    return sa.Column(name, JSONB(), nullable=False, server_default=sa.text("'{}'"))


def _number(name: str, first: int) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default=str(first))


def _refers(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column], [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"]
    )


def _create_holds() -> None:
    op.create_table(
        "legal_holds",
        _uuid("id", key=True),
        _uuid("organization_id"),
        _uuid("client_id"),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=False),
        _uuid("owner_id"),
        sa.Column("review_on", sa.Date(), nullable=False),
        _uuid("placed_by"),
        _instant("lifted_at", nullable=True),
        _uuid("lifted_by", nullable=True),
        sa.Column("lift_reason_sealed", sa.LargeBinary(), nullable=True),
        _now("created_at"),
        _now("updated_at"),
        _number("version", 1),
        _refers("client_id", "clients"),
        _refers("owner_id", "members"),
        _refers("placed_by", "members"),
        _refers("lifted_by", "members"),
        sa.UniqueConstraint("organization_id", "id"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_legal_holds_client_id",
        "legal_holds",
        ["organization_id", "client_id"],
        schema=SCHEMA,
    )
    op.create_index(
        "ix_legal_holds_review_on",
        "legal_holds",
        ["organization_id", "review_on", "id"],
        schema=SCHEMA,
    )


def _create_erasures() -> None:
    op.create_table(
        "erasures",
        _uuid("id", key=True),
        _uuid("organization_id"),
        _uuid("client_id"),
        sa.Column("client_ids", ARRAY(sa.Uuid()), nullable=False),
        _uuid("privacy_request_id"),
        _text("mode"),
        _uuid("requested_by", nullable=True),
        _text("correlation_id"),
        sa.Column("known_sealed", sa.LargeBinary(), nullable=True),
        _instant("completed_at", nullable=True),
        sa.Column("receipt", JSONB(), nullable=True),
        _now("created_at"),
        _now("updated_at"),
        _number("version", 1),
        _refers("client_id", "clients"),
        enum_check("mode", ("erasure", "replay")),
        sa.UniqueConstraint("organization_id", "id"),
        schema=SCHEMA,
    )
    op.create_index(
        "uq_erasures_unfinished",
        "erasures",
        ["organization_id", "client_id"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("completed_at IS NULL"),
    )
    op.create_index(
        "ix_erasures_open",
        "erasures",
        ["organization_id", "id"],
        schema=SCHEMA,
        postgresql_where=sa.text("completed_at IS NULL"),
    )
    op.create_index(
        "ix_erasures_created_at", "erasures", ["organization_id", "created_at", "id"], schema=SCHEMA
    )
    op.create_index(
        "ix_erasures_client_id", "erasures", ["organization_id", "client_id"], schema=SCHEMA
    )
    op.create_index(
        "ix_erasures_privacy_request_id",
        "erasures",
        ["organization_id", "privacy_request_id"],
        schema=SCHEMA,
    )
    op.create_table(
        "erasure_parts",
        _uuid("organization_id", key=True),
        _uuid("erasure_id", key=True),
        _text("service", key=True),
        _counts("erased"),
        _counts("kept"),
        _instant("done_at", nullable=True),
        _instant("tried_at", nullable=True),
        _number("attempts", 0),
        _text("problem", nullable=True),
        _refers("erasure_id", "erasures"),
        schema=SCHEMA,
    )
    op.create_table(
        "erasure_steps",
        _uuid("organization_id", key=True),
        _uuid("erasure_id", key=True),
        _text("store", key=True),
        sa.Column("erased", sa.BigInteger(), nullable=False, server_default="0"),
        _instant("proven_at", nullable=True),
        _refers("erasure_id", "erasures"),
        schema=SCHEMA,
    )
