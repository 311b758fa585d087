"""Attachments, and full-text search of tickets: an index of words and facets of its own.

Online: new tables only, filled in batches that commit; the big index is built afterwards, without
blocking anybody. Stopped halfway, it goes on where it was.
"""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSVECTOR

from alembic import op
from chassis.data.migrations import ALL_VERBS, Verb, all_rows, enable_tenant_isolation, enum_check

revision = "crm_006"
down_revision = "crm_005"
branch_labels = None
depends_on = None

SCHEMA = "crm"
INSTANT = sa.DateTime(timezone=True)
BATCH = 2_000
FIRST = UUID(int=0)
READ_TO_FILL = ("tickets", "ticket_messages", "clients", "ticket_search", "ticket_words")

TABLES: dict[str, tuple[Verb, ...]] = {
    "attachments": ALL_VERBS,
    "ticket_search": ("SELECT", "INSERT", "UPDATE"),
    "ticket_words": ("SELECT", "INSERT"),
}

# Words as the index and every query know them. What is not a letter or a digit separates: the
# parser's addresses, paths and numbers would hide the words in them.
TERMS = r"""
CREATE FUNCTION crm.terms(value text) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN pg_catalog.to_tsvector('pg_catalog.portuguese'::regconfig,
  pg_catalog.regexp_replace(crm.singular(value), '[\W_]+', ' ', 'g'))
"""
# The blocks of numbers a ticket lies in, from small to large, each with its tenant: they make one
# tenant's newest matches a range of the index.
BLOCKS = """
CREATE FUNCTION crm.ticket_blocks(organization uuid, number bigint) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN pg_catalog.array_append(
  (SELECT pg_catalog.array_agg('@' || level || pg_catalog.right(organization::text, 12) || ':' || (number >> level))
   FROM pg_catalog.unnest(ARRAY[10, 12, 14, 16, 18]) AS level),
  '@o' || pg_catalog.right(organization::text, 12))
"""
# `@@` never uses an index under row-level security. This looks into it as the tables' owner, for the
# transaction's tenant only, and returns ids; what they stand for is read under row-level security.
# Newest first, in ranges four times as large each: a frequent word is satisfied by the first ones,
# a rare one has few matches in any.
CANDIDATES = """
CREATE FUNCTION crm.candidate_tickets(wanted tsquery, lowest bigint, highest bigint, most integer)
RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 200
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
AS $$
DECLARE
  mine uuid := nullif(current_setting('app.organization_id', true), '')::uuid;
  levels integer[] := ARRAY[10, 12, 14, 16, 18];
  tenant text := right(mine::text, 12);
  level integer;
  step integer := 0;
  below bigint := highest + 1;
  above bigint;
  block bigint;
  found_now integer;
  found_all integer := 0;
BEGIN
  IF mine IS NULL THEN RETURN; END IF;
  WHILE below > lowest AND below > 0 AND found_all < most LOOP
    step := least(step + 1, 5);
    level := levels[step];
    block := (below - 1) >> level;
    above := greatest((block - 3) << level, 0);
    RETURN QUERY
      SELECT s.ticket_id FROM crm.ticket_search s
      WHERE s.organization_id = mine AND s.number < below AND s.number >= greatest(above, lowest)
        AND s.terms @@ (wanted && format('''@%1$s%2$s:%3$s''|''@%1$s%2$s:%4$s''|''@%1$s%2$s:%5$s''|''@%1$s%2$s:%6$s''',
                        level, tenant, block, block - 1, block - 2, block - 3)::tsquery)
      ORDER BY s.number DESC LIMIT most - found_all;
    GET DIAGNOSTICS found_now = ROW_COUNT;
    found_all := found_all + found_now;
    below := above;
  END LOOP;
END $$
"""
FILL = sa.text(
    """
    WITH page AS (
      SELECT * FROM crm.tickets WHERE id > :after ORDER BY id LIMIT :limit
    ), filled AS (
      INSERT INTO crm.ticket_search (ticket_id, organization_id, number, characters, terms)
      SELECT t.id, t.organization_id, t.number,
             length(t.subject) + length(t.description) + length(coalesce(said.bodies, '')),
             setweight(crm.terms(t.subject), 'A')
             || setweight(crm.terms(c.name), 'B')
             || setweight(crm.terms(left(t.description, 50000)), 'C')
             || setweight(crm.terms(left(coalesce(said.bodies, ''), 200000)), 'D')
             || array_to_tsvector(crm.ticket_blocks(t.organization_id, t.number) || ARRAY(
               SELECT DISTINCT '@' || facet FROM unnest(ARRAY[
                 's:' || t.status, 'p:' || t.priority, 'h:' || t.channel, 'c:' || t.client_id,
                 'a:' || coalesce(t.assignee_id::text, '-'), 'g:' || coalesce(t.category_id::text, '-')
               ] || ARRAY(SELECT 't:' || tag FROM unnest(t.tags) AS tag)) AS facet))
      FROM page t
      JOIN crm.clients c ON c.organization_id = t.organization_id AND c.id = t.client_id
      LEFT JOIN LATERAL (
        SELECT string_agg(m.body, E'\n' ORDER BY m.created_at) AS bodies
        FROM crm.ticket_messages m
        WHERE m.organization_id = t.organization_id AND m.ticket_id = t.id AND m.kind <> 'draft'
      ) said ON true
      ON CONFLICT (ticket_id) DO NOTHING
    ), words AS (
      INSERT INTO crm.ticket_words (organization_id, word)
      SELECT DISTINCT t.organization_id, word
      FROM page t
      JOIN crm.clients c ON c.organization_id = t.organization_id AND c.id = t.client_id,
        regexp_split_to_table(crm.singular(t.subject || ' ' || t.description || ' ' || c.name), '[\\W\\d_]+') AS word
      WHERE length(word) BETWEEN 3 AND 30
      ORDER BY 1, 2
      ON CONFLICT DO NOTHING
    )
    SELECT id FROM page ORDER BY id DESC LIMIT 1
    """
)


