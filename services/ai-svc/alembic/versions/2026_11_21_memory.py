"""What the assistant remembers: facts people told it to keep, whose data they hold, and what they
said before. And which keys in Redis an erasure has still to delete.
"""

import sqlalchemy as sa

from alembic import op
from chassis.data.migrations import Verb, enable_tenant_isolation, enum_check

revision = "ai_015"
down_revision = "ai_014"
branch_labels = None
depends_on = None

SCHEMA = "ai"
INSTANT = sa.DateTime(timezone=True)

# In the order of their foreign keys.
TABLES: dict[str, tuple[Verb, ...]] = {
    "memory_facts": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "memory_fact_clients": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "memory_corrections": ("SELECT", "INSERT", "DELETE"),
    "erasure_keys": ("SELECT", "INSERT", "DELETE"),
}
# Across organizations, for the worker's upkeep, which sees none of the rows.
PRUNE = """
CREATE FUNCTION ai.prune_memory() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  gone bigint;
BEGIN
  DELETE FROM ai.memory_facts WHERE expires_at < clock_timestamp();
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END
$$
"""


def upgrade() -> None:
    """New tables, and the trigger that keeps the erased away."""
    _create_facts()
    _create_links()
    for table, verbs in TABLES.items():
        enable_tenant_isolation(op, SCHEMA, table, verbs=verbs)
    op.execute(
        "CREATE POLICY keeper ON ai.memory_facts TO cogep_owner USING (true) WITH CHECK (true)"
    )
    op.execute(PRUNE)
    op.execute("REVOKE ALL ON FUNCTION ai.prune_memory() FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION ai.prune_memory() TO cogep_worker")
    op.execute(
        "CREATE TRIGGER guard_erased BEFORE INSERT ON ai.memory_fact_clients FOR EACH ROW"
        " EXECUTE FUNCTION ai.guard_erased('refuse')"
    )


def downgrade() -> None:
    """Forgets everything the assistant was told to remember."""
    op.execute("DROP FUNCTION ai.prune_memory()")
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)


def _create_facts() -> None:
    op.create_table(
        "memory_facts",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("conversation_id", sa.Uuid()),
        sa.Column("message_id", sa.Uuid()),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "user_id", "digest"),
        enum_check("source", ("said", "confirmed", "model")),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
        sa.Index(None, "organization_id", "user_id", "id"),
        sa.Index("ix_memory_facts_expires_at", "expires_at"),
        schema=SCHEMA,
    )


def _of(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column],
        [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"],
        ondelete="CASCADE",
    )


def _create_links() -> None:
    op.create_table(
        "memory_fact_clients",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("fact_id", sa.Uuid(), primary_key=True),
        sa.Column("client_id", sa.Uuid(), primary_key=True),
        sa.Column("purpose_code", sa.Text(), nullable=False),
        _of("memory_facts", "fact_id"),
        sa.Index("ix_memory_fact_clients_client_id", "organization_id", "client_id"),
        schema=SCHEMA,
    )
    op.create_table(
        "memory_corrections",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("fact_id", sa.Uuid(), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("corrected_by", sa.Uuid(), nullable=False),
        sa.Column("corrected_at", INSTANT, nullable=False),
        _of("memory_facts", "fact_id"),
        schema=SCHEMA,
    )
    op.create_table(
        "erasure_keys",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("key", sa.Text(), primary_key=True),
        sa.Column("erasure_id", sa.Uuid(), primary_key=True),
        _of("erasures", "erasure_id"),
        sa.Index("ix_erasure_keys_erasure_id", "organization_id", "erasure_id"),
        schema=SCHEMA,
    )
