"""What the assistant proposes and a person confirms."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from alembic import op
from chassis.data.migrations import allow_worker, enable_tenant_isolation, enum_check

revision = "ai_013"
down_revision = "ai_012"
branch_labels = None
depends_on = None

SCHEMA = "ai"
INSTANT = sa.DateTime(timezone=True)
STATUSES = ("pending", "executing", "confirmed", "failed", "declined")

# What was shown is what is executed: it can be forgotten, and nothing else.
KEEP_SHOWN = """
CREATE FUNCTION ai.keep_shown() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF (NEW.arguments IS DISTINCT FROM OLD.arguments AND NEW.arguments IS NOT NULL)
    OR (NEW.summary IS DISTINCT FROM OLD.summary AND NEW.summary IS NOT NULL)
    OR (NEW.organization_id, NEW.user_id, NEW.run_id, NEW.skill, NEW.arguments_sha256, NEW.basis,
        NEW.expires_at)
      IS DISTINCT FROM (OLD.organization_id, OLD.user_id, OLD.run_id, OLD.skill,
        OLD.arguments_sha256, OLD.basis, OLD.expires_at)
  THEN
    RAISE EXCEPTION 'a proposal is executed as it was shown'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'proposal_shown';
  END IF;
  RETURN NEW;
END
$$
"""


def upgrade() -> None:
    """Proposals, and whose data they may hold."""
    _create_tables()
    enable_tenant_isolation(op, SCHEMA, "proposals")
    enable_tenant_isolation(op, SCHEMA, "proposal_clients", verbs=("SELECT", "INSERT", "DELETE"))
    allow_worker(op, SCHEMA, "proposals", ("SELECT", "UPDATE", "DELETE"))
    op.execute(KEEP_SHOWN)
    op.execute(
        "CREATE TRIGGER keep_shown BEFORE UPDATE ON ai.proposals FOR EACH ROW"
        " EXECUTE FUNCTION ai.keep_shown()"
    )
    op.execute(
        "CREATE TRIGGER guard_erased BEFORE INSERT ON ai.proposal_clients FOR EACH ROW"
        " EXECUTE FUNCTION ai.guard_erased('refuse')"
    )


def downgrade() -> None:
    """Nothing was proposed."""
    op.drop_table("proposal_clients", schema=SCHEMA)
    op.drop_table("proposals", schema=SCHEMA)
    op.execute("DROP FUNCTION ai.keep_shown()")


def _create_tables() -> None:
    op.create_table(
        "proposals",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid()),
        sa.Column("message_id", sa.Uuid()),
        sa.Column("skill", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text()),
        sa.Column("caution", sa.Text()),
        sa.Column("arguments", JSONB()),
        sa.Column("arguments_sha256", sa.Text(), nullable=False),
        sa.Column("basis", JSONB(), nullable=False, server_default="{}"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("leased_until", INSTANT),
        sa.Column("started_at", INSTANT),
        sa.Column("settled_at", INSTANT),
        sa.Column("pinned_version", sa.Integer()),
        sa.Column("result", JSONB()),
        sa.Column("error_code", sa.Text()),
        sa.Column("error_message", sa.Text()),
        enum_check("status", STATUSES),
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "run_id", "arguments_sha256"),
        sa.Index(None, "organization_id", "user_id", "created_at", "id"),
        sa.Index(
            "ix_proposals_conversation_id",
            "organization_id",
            "conversation_id",
            postgresql_where=sa.text("conversation_id IS NOT NULL"),
        ),
        sa.Index("ix_proposals_created_at", "created_at"),
        schema=SCHEMA,
    )
    op.create_table(
        "proposal_clients",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("proposal_id", sa.Uuid(), primary_key=True),
        sa.Column("client_id", sa.Uuid(), primary_key=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "proposal_id"],
            ["ai.proposals.organization_id", "ai.proposals.id"],
            ondelete="CASCADE",
        ),
        sa.Index("ix_proposal_clients_client_id", "organization_id", "client_id"),
        schema=SCHEMA,
    )