def upgrade() -> None:
    """New tables, then their content, then the index."""
    if not sa.inspect(op.get_bind()).has_table("ticket_search", schema=SCHEMA):
        _create_functions()
        _create_attachments()
        _create_search()
        for table, verbs in TABLES.items():
            enable_tenant_isolation(op, SCHEMA, table, verbs=verbs)
        _create_candidates()
    with op.get_context().autocommit_block():
        with all_rows(op, SCHEMA, *READ_TO_FILL):
            _fill()
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS crm.ix_ticket_search_terms")
        op.execute(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_ticket_search_terms ON crm.ticket_search"
            " USING gin (terms) WITH (fastupdate = off)"
        )
        op.execute("ANALYZE crm.ticket_search")
    # Searching no longer reads it. A generated column goes without touching a row.
    # What ran before misses it only for searching, for the moments of a deployment.
    op.execute(
        "-- squawk-ignore ban-drop-column\nALTER TABLE crm.tickets DROP COLUMN IF EXISTS search"
    )
    op.execute(
        "-- squawk-ignore ban-drop-function\nDROP FUNCTION IF EXISTS crm.ticket_search(text, text)"
    )


def downgrade() -> None:
    """The search of before; attachments lose their rows, their objects fall to the sweep."""
    op.execute(
        r"""
        CREATE FUNCTION crm.ticket_search(subject text, description text) RETURNS tsvector
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        RETURN
          pg_catalog.setweight(pg_catalog.to_tsvector('pg_catalog.simple'::regconfig, crm.fold(subject)), 'A')
          || pg_catalog.setweight(pg_catalog.to_tsvector('pg_catalog.portuguese'::regconfig, crm.singular(subject)), 'B')
          || pg_catalog.setweight(pg_catalog.to_tsvector('pg_catalog.simple'::regconfig, crm.fold(description)), 'C')
          || pg_catalog.setweight(pg_catalog.to_tsvector('pg_catalog.portuguese'::regconfig, crm.singular(description)), 'D')
        """
    )
    op.add_column(
        "tickets",
        sa.Column(
            "search",
            TSVECTOR(),
            sa.Computed("crm.ticket_search(subject, description)", persisted=True),
            nullable=False,
        ),
        schema=SCHEMA,
    )
    op.execute("DROP FUNCTION crm.candidate_tickets(tsquery, bigint, bigint, integer)")
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)
    op.execute("DROP FUNCTION crm.ticket_blocks(uuid, bigint)")
    op.execute("DROP FUNCTION crm.terms(text)")


def _create_functions() -> None:
    op.execute(TERMS)
    op.execute(BLOCKS)


def _create_candidates() -> None:
    op.execute(
        "CREATE POLICY candidates ON crm.ticket_search FOR SELECT TO cogep_owner USING (true)"
    )
    op.execute(CANDIDATES)
    signature = "crm.candidate_tickets(tsquery, bigint, bigint, integer)"
    op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO cogep_app")


def _uuid(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _refers(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column], [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"]
    )


def _create_attachments() -> None:
    op.create_table(
        "attachments",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _uuid("organization_id"),
        _uuid("ticket_id"),
        _uuid("message_id", nullable=True),
        _text("name"),
        _text("media_type"),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        _text("sha256"),
        _text("scan"),
        _uuid("uploaded_by"),
        sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.UniqueConstraint("organization_id", "id"),
        _refers("ticket_id", "tickets"),
        _refers("message_id", "ticket_messages"),
        _refers("uploaded_by", "members"),
        enum_check("scan", ("unscanned", "clean")),
        schema=SCHEMA,
    )
    for name, columns in {
        "ix_attachments_ticket_id": ["ticket_id", "created_at", "id"],
        "ix_attachments_message_id": ["message_id"],
    }.items():
        op.create_index(name, "attachments", ["organization_id", *columns], schema=SCHEMA)


def _create_search() -> None:
    op.create_table(
        "ticket_search",
        sa.Column("ticket_id", sa.Uuid(), primary_key=True),
        _uuid("organization_id"),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("characters", sa.Integer(), nullable=False),
        sa.Column("terms", TSVECTOR(), nullable=False),
        _refers("ticket_id", "tickets"),
        schema=SCHEMA,
    )
    # The words lie aside: collecting candidates reads numbers and ids, ranking the words of a few.
    op.execute("ALTER TABLE crm.ticket_search SET (toast_tuple_target = 128)")
    op.create_table(
        "ticket_words",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("word", sa.Text(collation="C"), primary_key=True),
        schema=SCHEMA,
    )


def _fill() -> None:
    after: UUID | None = FIRST
    while after is not None:
        after = op.get_bind().scalar(FILL, {"after": after, "limit": BATCH})
