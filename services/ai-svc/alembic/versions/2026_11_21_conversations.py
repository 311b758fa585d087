"""Conversations with the assistant: messages, whose data they hold, and what people say of them."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

from alembic import op
from chassis.data.migrations import Verb, enable_tenant_isolation, enum_check

revision = "ai_014"
down_revision = "ai_013"
branch_labels = None
depends_on = None

SCHEMA = "ai"
INSTANT = sa.DateTime(timezone=True)

# In the order of their foreign keys.
TABLES: dict[str, tuple[Verb, ...]] = {
    "conversations": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "conversation_messages": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "message_clients": ("SELECT", "INSERT", "DELETE"),
    "message_documents": ("SELECT", "INSERT", "DELETE"),
    "message_feedback": ("SELECT", "INSERT", "UPDATE", "DELETE"),
}

# `@@` never uses an index under row-level security. This looks into it as the tables' owner, for
# the transaction's tenant only, and returns ids; what they stand for is read under row-level
# security. Each term begins with its organization: GIN has no second column for it. Newest first:
# ids grow with time.
CANDIDATES = """
CREATE FUNCTION ai.candidate_messages(wanted tsquery, reader uuid, most integer)
RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 200
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
  SELECT m.id FROM ai.conversation_messages m
  JOIN ai.conversations c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
  WHERE m.organization_id = nullif(current_setting('app.organization_id', true), '')::uuid
    AND m.terms @@ wanted AND (c.owner_id = reader OR c.visibility = 'organization')
  ORDER BY m.id DESC LIMIT most
$$
"""
# Definers' rights: who deletes a document need not see who asked about it. The words go, that there
# was an answer stays.
FORGET_WORDS = """
CREATE FUNCTION ai.forget_message() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  UPDATE ai.conversation_messages
  SET content = NULL, answer = NULL, terms = NULL, updated_at = clock_timestamp()
  WHERE organization_id = OLD.organization_id AND id = OLD.message_id AND role = 'assistant';
  RETURN NULL;
END
$$
"""
# Across organizations, for every replica: whose process is gone, ends. Once: the row is changed.
END_DEAD_RUNS = """
CREATE FUNCTION ai.end_dead_runs(cause text, said text)
RETURNS TABLE (organization_id uuid, message_id uuid, run_id uuid)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  UPDATE ai.conversation_messages m
  SET status = 'failed', error_code = cause, error_message = said, finished_at = clock_timestamp(),
    run_expires_at = NULL, updated_at = clock_timestamp()
  WHERE m.id IN (
    SELECT d.id FROM ai.conversation_messages d
    WHERE d.status = 'running' AND d.run_expires_at < clock_timestamp()
    FOR UPDATE SKIP LOCKED LIMIT 100
  )
  RETURNING m.organization_id, m.id, m.run_id
