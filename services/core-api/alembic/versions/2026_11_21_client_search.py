"""Finding clients, and joining those that are one."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from alembic import op
from chassis.data.migrations import Verb, enable_tenant_isolation

revision = "crm_003"
down_revision = "crm_002"
branch_labels = None
depends_on = None

SCHEMA = "crm"
INSTANT = sa.DateTime(timezone=True)

TABLES: dict[str, tuple[Verb, ...]] = {
    "client_words": ("SELECT", "INSERT", "DELETE"),
    "client_merges": ("SELECT", "INSERT", "UPDATE"),
    "client_distinctions": ("SELECT", "INSERT", "DELETE"),
}

# ASCII only: what the C collation and Python agree on.
NAME_WORDS = r"""
CREATE OR REPLACE FUNCTION crm.name_words(name text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN array_remove(
  pg_catalog.regexp_split_to_array(crm.fold(name), '[\x01-\x2f\x3a-\x60\x7b-\x7f]+'), ''
)
"""
# Equal for names that sound alike to a Brazilian ear: Luís and Luiz, Souza and Sousa, Thiago and
# Tiago; in any order, without particles.
NAME_KEY = r"""
CREATE OR REPLACE FUNCTION crm.name_key(name text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
  word text;
  sounds text[] := '{}';
BEGIN
  FOREACH word IN ARRAY crm.name_words(name) LOOP
    CONTINUE WHEN word IN ('da', 'de', 'do', 'das', 'dos', 'e');
    word := translate(replace(replace(word, 'ph', 'f'), 'ck', 'c'), 'ywkzh', 'ivcs');
    sounds := sounds || (regexp_replace(word, '(.)\1+', '\1', 'g') COLLATE "C");
  END LOOP;
  RETURN array_to_string(ARRAY(SELECT sound FROM unnest(sounds) AS sound ORDER BY sound), ' ');
END
$$
"""
# What two clients that are one have in common: a document, an e-mail, a phone, or name and city.
# Nobody reads these terms, so they are short: a letter and half of an MD5.
IDENTITY = """
CREATE OR REPLACE FUNCTION crm.client_identity(
  name text, emails jsonb, phones jsonb, addresses jsonb, document_index bytea
) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10000
AS $$
DECLARE
  item jsonb;
  found text[] := '{}';
  key text := crm.name_key(name);
BEGIN
  FOR item IN SELECT value FROM jsonb_array_elements(emails) LOOP
    found := found || ('m' || left(md5(lower(item ->> 'address')), 16));
  END LOOP;
  FOR item IN SELECT value FROM jsonb_array_elements(phones) LOOP
    found := found || ('t' || left(md5(item ->> 'number'), 16));
  END LOOP;
  FOR item IN SELECT value FROM jsonb_array_elements(addresses) LOOP
    IF item ->> 'city' <> '' AND key <> '' THEN
      found := found || ('c' || left(md5(key || '|' || crm.fold(item ->> 'city')), 16));
    END IF;
  END LOOP;
  IF document_index IS NOT NULL THEN
    found := found || ('d' || left(md5(encode(document_index, 'hex')), 16));
  END IF;
  RETURN found;
END
$$
"""
# Everything a client is found by. Each term starts with its organization (GIN has no second
# column for it without an extension) and its kind: n a word of the name, g three letters inside
# one, e and x three characters of an e-mail or external id, p four digits of a phone.
# COST: never worth computing for a row that an index can find.
TERMS = """
CREATE OR REPLACE FUNCTION crm.client_terms(
  organization_id uuid, name text, emails jsonb, phones jsonb, addresses jsonb,
  document_index bytea, external_id text
) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10000
AS $$
DECLARE
  own text := pg_catalog.left(pg_catalog.md5(organization_id::text), 8);
  found text[] := crm.client_identity(name, emails, phones, addresses, document_index);
  item text;
BEGIN
  FOREACH item IN ARRAY crm.name_words(name) LOOP
    found := found || ('n' || item);
    FOR place IN 2 .. length(item) - 2 LOOP
      found := found || ('g' || substr(item, place, 3));
    END LOOP;
  END LOOP;
  FOR item IN SELECT crm.fold(value ->> 'address') FROM jsonb_array_elements(emails) LOOP
    FOR place IN 1 .. length(item) - 2 LOOP
      found := found || ('e' || substr(item, place, 3));
    END LOOP;
  END LOOP;
  FOR item IN SELECT ltrim(value ->> 'number', '+') FROM jsonb_array_elements(phones) LOOP
    FOR place IN 1 .. length(item) - 3 LOOP
      found := found || ('p' || substr(item, place, 4));
    END LOOP;
  END LOOP;
  item := coalesce(crm.fold(external_id), '');
  FOR place IN 1 .. length(item) - 2 LOOP
    found := found || ('x' || substr(item, place, 3));
  END LOOP;
  RETURN array_to_tsvector(ARRAY(SELECT own || term FROM unnest(found) AS term));
END
$$
"""
# Words at an edit or two from each other have something in common after one or two deletions.
VARIANTS = """
CREATE OR REPLACE FUNCTION crm.word_variants(organization_id uuid, word text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 10000
AS $$
DECLARE
  own text := pg_catalog.left(pg_catalog.md5(organization_id::text), 8);
  found text[] := ARRAY[word];
  shorter text;
BEGIN
  IF length(word) BETWEEN 4 AND 24 THEN
    FOR place IN 1 .. length(word) LOOP
      shorter := overlay(word PLACING '' FROM place FOR 1);
      found := found || shorter;
      IF length(word) BETWEEN 8 AND 16 THEN
        FOR second IN place .. length(shorter) LOOP
          found := found || overlay(shorter PLACING '' FROM second FOR 1);
        END LOOP;
      END IF;
    END LOOP;
  END IF;
  RETURN ARRAY(SELECT DISTINCT own || variant FROM unnest(found) AS variant);
END
$$
"""
FOUND_BY = "crm.client_terms(organization_id, name, emails, phones, addresses, document_index, external_id)"
# The first lock is one behind which no reader waits: a vacuum gives way to it after a second.
SEEN_BY_CANDIDATES = """
DO $$ BEGIN
  LOCK TABLE crm.clients IN SHARE UPDATE EXCLUSIVE MODE;
  DROP POLICY IF EXISTS candidates ON crm.clients;
  CREATE POLICY candidates ON crm.clients FOR SELECT TO cogep_owner USING (true);
END $$
"""
LIVE = "deleted_at IS NULL AND merged_into_id IS NULL"
TENANT = "nullif(current_setting('app.organization_id', true), '')::uuid"

# Row-level security evaluates no operator that is not leakproof before its own condition, and `@@`
# is not: under RLS the GIN indexes would never be used. These look into them as the tables' owner,
# for the transaction's tenant only, and return ids and words; clients are read under RLS.
# The planner knows nothing about how rare terms are: whatever it thinks, reading all rows is worse.
DEFINER = """
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS {rows}
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET max_parallel_workers_per_gather = 0
SET enable_seqscan = off
"""
CANDIDATES = f"""
CREATE FUNCTION crm.client_candidates(query tsquery, most integer) RETURNS SETOF uuid
{DEFINER.format(rows=400)} AS $$
  SELECT id FROM crm.clients
  WHERE organization_id = {TENANT} AND {LIVE} AND {FOUND_BY} @@ query
  LIMIT most
$$
"""
SIMILAR_WORDS = f"""
CREATE FUNCTION crm.similar_words(variants text[], most integer) RETURNS SETOF text
{DEFINER.format(rows=50)}SET enable_indexscan = off
SET enable_indexonlyscan = off
AS $$
  SELECT word FROM crm.client_words
  WHERE organization_id = {TENANT}
    AND crm.word_variants(organization_id, word) && variants
  LIMIT most
$$
"""
# Pairs among the `most` clients after one, each with younger ones that share its identity.
PAIRS = f"""
CREATE FUNCTION crm.duplicate_candidates(after uuid, most integer, each integer)
RETURNS TABLE (client_id uuid, other_id uuid)
{DEFINER.format(rows=50)} AS $$
  SELECT older.id, younger.id
  FROM (
    SELECT id, (
      SELECT string_agg(quote_literal(left(md5(organization_id::text), 8) || term), ' | ')::tsquery
      FROM unnest(crm.client_identity(name, emails, phones, addresses, document_index)) AS term
    ) AS query
    FROM crm.clients
    WHERE organization_id = {TENANT} AND {LIVE} AND id > after
    ORDER BY id LIMIT most
  ) AS older
  CROSS JOIN LATERAL (
    SELECT id FROM crm.clients
    WHERE organization_id = {TENANT} AND {LIVE} AND {FOUND_BY} @@ older.query
    LIMIT each
  ) AS younger
  WHERE younger.id > older.id  -- not inside, where the key's index would be read for it as well
$$
"""
HELPERS = (NAME_WORDS, NAME_KEY, IDENTITY, TERMS, VARIANTS)
SECRET = {
    "client_candidates(tsquery, integer)": CANDIDATES,
    "similar_words(text[], integer)": SIMILAR_WORDS,
    "duplicate_candidates(uuid, integer, integer)": PAIRS,
}


def upgrade() -> None:
    """The index is built beside the traffic; stopped halfway, it is built anew."""
    for function in HELPERS:
        op.execute(function)
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS crm.ix_clients_terms")
        op.execute(
            f"CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_clients_terms ON crm.clients USING gin ({FOUND_BY})"
            f" WITH (fastupdate = off) WHERE {LIVE}"
        )
        # Committed at once: until then it keeps readers of clients out.
        op.execute(SEEN_BY_CANDIDATES)
    # Nobody needs statistics of it, and ANALYZE would compute the terms of its whole sample.
    op.execute("ALTER INDEX crm.ix_clients_terms ALTER COLUMN 1 SET STATISTICS 0")
    _create_words()
    _learn_words()
    _create_merges()  # whose foreign keys lock clients against writers: after what takes time
    _create_distinctions()
    for table, verbs in TABLES.items():
        enable_tenant_isolation(op, SCHEMA, table, verbs=verbs)
    op.execute(
        "CREATE POLICY candidates ON crm.client_words FOR SELECT TO cogep_owner USING (true)"
    )
    for signature, function in SECRET.items():
        op.execute(function)
        op.execute(f"REVOKE ALL ON FUNCTION crm.{signature} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION crm.{signature} TO cogep_app")


def downgrade() -> None:
    """Clients that were merged stay merged; how to undo it is forgotten."""
    for signature in SECRET:
        op.execute(f"DROP FUNCTION crm.{signature}")
    op.execute("DROP POLICY candidates ON crm.clients")
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS crm.ix_clients_terms")
    op.execute("DROP FUNCTION crm.word_variants(uuid, text)")
    op.execute("DROP FUNCTION crm.client_terms(uuid, text, jsonb, jsonb, jsonb, bytea, text)")
    op.execute("DROP FUNCTION crm.client_identity(text, jsonb, jsonb, jsonb, bytea)")
    op.execute("DROP FUNCTION crm.name_key(text)")
    op.execute("DROP FUNCTION crm.name_words(text)")


def _learn_words() -> None:
    """Before row-level security is on, which would bind the owner too."""
    op.execute(
        "INSERT INTO crm.client_words (organization_id, word)"
        " SELECT DISTINCT organization_id, word FROM crm.clients, unnest(crm.name_words(name)) AS word"
        f" WHERE {LIVE}"
    )


def _create_words() -> None:
    op.create_table(
        "client_words",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("word", sa.Text(collation="C"), primary_key=True),
        schema=SCHEMA,
    )
    op.execute(
        "CREATE INDEX ix_client_words_variants ON crm.client_words"
        " USING gin (crm.word_variants(organization_id, word)) WITH (fastupdate = off)"
    )
    op.execute("ALTER INDEX crm.ix_client_words_variants ALTER COLUMN 1 SET STATISTICS 0")


def _create_merges() -> None:
    op.create_table(
        "client_merges",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("survivor_id", sa.Uuid(), nullable=False),
        sa.Column("merged_id", sa.Uuid(), nullable=False),
        sa.Column("merged_by", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("changed", JSONB(), nullable=False),
        sa.Column("moved", JSONB(), nullable=False),
        sa.Column("undone_at", INSTANT),
        sa.Column("undone_by", sa.Uuid()),
        sa.UniqueConstraint("organization_id", "id"),
        _client("survivor_id"),
        _client("merged_id"),
        _member("merged_by"),
        _member("undone_by"),
        sa.CheckConstraint("survivor_id <> merged_id", name="two_clients"),
        schema=SCHEMA,
    )
    for name, *columns in (
        ("ix_client_merges_created_at", "created_at", "id"),
        ("ix_client_merges_survivor_id", "survivor_id", "created_at", "id"),
    ):
        op.create_index(name, "client_merges", ["organization_id", *columns], schema=SCHEMA)
    op.create_index(
        "uq_client_merges_standing",
        "client_merges",
        ["organization_id", "merged_id"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("undone_at IS NULL"),
    )


def _create_distinctions() -> None:
    op.create_table(
        "client_distinctions",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("client_id", sa.Uuid(), primary_key=True),
        sa.Column("other_id", sa.Uuid(), primary_key=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now()),
        _client("client_id"),
        _client("other_id"),
        _member("created_by"),
        sa.CheckConstraint("client_id < other_id", name="ordered"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_client_distinctions_other_id",
        "client_distinctions",
        ["organization_id", "other_id", "client_id"],
        schema=SCHEMA,
    )


def _client(column: str) -> sa.ForeignKeyConstraint:
    return _refers(column, "clients")


def _member(column: str) -> sa.ForeignKeyConstraint:
    return _refers(column, "members")


def _refers(column: str, table: str) -> Any:
    return sa.ForeignKeyConstraint(
        ["organization_id", column], [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"]
    )
