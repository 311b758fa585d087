"""The legal basis as searches ask for it: purposes, blocks and transfers, and what consents rest on.

Nothing of a client is found before core-api has been asked once: what was projected before says
too little, and too little is no basis.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from alembic import op
from chassis.data.migrations import Verb, all_rows, enable_tenant_isolation, enum_check

revision = "ai_010"
down_revision = "ai_009"
branch_labels = None
depends_on = None

SCHEMA = "ai"
INSTANT = sa.DateTime(timezone=True)
VERBS: tuple[Verb, ...] = ("SELECT", "INSERT", "UPDATE", "DELETE")
TABLES = ("purposes", "processing_blocks", "transfers")
LEGAL_BASES = (
    "consent",
    "legal_obligation",
    "public_policy",
    "research",
    "contract",
    "exercise_of_rights_in_proceedings",
    "protection_of_life",
    "health_protection",
    "legitimate_interest",
    "credit_protection",
)

# Whoever was merged with a client, at any remove and in both directions: one person.
CLIENT_KIN = """
CREATE FUNCTION ai.client_kin(of_organization uuid, of_client uuid) RETURNS uuid[]
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN ARRAY(
    WITH RECURSIVE kin(id) AS (
      SELECT of_client
      UNION
      SELECT CASE WHEN m.merged_id = kin.id THEN m.survivor_id ELSE m.merged_id END
      FROM kin JOIN ai.client_merges m
        ON m.organization_id = of_organization AND m.undone_at IS NULL
       AND (m.merged_id = kin.id OR m.survivor_id = kin.id)
    )
    SELECT id FROM kin
  );
END
$$
"""
# core-api's `legal_basis`, over what is known of it here. One function, for whoever reads, files or
# sends: opaque to the planner, so that a search plans nothing more than it did. The caller's
# rights, and the caller's row-level security.
PURPOSES_IN_FORCE = """
CREATE FUNCTION ai.purposes_in_force(of_organization uuid, of_client uuid) RETURNS text[]
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  kin uuid[] := ai.client_kin(of_organization, of_client);
BEGIN
  IF EXISTS (
    SELECT FROM ai.client_absences a
    WHERE a.organization_id = of_organization AND a.client_id = ANY (kin)
      AND (a.is_deleted OR a.erased_at IS NOT NULL)
  ) THEN
    RETURN '{}';
  END IF;
  RETURN ARRAY(
    SELECT p.purpose_code FROM ai.purposes p
    WHERE p.organization_id = of_organization AND NOT p.archived AND p.assistant_may_use
      AND NOT EXISTS (
        SELECT FROM ai.processing_blocks b
        WHERE b.organization_id = of_organization AND b.client_id = ANY (kin)
          AND b.lifted_at IS NULL
          AND (b.purpose_code IS NULL OR b.purpose_code = p.purpose_code))
      AND (p.legal_basis <> 'consent' OR coalesce((
        SELECT NOT c.refused AND c.revoked_at IS NULL
          AND (c.expires_at IS NULL OR c.expires_at > now())
          AND c.notice_version >= p.material_version
        FROM ai.client_consents c
        WHERE c.organization_id = of_organization AND c.client_id = ANY (kin)
          AND c.purpose_code = p.purpose_code
        ORDER BY c.decided_at DESC NULLS LAST, c.consent_id DESC LIMIT 1), false))
  );
END
$$
"""
FUNCTIONS = {
    "ai.client_kin(uuid, uuid)": CLIENT_KIN,
    "ai.purposes_in_force(uuid, uuid)": PURPOSES_IN_FORCE,
}
# As before, but for passages that were not sent to the embedder: those wait for nobody.
KEPT_HERE = "local-kept-here"
ORGANIZATIONS = """
CREATE OR REPLACE FUNCTION ai.knowledge_organizations()
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
  SELECT t.id, {first}, {last} FROM tenant t WHERE t.id IS NOT NULL
$$
"""
# Whose passages may perhaps be sent by now.
KEEPING = f"""
CREATE FUNCTION ai.organizations_keeping() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT o.organization_id FROM ai.knowledge_organizations() o
  WHERE EXISTS (
    SELECT FROM ai.chunks c
    WHERE c.organization_id = o.organization_id AND c.embedding_model = '{KEPT_HERE}')
