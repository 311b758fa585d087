"""Which organizations there are and whose vectors are of which model: for re-embedding and health."""

from alembic import op

revision = "ai_007"
down_revision = "ai_006"
branch_labels = None
depends_on = None

# Row-level security shows one tenant at a time, and whoever sees to all of them has to know which
# there are. Ids and model names only; what belongs to them is read under RLS, tenant by tenant.
ORGANIZATIONS = """
CREATE FUNCTION ai.knowledge_organizations()
RETURNS TABLE (organization_id uuid, first_model text, last_model text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  WITH RECURSIVE tenant(id) AS (
    (SELECT d.organization_id FROM ai.documents d ORDER BY d.organization_id LIMIT 1)
    UNION ALL
    SELECT (
      SELECT d.organization_id FROM ai.documents d WHERE d.organization_id > t.id
      ORDER BY d.organization_id LIMIT 1
    ) FROM tenant t WHERE t.id IS NOT NULL
  )
  SELECT t.id, first.embedding_model, last.embedding_model
  FROM tenant t
  LEFT JOIN LATERAL (
    SELECT c.embedding_model FROM ai.chunks c WHERE c.organization_id = t.id
    ORDER BY c.embedding_model LIMIT 1
  ) first ON true
  LEFT JOIN LATERAL (
    SELECT c.embedding_model FROM ai.chunks c WHERE c.organization_id = t.id
    ORDER BY c.embedding_model DESC LIMIT 1
  ) last ON true
  WHERE t.id IS NOT NULL
$$
"""


def upgrade() -> None:
    """The first and last model of an organization are one look into an index each."""
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_chunks_organization_id_embedding_model",
            "chunks",
            ["organization_id", "embedding_model"],
            schema="ai",
            postgresql_concurrently=True,
            if_not_exists=True,
        )
    op.execute("CREATE POLICY enumeration ON ai.documents FOR SELECT TO cogep_owner USING (true)")
    op.execute(ORGANIZATIONS)
    op.execute("REVOKE ALL ON FUNCTION ai.knowledge_organizations() FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION ai.knowledge_organizations() TO cogep_worker")


def downgrade() -> None:
    """Vectors keep the names of their models."""
    op.execute("DROP FUNCTION ai.knowledge_organizations()")
    op.execute("DROP POLICY enumeration ON ai.documents")
    op.drop_index("ix_chunks_organization_id_embedding_model", "chunks", schema="ai")
