"""What erasing a person needs: jobs, what is left to delete, and that nothing of them comes back.

Also the twin of a submission that is not searched yet.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from alembic import op
from chassis.data.migrations import Verb, allow_worker, enable_tenant_isolation, enum_check

revision = "ai_009"
down_revision = "ai_008"
branch_labels = None
depends_on = None

SCHEMA = "ai"
INSTANT = sa.DateTime(timezone=True)
JOB_STATES = ("pending", "processing", "succeeded", "failed", "cancelled")

# In the order of their foreign keys.
TABLES: dict[str, tuple[Verb, ...]] = {
    "client_absences": ("SELECT", "INSERT", "UPDATE"),
    "erasures": ("SELECT", "INSERT", "UPDATE"),
    "erasure_objects": ("SELECT", "INSERT", "DELETE"),
}

CLIENT_LOCK = """
CREATE FUNCTION ai.client_lock(of_organization uuid, of_client uuid) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT uuid_hash_extended(of_client, uuid_hash_extended(of_organization, 5))
$$
"""
# Whoever writes something about a client holds the client's lock shared until the commit; who marks
# a client as erased holds it alone. So what is written was either there when erasing began, or
# comes here after the mark is committed, which the second query sees: it has a snapshot of its own.
# Not for what is told in thousands and holds ids only ("skip"): locks are many there, harm is none.
GUARD = """
CREATE FUNCTION ai.guard_erased() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  who uuid[];
BEGIN
  IF TG_TABLE_NAME = 'uploads' THEN
    who := ARRAY[(NEW.fields->>'client_id')::uuid];
  ELSIF TG_TABLE_NAME = 'client_merges' THEN
    who := ARRAY[NEW.merged_id, NEW.survivor_id];
  ELSE
    who := ARRAY[NEW.client_id];
  END IF;
  IF TG_ARGV[0] <> 'skip' THEN
    PERFORM pg_advisory_xact_lock_shared(ai.client_lock(NEW.organization_id, who[1]));
  END IF;
  IF NOT EXISTS (
    SELECT FROM ai.client_absences a
    WHERE a.organization_id = NEW.organization_id AND a.client_id = ANY (who)
      AND a.erased_at IS NOT NULL
  ) THEN
    RETURN NEW;
  END IF;
  IF TG_ARGV[0] = 'skip' THEN
    RETURN NULL;
  ELSIF TG_ARGV[0] = 'blank' THEN
    NEW.name := NULL;
    NEW.client_id := NULL;
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'the client was erased'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'erased_client';
END
$$
"""
# Table → when, and what is done with a row about somebody who was erased.
GUARDED = {
    "documents": ("INSERT OR UPDATE OF client_id", "NEW.client_id IS NOT NULL", "refuse"),
    "answers": ("INSERT", "NEW.client_id IS NOT NULL", "refuse"),
    "uploads": ("INSERT", "NEW.fields->>'client_id' IS NOT NULL", "refuse"),
    "batch_items": ("INSERT", "NEW.client_id IS NOT NULL", "blank"),
    "triages": ("INSERT", None, "skip"),
    "client_consents": ("INSERT", None, "skip"),
    "client_merges": ("INSERT", None, "skip"),
}
# The digest stands in for the address of an item whose document was erased. Two rounds, as in
# RFC 2104: what is keyed by a prefix alone can be extended.
ERASED_ADDRESS = """
CREATE FUNCTION ai.erased_address(key bytea, address text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT 'erased:' || encode(sha256(key || sha256(key || convert_to(address, 'UTF8'))), 'hex')
$$
"""
# A run that began before does not write down again what it saw. It holds the source's lock shared,
# who erases holds it alone: see GUARD.
GUARD_ITEM = """
CREATE FUNCTION ai.guard_erased_item() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  key bytea;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(ai.client_lock(NEW.organization_id, NEW.source_id));
  SELECT s.erased_key INTO key FROM ai.sources s
  WHERE s.organization_id = NEW.organization_id AND s.id = NEW.source_id;
  IF key IS NOT NULL AND EXISTS (
    SELECT FROM ai.source_items i
    WHERE i.organization_id = NEW.organization_id AND i.source_id = NEW.source_id
      AND i.address = ai.erased_address(key, NEW.address)
  ) THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END
$$
"""
# Two that submit the same come one after the other, and the second sees what the first has
# committed: a query within a volatile function has a snapshot of its own. Only what the sender may
# read for certain: what everybody reads, or what they have sent.
TWIN = """
CREATE FUNCTION ai.twin_on_its_way(of_organization uuid, digest text, cut text, seen_by text,
  roles text[], teams uuid[], sender uuid) RETURNS uuid
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(
    hashtextextended(digest || cut || seen_by, uuid_hash_extended(of_organization, 6)));
  RETURN (
    SELECT d.id FROM ai.document_versions v
    JOIN ai.documents d ON d.organization_id = v.organization_id AND d.id = v.document_id
      AND d.latest_version = v.number
    WHERE v.organization_id = of_organization AND v.content_sha256 = digest AND v.chunking = cut
      AND d.status NOT IN ('failed', 'cancelled') AND d.visibility = seen_by
      AND d.allowed_roles = roles AND d.allowed_team_ids = teams
      AND (seen_by = 'organization' OR d.submitted_by = sender)
    ORDER BY d.id LIMIT 1
  );
END
$$
"""
FUNCTIONS = {
    "ai.client_lock(uuid, uuid)": CLIENT_LOCK,
    "ai.erased_address(bytea, text)": ERASED_ADDRESS,
    "ai.guard_erased()": GUARD,
    "ai.guard_erased_item()": GUARD_ITEM,
    "ai.twin_on_its_way(uuid, text, text, text, text[], uuid[], uuid)": TWIN,
}


def upgrade() -> None:
    """New tables, two columns, and triggers that keep the erased away."""
    _create_absences()
    _create_erasures()
    for table, verbs in TABLES.items():
        enable_tenant_isolation(op, SCHEMA, table, verbs=verbs)
    allow_worker(op, SCHEMA, "erasures", ("SELECT", "UPDATE"))
    op.execute("ALTER TABLE ai.sources ADD COLUMN erased_key bytea")
    op.execute("ALTER TABLE ai.batch_items ADD COLUMN client_id uuid")
    for definition in FUNCTIONS.values():
        op.execute(definition)
    _create_triggers()
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_batch_items_client_id",
            "batch_items",
            ["organization_id", "client_id"],
            schema=SCHEMA,
            postgresql_concurrently=True,
            if_not_exists=True,
            postgresql_where=sa.text("client_id IS NOT NULL"),
        )
        op.create_index(
            "ix_triages_client_id",
            "triages",
            ["organization_id", "client_id"],
            schema=SCHEMA,
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade() -> None:
    """Forgets who was erased: nothing keeps them away any more."""
    op.drop_index("ix_triages_client_id", "triages", schema=SCHEMA)
    op.drop_index("ix_batch_items_client_id", "batch_items", schema=SCHEMA)
    op.execute("DROP TRIGGER guard_erased_item ON ai.source_items")
    for table in GUARDED:
        op.execute(f"DROP TRIGGER guard_erased ON ai.{table}")
    for name in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {name}")
    op.drop_column("batch_items", "client_id", schema=SCHEMA)
    op.drop_column("sources", "erased_key", schema=SCHEMA)
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)


def _create_triggers() -> None:
    for table, (when, condition, what) in GUARDED.items():
        only = f" WHEN ({condition})" if condition else ""
        op.execute(
            f"CREATE TRIGGER guard_erased BEFORE {when} ON ai.{table} FOR EACH ROW{only}"
            f" EXECUTE FUNCTION ai.guard_erased('{what}')"
        )
    op.execute(
        "CREATE TRIGGER guard_erased_item BEFORE INSERT ON ai.source_items FOR EACH ROW"
        " EXECUTE FUNCTION ai.guard_erased_item()"
    )
    # Answers that were kept depend on who may be read about.
    for verb in ("INSERT", "UPDATE"):
        op.execute(
            f"CREATE TRIGGER note_{verb.lower()} AFTER {verb} ON ai.client_absences"
            " REFERENCING NEW TABLE AS changed FOR EACH STATEMENT"
            " EXECUTE FUNCTION ai.note_changes()"
        )


def _create_absences() -> None:
    op.create_table(
        "client_absences",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("client_id", sa.Uuid(), primary_key=True),
        sa.Column("is_deleted", sa.Boolean(), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("erased_at", INSTANT),
        schema=SCHEMA,
    )


def _create_erasures() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, server_default="pending"),
        sa.Column("priority", sa.SmallInteger(), nullable=False, server_default="100"),
        sa.Column("attempts", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("max_attempts", sa.SmallInteger(), nullable=False, server_default="5"),
        sa.Column("run_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("lease_token", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("leased_by", sa.Text()),
        sa.Column("lease_expires_at", INSTANT),
        sa.Column("stage", sa.Text()),
        sa.Column("percent", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("error_code", sa.Text()),
        sa.Column("error_message", sa.Text()),
        sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("finished_at", INSTANT),
        sa.Column("privacy_request_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("client_ids", ARRAY(sa.Uuid()), nullable=False),
        sa.Column("erased", JSONB(), nullable=False, server_default="{}"),
        sa.Column("words_left", sa.Boolean(), nullable=False, server_default="false"),
        sa.Column("correlation_id", sa.Text(), nullable=False),
        sa.Column("traceparent", sa.Text()),
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "privacy_request_id"),
        enum_check("state", JOB_STATES),
        sa.Index(
            None,
            "organization_id",
            "priority",
            "run_at",
            "id",
            postgresql_where=sa.text("state = 'pending'"),
        ),
        sa.Index(
            None,
            "organization_id",
            "lease_expires_at",
            postgresql_where=sa.text("state = 'processing'"),
        ),
        sa.Index(None, "finished_at", postgresql_where=sa.text("finished_at IS NOT NULL")),
        schema=SCHEMA,
    )
    op.create_table(
        "erasure_objects",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("prefix", sa.Text(), primary_key=True),
        sa.Column("erasure_id", sa.Uuid(), nullable=False),
        sa.Column("not_before", INSTANT),
        sa.ForeignKeyConstraint(
            ["organization_id", "erasure_id"],
            [f"{SCHEMA}.erasures.organization_id", f"{SCHEMA}.erasures.id"],
            ondelete="CASCADE",
        ),
        sa.Index("ix_erasure_objects_erasure_id", "organization_id", "erasure_id"),
        schema=SCHEMA,
    )