$$
"""


def _end(where: str, order: str = "") -> str:
    return (
        "(SELECT c.embedding_model FROM ai.chunks c WHERE c.organization_id = t.id"
        f"{where} ORDER BY c.embedding_model{order} LIMIT 1)"
    )


_BELOW, _ABOVE = (f" AND c.embedding_model {sign} '{KEPT_HERE}'" for sign in "<>")
# Each an end of a range of the index.
ORGANIZATIONS_NOW = ORGANIZATIONS.format(
    first=f"coalesce({_end(_BELOW)}, {_end(_ABOVE)})",
    last=f"coalesce({_end(_ABOVE, ' DESC')}, {_end(_BELOW, ' DESC')})",
)
ORGANIZATIONS_BEFORE = ORGANIZATIONS.format(first=_end(""), last=_end("", " DESC"))


def upgrade() -> None:
    """New tables, what consents rest on, the rule; and everything is learned from core-api anew."""
    _create_tables()
    for column, kind in (
        ("refused", "boolean NOT NULL DEFAULT false"),
        ("notice_version", "integer"),
        ("decided_at", "timestamptz"),
        ("expires_at", "timestamptz"),
    ):
        op.execute(f"ALTER TABLE ai.client_consents ADD COLUMN {column} {kind}")
    op.execute("ALTER TABLE ai.cached_answers ADD COLUMN expires_at timestamptz")
    for name, definition in FUNCTIONS.items():
        op.execute(definition)
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO cogep_app")
    op.execute(ORGANIZATIONS_NOW)
    op.execute(KEEPING)
    op.execute("REVOKE ALL ON FUNCTION ai.organizations_keeping() FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION ai.organizations_keeping() TO cogep_worker")
    # Nothing about somebody who was erased comes in after the erasure.
    op.execute(
        "CREATE TRIGGER guard_erased BEFORE INSERT ON ai.processing_blocks FOR EACH ROW"
        " EXECUTE FUNCTION ai.guard_erased('skip')"
    )
    for table in TABLES:
        for verb, rows in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
            op.execute(
                f"CREATE TRIGGER note_{verb.lower()} AFTER {verb} ON ai.{table}"
                f" REFERENCING {rows} TABLE AS changed FOR EACH STATEMENT"
                " EXECUTE FUNCTION ai.note_changes()"
            )
    with all_rows(op, SCHEMA, "access_rebuilds"):
        op.execute("DELETE FROM ai.access_rebuilds")
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_client_merges_organization_id_merged_id",
            "client_merges",
            ["organization_id", "merged_id"],
            schema=SCHEMA,
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade() -> None:
    """The basis is again whatever a document says it is."""
    op.drop_index("ix_client_merges_organization_id_merged_id", "client_merges", schema=SCHEMA)
    op.execute("DROP FUNCTION ai.organizations_keeping()")
    op.execute(ORGANIZATIONS_BEFORE)
    for name in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {name}")
    op.execute("ALTER TABLE ai.cached_answers DROP COLUMN expires_at")
    with all_rows(op, SCHEMA, "client_consents"):
        op.execute("DELETE FROM ai.client_consents WHERE refused")
    for column in ("expires_at", "decided_at", "notice_version", "refused"):
        op.execute(f"ALTER TABLE ai.client_consents DROP COLUMN {column}")
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)


def _create_tables() -> None:
    op.create_table(
        "purposes",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("purpose_id", sa.Uuid(), primary_key=True),
        sa.Column("purpose_code", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("assistant_may_use", sa.Boolean(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("material_version", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        enum_check("legal_basis", LEGAL_BASES),
        schema=SCHEMA,
    )
    op.create_table(
        "processing_blocks",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("block_id", sa.Uuid(), primary_key=True),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("purpose_code", sa.Text()),
        sa.Column("lifted_at", INSTANT),
        sa.Index(
            "ix_processing_blocks_standing",
            "organization_id",
            "client_id",
            postgresql_where=sa.text("lifted_at IS NULL"),
        ),
        schema=SCHEMA,
    )
    op.create_table(
        "transfers",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("transfer_id", sa.Uuid(), primary_key=True),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("mechanism", sa.Text(), nullable=False),
        sa.Column("purpose_codes", ARRAY(sa.Text()), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("valid_until", sa.Date()),
        sa.Column("version", sa.Integer(), nullable=False),
        schema=SCHEMA,
    )
    for table in TABLES:
        enable_tenant_isolation(op, SCHEMA, table, verbs=VERBS)
