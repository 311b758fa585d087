"""What looks stems up asks the index on stems and no other."""

from alembic import op

revision = "ai_018"
down_revision = "ai_017"
branch_labels = None
depends_on = None

# The keys of the index on stems are a tenant's own (ai_004), so that the tenant's name only bears
# them out. As a condition an index can use, it made the planner read the names of all chunks of a
# tenant that has half of the table, to keep all that the stems had found. `IS TRUE` is none.
CANDIDATES = """
CREATE OR REPLACE FUNCTION ai.candidate_chunks(wanted text[], required text[]) RETURNS SETOF uuid
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
      WHERE {of_tenant}
        AND ai.stem_keys(organization_id, tsvector_to_array(terms)) && any_of;
  ELSE
    RETURN QUERY SELECT id FROM ai.chunks
      WHERE {of_tenant}
        AND ai.stem_keys(organization_id, tsvector_to_array(terms)) && any_of
        AND ai.stem_keys(organization_id, tsvector_to_array(terms)) @> all_of;
  END IF;
END
$$
"""
FREQUENCIES = """
CREATE OR REPLACE FUNCTION ai.stem_frequencies(stems text[])
RETURNS TABLE (stem text, frequency integer)
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
      WHERE {of_tenant}
        AND ai.stem_keys(organization_id, tsvector_to_array(terms)) && key
      LIMIT 100
    ) AS met;
    RETURN NEXT;
  END LOOP;
END
$$
"""
SCORED = """
CREATE OR REPLACE FUNCTION ai.scored_chunks(wanted text[], question public.sparsevec)
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
    WHERE {of_tenant} AND c.enabled
      AND ai.stem_keys(c.organization_id, tsvector_to_array(c.terms)) && any_of;
END
$$
"""
FUNCTIONS = (CANDIDATES, FREQUENCIES, SCORED)


def upgrade() -> None:
    """Owners, grants and what the functions answer stay as they are."""
    for function in FUNCTIONS:
        op.execute(function.format(of_tenant="(organization_id = tenant) IS TRUE"))


def downgrade() -> None:
    """As they were."""
    for function in FUNCTIONS:
        op.execute(function.format(of_tenant="organization_id = tenant"))
