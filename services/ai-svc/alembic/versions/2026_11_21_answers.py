"""Recorded and cached answers, feedback, and the log of changes that ends a cached answer.

An answer is cached with the snapshot of its search. It is given again only while no transaction in
`knowledge_changes` is invisible to that snapshot: exact, without a row that every writer waits for.
"""

import sqlalchemy as sa

from alembic import op
from chassis.data.migrations import Verb, all_rows, enable_tenant_isolation, enum_check

revision = "ai_005"
down_revision = "ai_004"
branch_labels = None
depends_on = None

SCHEMA = "ai"
INSTANT = sa.DateTime(timezone=True)

# In the order of their foreign keys. Only triggers write changes.
TABLES: dict[str, tuple[Verb, ...]] = {
    "answers": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "answer_sources": ("SELECT", "INSERT", "DELETE"),
    "answer_feedback": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "cached_answers": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "knowledge_changes": ("SELECT",),
}

# What of a document decides whether it is found, by whom, and what it is called.
FOUND_BY = (
    "current_version",
    "title",
    "tags",
    "source_type",
    "created_at",
    "visibility",
    "allowed_roles",
    "allowed_team_ids",
    "client_id",
    "purpose_code",
    "legal_basis",
    "submitted_by",
)

# Definers' rights: who writes documents need not, and may not, write this log.
NOTE_ROW = """
CREATE FUNCTION ai.note_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  INSERT INTO ai.knowledge_changes (organization_id, transaction_id)
  VALUES (coalesce(NEW.organization_id, OLD.organization_id), pg_current_xact_id()::text::bigint)
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END
$$
"""
NOTE_ROWS = """
CREATE FUNCTION ai.note_changes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  INSERT INTO ai.knowledge_changes (organization_id, transaction_id)
  SELECT DISTINCT organization_id, pg_current_xact_id()::text::bigint FROM changed
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END
$$
"""
FORGET_WORDS = """
CREATE FUNCTION ai.forget_answer() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  DELETE FROM ai.cached_answers
  WHERE organization_id = OLD.organization_id AND answer_id = OLD.answer_id;
  UPDATE ai.answers SET answer = NULL, updated_at = clock_timestamp()
  WHERE organization_id = OLD.organization_id AND id = OLD.answer_id AND answer IS NOT NULL;
  RETURN NULL;
END
$$
"""
# Across organizations, for the worker's upkeep, which sees none of the rows.
PRUNE = """
CREATE FUNCTION ai.prune_answers(forget_before timestamptz, stale_before timestamptz,
  settled_before timestamptz, OUT answers bigint, OUT cached bigint, OUT changes bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  DELETE FROM ai.answers WHERE created_at < forget_before;
  GET DIAGNOSTICS answers = ROW_COUNT;
  DELETE FROM ai.cached_answers e
  WHERE e.created_at < stale_before OR e.cluster <> (SELECT system_identifier FROM pg_control_system())
    OR EXISTS (
      SELECT FROM ai.knowledge_changes c WHERE c.organization_id = e.organization_id
        AND c.transaction_id >= pg_snapshot_xmin(e.snapshot::pg_snapshot)::text::bigint
        AND NOT pg_visible_in_snapshot(c.transaction_id::text::xid8, e.snapshot::pg_snapshot));
  GET DIAGNOSTICS cached = ROW_COUNT;
  -- A snapshot's xmin and what is older: visible to it.
  DELETE FROM ai.knowledge_changes c
  WHERE c.changed_at < settled_before AND NOT EXISTS (
    SELECT FROM (
      SELECT e.organization_id, min(pg_snapshot_xmin(e.snapshot::pg_snapshot)::text::bigint) AS xmin
      FROM ai.cached_answers e GROUP BY e.organization_id
    ) oldest
    WHERE oldest.organization_id = c.organization_id AND oldest.xmin <= c.transaction_id);
  GET DIAGNOSTICS changes = ROW_COUNT;
END
$$
"""
PRUNE_SIGNATURE = "ai.prune_answers(timestamptz, timestamptz, timestamptz)"
OWNERS = ("answers", "answer_sources", "answer_feedback", "cached_answers", "knowledge_changes")


def upgrade() -> None:
    """New tables; triggers on what answers depend on; documents that people wrote as answers."""
    _create_answers()
    _create_sources()
    _create_feedback()
    _create_cache()
    for table, verbs in TABLES.items():
        enable_tenant_isolation(op, SCHEMA, table, verbs=verbs)
    for table in OWNERS:
        op.execute(
            f"CREATE POLICY keeper ON ai.{table} TO cogep_owner USING (true) WITH CHECK (true)"
        )
    for function in (NOTE_ROW, NOTE_ROWS, FORGET_WORDS, PRUNE):
        op.execute(function)
    op.execute(f"REVOKE ALL ON FUNCTION {PRUNE_SIGNATURE} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {PRUNE_SIGNATURE} TO cogep_worker")
    _create_triggers()
    _check_source_types("file", "text", "url", "curated")


def downgrade() -> None:
    """Forgets every answer that was recorded."""
    _drop_triggers()
    for function in (PRUNE_SIGNATURE, "ai.note_change()", "ai.note_changes()"):
        op.execute(f"DROP FUNCTION {function}")
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)
    op.execute("DROP FUNCTION ai.forget_answer()")
    with all_rows(op, SCHEMA, "documents", "document_versions"):
        for table in ("documents", "document_versions"):
            op.execute(f"UPDATE ai.{table} SET source_type = 'text' WHERE source_type = 'curated'")
    _check_source_types("file", "text", "url")


