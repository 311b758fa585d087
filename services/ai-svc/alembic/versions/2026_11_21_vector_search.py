"""What search over many chunks needs: stems that are a tenant's own, and signatures of vectors."""

import sqlalchemy as sa
from pgvector.sqlalchemy import BIT

from alembic import op
from chassis.data.migrations import all_rows, enable_tenant_isolation

revision = "ai_004"
down_revision = "ai_003"
branch_labels = None
depends_on = None

# One organization's stems and another's are other keys of the index: however many organizations
# have a word, looking it up touches the rows of one.
STEM_KEYS = """
CREATE FUNCTION ai.stem_keys(organization_id uuid, stems text[]) RETURNS bigint[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce(
    array_agg(hashtextextended(stem, uuid_hash_extended(organization_id, 0))), '{}'
  ) FROM unnest(stems) AS stem
$$
"""
# Row-level security evaluates no operator that is not leakproof before its own condition, and `&&`
# is not: under RLS the GIN index would never be used. These functions look into it as the tables'
# owner, for the transaction's tenant only, and return ids and counts; what the ids stand for, and
# who may read it, is decided under RLS. No LIMIT: what may not be read must push nothing out.
CANDIDATES = """
CREATE FUNCTION ai.candidate_chunks(wanted text[], required text[]) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.organization_id', true), '')::uuid;
  any_of bigint[] := ai.stem_keys(tenant, wanted);
  all_of bigint[] := ai.stem_keys(tenant, required);
BEGIN
  IF cardinality(all_of) = 0 THEN
    RETURN QUERY SELECT id FROM ai.chunks
      WHERE organization_id = tenant
        AND ai.stem_keys(organization_id, tsvector_to_array(terms)) && any_of;
  ELSE
    RETURN QUERY SELECT id FROM ai.chunks
      WHERE organization_id = tenant
        AND ai.stem_keys(organization_id, tsvector_to_array(terms)) && any_of
        AND ai.stem_keys(organization_id, tsvector_to_array(terms)) @> all_of;
  END IF;
END
$$
"""
FREQUENCIES = """
CREATE FUNCTION ai.stem_frequencies(stems text[]) RETURNS TABLE (stem text, frequency integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.organization_id', true), '')::uuid;
  key bigint[];
BEGIN
  FOREACH stem IN ARRAY stems LOOP
    key := ai.stem_keys(tenant, ARRAY[stem]);
    SELECT count(*) INTO frequency FROM (
      SELECT 1 FROM ai.chunks
      WHERE organization_id = tenant
        AND ai.stem_keys(organization_id, tsvector_to_array(terms)) && key
      LIMIT 100
    ) AS met;
    RETURN NEXT;
  END LOOP;
END
$$
"""
FUNCTIONS = {
    "ai.candidate_chunks(text[], text[])": CANDIDATES,
    "ai.stem_frequencies(text[])": FREQUENCIES,
}
# The built-in embedder's vectors do not rank, so they need no signature. Executed by whoever
# writes the chunk, under their row-level security.
SIGN = """
CREATE FUNCTION ai.sign_chunk() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  IF NEW.embedding_model LIKE 'local-%' THEN
    DELETE FROM ai.chunk_signatures
      WHERE organization_id = NEW.organization_id AND chunk_id = NEW.id;
  ELSE
    INSERT INTO ai.chunk_signatures (organization_id, chunk_id, document_id, model, signature)
      VALUES (NEW.organization_id, NEW.id, NEW.document_id, NEW.embedding_model,
              binary_quantize(NEW.embedding)::bit(1536))
      ON CONFLICT (organization_id, chunk_id)
      DO UPDATE SET model = excluded.model, signature = excluded.signature;
  END IF;
  RETURN NULL;
END
$$
"""
TRIGGERS = (
    """CREATE TRIGGER sign_inserted AFTER INSERT ON ai.chunks FOR EACH ROW
    WHEN (NEW.embedding_model NOT LIKE 'local-%') EXECUTE FUNCTION ai.sign_chunk()""",
    """CREATE TRIGGER sign_updated AFTER UPDATE OF embedding, embedding_model ON ai.chunks
    FOR EACH ROW EXECUTE FUNCTION ai.sign_chunk()""",
)
_BATCH = 5_000
# In the order of the primary key, so that a batch begins where the one before ended.
SIGN_SOME = f"""
DO $sign$
DECLARE
  last uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
  LOOP
    WITH batch AS (
      SELECT id, organization_id, document_id, embedding_model, embedding FROM ai.chunks
      WHERE id > last ORDER BY id LIMIT {_BATCH}
    ), signed AS (
      INSERT INTO ai.chunk_signatures (organization_id, chunk_id, document_id, model, signature)
      SELECT organization_id, id, document_id, embedding_model,
             public.binary_quantize(embedding)::bit(1536)
      FROM batch WHERE embedding_model NOT LIKE 'local-%'
      ON CONFLICT DO NOTHING
    )
    SELECT id INTO last FROM batch ORDER BY id DESC LIMIT 1;
    EXIT WHEN last IS NULL;
    COMMIT;
  END LOOP;
END $sign$
"""


def upgrade() -> None:
    """The new index before the old one goes; who reads and writes goes on meanwhile.

    `ai.candidate_chunks(tsquery, integer)` stays for the replicas that are about to be replaced.
    """
    op.execute(STEM_KEYS)
    _create_signatures()
    with op.get_context().autocommit_block():
        op.execute(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_chunks_stem_keys ON ai.chunks"
            " USING gin (ai.stem_keys(organization_id, tsvector_to_array(terms)))"
        )
        op.create_index(
            "ix_chunks_switched_off",
            "chunks",
            ["organization_id", "id"],
            schema="ai",
            postgresql_where=sa.text("NOT enabled"),
            postgresql_concurrently=True,
            if_not_exists=True,
        )
        op.create_index(
            "ix_documents_not_for_all",
            "documents",
            ["organization_id", "id"],
            schema="ai",
            postgresql_where=sa.text("visibility <> 'organization'"),
            postgresql_concurrently=True,
            if_not_exists=True,
        )
        with all_rows(op, "ai", "chunks", "chunk_signatures"):
            op.execute(SIGN_SOME)
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ai.ix_chunks_terms")
    for name, definition in FUNCTIONS.items():
        op.execute(definition)
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO cogep_app")


def downgrade() -> None:
    """Candidates by the tsvector again."""
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}")
    op.execute("DROP TRIGGER sign_inserted ON ai.chunks")
    op.execute("DROP TRIGGER sign_updated ON ai.chunks")
    op.execute("DROP FUNCTION ai.sign_chunk()")
    op.drop_table("chunk_signatures", schema="ai")
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_chunks_terms",
            "chunks",
            ["terms"],
            schema="ai",
            postgresql_using="gin",
            postgresql_concurrently=True,
            if_not_exists=True,
        )
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ai.ix_chunks_stem_keys")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ai.ix_chunks_switched_off")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ai.ix_documents_not_for_all")
    op.execute("DROP FUNCTION ai.stem_keys(uuid, text[])")


def _create_signatures() -> None:
    op.create_table(
        "chunk_signatures",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("chunk_id", sa.Uuid(), primary_key=True),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("signature", BIT(1536), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "chunk_id"],
            ["ai.chunks.organization_id", "ai.chunks.id"],
            ondelete="CASCADE",
        ),
        schema="ai",
    )
    enable_tenant_isolation(op, "ai", "chunk_signatures")
    op.execute(SIGN)
    for trigger in TRIGGERS:
        op.execute(trigger)