$$
"""
PRUNE = """
CREATE FUNCTION ai.prune_conversations(forget_before timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  gone bigint;
BEGIN
  DELETE FROM ai.conversations WHERE active_at < forget_before;
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END
$$
"""
FOR_APP = "ai.candidate_messages(tsquery, uuid, integer)"
FOR_WORKER = ("ai.end_dead_runs(text, text)", "ai.prune_conversations(timestamptz)")
GUARDED = {
    "conversations": ("INSERT OR UPDATE OF client_id", " WHEN (NEW.client_id IS NOT NULL)"),
    "message_clients": ("INSERT", ""),
}


def upgrade() -> None:
    """New tables, and triggers that keep the erased away and forget with the documents."""
    _create_conversations()
    _create_messages()
    _create_links()
    _create_feedback()
    for table, verbs in TABLES.items():
        enable_tenant_isolation(op, SCHEMA, table, verbs=verbs)
        op.execute(
            f"CREATE POLICY keeper ON ai.{table} TO cogep_owner USING (true) WITH CHECK (true)"
        )
    for function in (CANDIDATES, FORGET_WORDS, END_DEAD_RUNS, PRUNE):
        op.execute(function)
    roles = {FOR_APP: "cogep_app", **dict.fromkeys(FOR_WORKER, "cogep_worker")}
    for function, role in roles.items():
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {role}")
    for table, (when, condition) in GUARDED.items():
        op.execute(
            f"CREATE TRIGGER guard_erased BEFORE {when} ON ai.{table} FOR EACH ROW{condition}"
            " EXECUTE FUNCTION ai.guard_erased('refuse')"
        )
    op.execute(
        "CREATE TRIGGER forget_message AFTER DELETE ON ai.message_documents FOR EACH ROW"
        " EXECUTE FUNCTION ai.forget_message()"
    )


def downgrade() -> None:
    """Forgets every conversation."""
    for function in (FOR_APP, *FOR_WORKER):
        op.execute(f"DROP FUNCTION {function}")
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)
    op.execute("DROP FUNCTION ai.forget_message()")


def _row() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", INSTANT, nullable=False, server_default=sa.func.now()),
    ]


def _of(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column],
        [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"],
        ondelete="CASCADE",
    )


def _create_conversations() -> None:
    op.create_table(
        "conversations",
        *_row(),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text()),
        sa.Column("visibility", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Uuid()),
        sa.Column("ticket_id", sa.Uuid()),
        sa.Column("message_count", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("active_at", INSTANT, nullable=False),
        sa.UniqueConstraint("organization_id", "id"),
        enum_check("visibility", ("private", "organization")),
        sa.Index(None, "organization_id", "owner_id", "active_at", "id"),
        sa.Index(
            "ix_conversations_shared",
            "organization_id",
            "active_at",
            "id",
            postgresql_where=sa.text("visibility = 'organization'"),
        ),
        sa.Index(
            "ix_conversations_client",
            "organization_id",
            "client_id",
            postgresql_where=sa.text("client_id IS NOT NULL"),
        ),
        sa.Index("ix_conversations_active_at", "active_at"),
        schema=SCHEMA,
    )


def _create_messages() -> None:
    op.create_table(
        "conversation_messages",
        *_row(),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("content", sa.Text()),
        sa.Column("answer", JSONB()),
        sa.Column("in_reply_to", sa.Uuid()),
        sa.Column("ticket_id", sa.Uuid()),
        sa.Column("agent", sa.Text()),
        sa.Column("model", sa.Text()),
        sa.Column("prompt_version", sa.Text()),
        sa.Column("input_tokens", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("output_tokens", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("cost_micros", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("currency", sa.Text()),
        sa.Column("run_id", sa.Uuid()),
        sa.Column("run_expires_at", INSTANT),
        sa.Column("stop_requested_at", INSTANT),
        sa.Column("finished_at", INSTANT),
        sa.Column("error_code", sa.Text()),
        sa.Column("error_message", sa.Text()),
        sa.Column("event_count", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("request_key", sa.Text()),
        sa.Column("request_fingerprint", sa.Text()),
        sa.Column("terms", TSVECTOR()),
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "conversation_id", "position"),
        _of("conversations", "conversation_id"),
        _of("conversation_messages", "in_reply_to"),
        enum_check("role", ("user", "assistant")),
        enum_check("status", ("running", "done", "stopped", "failed")),
        *_message_indexes(),
        schema=SCHEMA,
    )


def _message_indexes() -> list[sa.Index]:
    running = sa.text("status = 'running'")
    return [
        sa.Index("ix_conversation_messages_in_reply_to", "organization_id", "in_reply_to"),
        sa.Index(
            "uq_conversation_messages_running",
            "organization_id",
            "conversation_id",
            unique=True,
            postgresql_where=running,
        ),
        sa.Index(
            "uq_conversation_messages_request_key",
            "organization_id",
            "author_id",
            "request_key",
            unique=True,
            postgresql_where=sa.text("request_key IS NOT NULL"),
        ),
        sa.Index("ix_conversation_messages_lease", "run_expires_at", postgresql_where=running),
        sa.Index("ix_conversation_messages_terms", "terms", postgresql_using="gin"),
    ]


def _create_links() -> None:
    op.create_table(
        "message_clients",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("message_id", sa.Uuid(), primary_key=True),
        sa.Column("client_id", sa.Uuid(), primary_key=True),
        _of("conversation_messages", "message_id"),
        sa.Index(None, "organization_id", "client_id"),
        schema=SCHEMA,
    )
    op.create_table(
        "message_documents",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("message_id", sa.Uuid(), primary_key=True),
        sa.Column("document_id", sa.Uuid(), primary_key=True),
        _of("conversation_messages", "message_id"),
        _of("documents", "document_id"),
        sa.Index(None, "organization_id", "document_id"),
        schema=SCHEMA,
    )


def _create_feedback() -> None:
    op.create_table(
        "message_feedback",
        *_row(),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("rating", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("comment", sa.Text()),
        sa.Column("correction", sa.Text()),
        sa.UniqueConstraint("organization_id", "message_id", "user_id"),
        _of("conversation_messages", "message_id"),
        enum_check("rating", ("up", "down")),
        enum_check(
            "reason",
            (
                "correct",
                "wrong",
                "incomplete",
                "outdated",
                "off_topic",
                "badly_written",
                "inappropriate",
                "other",
            ),
        ),
        schema=SCHEMA,
    )