def _check_source_types(*types: str) -> None:
    allowed = ", ".join(f"'{each}'" for each in types)
    for table in ("documents", "document_versions"):
        name = f"ck_{table}_source_type"
        op.execute(f"ALTER TABLE ai.{table} DROP CONSTRAINT {name}")
        op.execute(
            f"ALTER TABLE ai.{table} ADD CONSTRAINT {name} CHECK (source_type IN ({allowed}))"
            " NOT VALID"
        )
    with op.get_context().autocommit_block():
        for table in ("documents", "document_versions"):
            op.execute(f"ALTER TABLE ai.{table} VALIDATE CONSTRAINT ck_{table}_source_type")


def _row() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", INSTANT, nullable=False, server_default=sa.func.now()),
    ]


def _of(table: str, column: str, ondelete: str = "CASCADE") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column],
        [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"],
        ondelete=ondelete,
    )


def _create_answers() -> None:
    op.create_table(
        "answers",
        *_row(),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Uuid()),
        sa.Column("answer", sa.Text()),
        sa.Column("abstained", sa.Boolean(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.Text()),
        sa.Column("tokens_used", sa.Integer(), nullable=False),
        sa.Column("cached", sa.Boolean(), nullable=False),
        sa.Column("curated_document_id", sa.Uuid()),
        sa.Column("resolved_at", INSTANT),
        sa.UniqueConstraint("organization_id", "id"),
        _of("documents", "curated_document_id", "SET NULL (curated_document_id)"),
        sa.Index(None, "organization_id", "created_at", "id"),
        sa.Index(
            "ix_answers_unanswered",
            "organization_id",
            "created_at",
            postgresql_where=sa.text("abstained AND resolved_at IS NULL"),
        ),
        sa.Index(
            "ix_answers_curated",
            "organization_id",
            "curated_document_id",
            postgresql_where=sa.text("curated_document_id IS NOT NULL"),
        ),
        sa.Index(
            "ix_answers_client",
            "organization_id",
            "client_id",
            postgresql_where=sa.text("client_id IS NOT NULL"),
        ),
        schema=SCHEMA,
    )


def _create_sources() -> None:
    op.create_table(
        "answer_sources",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("answer_id", sa.Uuid(), primary_key=True),
        sa.Column("position", sa.SmallInteger(), primary_key=True),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("version_number", sa.Integer(), nullable=False),
        sa.Column("chunk_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("page", sa.Integer()),
        sa.Column("heading", sa.Text()),
        sa.Column("char_start", sa.Integer(), nullable=False),
        sa.Column("char_end", sa.Integer(), nullable=False),
        sa.Column("similarity", sa.Float(), nullable=False),
        _of("answers", "answer_id"),
        _of("documents", "document_id"),
        sa.Index(None, "organization_id", "document_id"),
        schema=SCHEMA,
    )


def _create_feedback() -> None:
    op.create_table(
        "answer_feedback",
        *_row(),
        sa.Column("answer_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("rating", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text()),
        sa.Column("corrected_answer", sa.Text()),
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "answer_id", "user_id"),
        _of("answers", "answer_id"),
        enum_check("rating", ("up", "down")),
        schema=SCHEMA,
    )


def _create_cache() -> None:
    op.create_table(
        "cached_answers",
        *_row(),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("question_key", sa.Text(), nullable=False),
        sa.Column("answer_id", sa.Uuid(), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("cluster", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("organization_id", "scope", "question_key"),
        _of("answers", "answer_id"),
        sa.Index(None, "organization_id", "answer_id"),
        schema=SCHEMA,
    )
    op.create_table(
        "knowledge_changes",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("transaction_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column(
            "changed_at", INSTANT, nullable=False, server_default=sa.text("clock_timestamp()")
        ),
        schema=SCHEMA,
    )


def _create_triggers() -> None:
    differs = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in FOUND_BY)
    # A document that was submitted is not found before its chunks are there.
    op.execute(
        f"CREATE TRIGGER note_change AFTER UPDATE ON ai.documents FOR EACH ROW WHEN ({differs})"
        " EXECUTE FUNCTION ai.note_change()"
    )
    op.execute(
        "CREATE TRIGGER note_deletion AFTER DELETE ON ai.documents FOR EACH ROW"
        " EXECUTE FUNCTION ai.note_change()"
    )
    op.execute(
        "CREATE TRIGGER note_beginning AFTER INSERT ON ai.lexical_statistics FOR EACH ROW"
        " WHEN (NEW.generation > 0) EXECUTE FUNCTION ai.note_change()"
    )
    op.execute(
        "CREATE TRIGGER note_change AFTER UPDATE OF generation ON ai.lexical_statistics"
        " FOR EACH ROW WHEN (OLD.generation IS DISTINCT FROM NEW.generation)"
        " EXECUTE FUNCTION ai.note_change()"
    )
    for table in ("chunks", "team_members", "client_consents", "client_merges"):
        for verb, rows in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
            op.execute(
                f"CREATE TRIGGER note_{verb.lower()} AFTER {verb} ON ai.{table}"
                f" REFERENCING {rows} TABLE AS changed FOR EACH STATEMENT"
                " EXECUTE FUNCTION ai.note_changes()"
            )
    op.execute(
        "CREATE TRIGGER forget_answer AFTER DELETE ON ai.answer_sources FOR EACH ROW"
        " EXECUTE FUNCTION ai.forget_answer()"
    )


def _drop_triggers() -> None:
    op.execute("DROP TRIGGER note_change ON ai.documents")
    op.execute("DROP TRIGGER note_deletion ON ai.documents")
    op.execute("DROP TRIGGER note_beginning ON ai.lexical_statistics")
    op.execute("DROP TRIGGER note_change ON ai.lexical_statistics")
    for table in ("chunks", "team_members", "client_consents", "client_merges"):
        for verb in ("insert", "update", "delete"):
            op.execute(f"DROP TRIGGER note_{verb} ON ai.{table}")
