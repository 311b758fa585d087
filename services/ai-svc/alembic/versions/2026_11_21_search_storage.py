"""How what a search reads is stored, and candidates scored where they are found.

Rows that are there keep their form until they are written again, and are found all the same.
"""

from alembic import op

revision = "ai_008"
down_revision = "ai_007"
branch_labels = None
depends_on = None

# A quote is cut out of a megabyte without unpacking it; and packing five kilobytes costs as much
# time as all else that submitting them does.
# The vector of words stays in the row, which its embedding leaves first: scoring a candidate reads
# one page and not three.
# Both legs run side by side, and searches beside searches: parallel workers would take the cores
# from them.
STORAGE = (
    "ALTER TABLE ai.document_versions ALTER COLUMN content SET STORAGE {content}",
    "ALTER TABLE ai.chunks ALTER COLUMN lexv SET STORAGE {lexv}",
)
SCORED = """
CREATE FUNCTION ai.scored_chunks(wanted text[], question public.sparsevec)
RETURNS TABLE (chunk_id uuid, document_id uuid, lexical double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.organization_id', true), '')::uuid;
  any_of bigint[] := ai.stem_keys(tenant, wanted);
BEGIN
  RETURN QUERY SELECT c.id, c.document_id, -(c.lexv <#> question) FROM ai.chunks c
    WHERE c.organization_id = tenant AND c.enabled
      AND ai.stem_keys(c.organization_id, tsvector_to_array(c.terms)) && any_of;
END
$$
"""
SIGNATURE = "ai.scored_chunks(text[], public.sparsevec)"


def upgrade() -> None:
    """Changes of the catalogue only. The function is like `ai.candidate_chunks` (ai_004)."""
    for change in STORAGE:
        op.execute(change.format(content="EXTERNAL", lexv="MAIN"))
    op.execute("ALTER TABLE ai.chunks SET (toast_tuple_target = 4080)")
    op.execute("ALTER TABLE ai.chunk_signatures SET (parallel_workers = 0)")
    op.execute(SCORED)
    op.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO cogep_app")


def downgrade() -> None:
    """As it was, for what is written from now on."""
    op.execute(f"DROP FUNCTION {SIGNATURE}")
    op.execute("ALTER TABLE ai.chunk_signatures RESET (parallel_workers)")
    op.execute("ALTER TABLE ai.chunks RESET (toast_tuple_target)")
    for change in STORAGE:
        op.execute(change.format(content="EXTENDED", lexv="EXTERNAL"))
