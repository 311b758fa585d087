"""Schema `ai`: migrations go up, down and up again, and isolate every table."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from devstack.people import PEOPLE
from devstack.shared_servers import RunningPostgres
from devstack.testing import DatabaseUrls, clone_database, urls_of

SERVICE = Path(__file__).parents[1]
AURORA = PEOPLE["ana"].organization.id

pytestmark = pytest.mark.committed


@pytest.fixture
def spare(postgres: RunningPostgres, database_urls: DatabaseUrls) -> Iterator[DatabaseUrls]:
    """A migrated database of this test's own."""
    name = f"{database_urls.name}_spare"
    clone_database(postgres, name)
    yield urls_of(postgres, name)
    postgres.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def alembic(urls: DatabaseUrls, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=SERVICE,
        env=os.environ | {"DATABASE_OWNER_URL": urls.owner},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_migrations_go_down_and_up_and_match_the_models(spare: DatabaseUrls) -> None:
    alembic(spare, "downgrade", "base")
    alembic(spare, "upgrade", "head")

    assert "No new upgrade operations" in alembic(spare, "check")


async def test_downgrade_leaves_nothing(spare: DatabaseUrls) -> None:
    alembic(spare, "downgrade", "base")

    connection = await asyncpg.connect(spare.superuser)
    left = await connection.fetch(
        """
        SELECT relname FROM pg_class WHERE relnamespace = 'ai'::regnamespace AND relkind = 'r'
        UNION SELECT proname FROM pg_proc WHERE pronamespace = 'ai'::regnamespace
        """
    )
    await connection.close()
    assert [row["relname"] for row in left] == ["alembic_version"]


async def test_every_tenant_table_is_isolated(database_urls: DatabaseUrls) -> None:
    connection = await asyncpg.connect(database_urls.superuser)
    open_tables = await connection.fetch(
        """
        SELECT c.relname FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id'
        WHERE c.relnamespace = 'ai'::regnamespace AND c.relkind IN ('r', 'p')
          AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (
            SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'tenant'
              AND p.polqual IS NOT NULL AND p.polwithcheck IS NOT NULL))
        """
    )
    await connection.close()
    assert open_tables == []


async def test_candidates_are_the_tenants_own(database_urls: DatabaseUrls, clean: None) -> None:
    superuser = await asyncpg.connect(database_urls.superuser)
    for person in ("ana", "beto"):
        await _insert_chunk(superuser, person)
    await superuser.close()
    app = await asyncpg.connect(database_urls.app.replace("+asyncpg", ""))
    candidates = "SELECT count(*) FROM ai.candidate_chunks(ARRAY['feri', 'outr'], $1::text[])"
    frequency = "SELECT frequency FROM ai.stem_frequencies(ARRAY['feri'])"
    signatures = "SELECT count(*) FROM ai.chunk_signatures"

    async def seen() -> list[int]:
        return [
            await app.fetchval(candidates, []),
            await app.fetchval(candidates, ["feri"]),
            await app.fetchval(candidates, ["outr"]),
            await app.fetchval(frequency),
            await app.fetchval(signatures),
        ]

    without_tenant = await seen()
    async with app.transaction():
        await app.execute("SELECT set_config('app.organization_id', $1, true)", str(AURORA))
        own = await seen()
    await app.close()

    assert without_tenant == [0, 0, 0, 0, 0]
    assert own == [1, 1, 0, 1, 1]


async def test_candidates_are_found_by_their_stems_alone(
    database_urls: DatabaseUrls, clean: None
) -> None:
    superuser = await asyncpg.connect(database_urls.superuser)
    for person in ("ana", "beto"):
        await _insert_chunk(superuser, person)
    await superuser.execute(
        """
        INSERT INTO ai.chunks (id, organization_id, document_id, version_number, position, content,
          char_start, char_end, token_count, language, lexv, terms, embedding, embedding_model)
        SELECT gen_random_uuid(), organization_id, document_id, 1, number, repeat('x', 2000),
          0, 6, 1, 'pt', '{1:1}/67108864',
          array_to_tsvector(ARRAY[CASE WHEN number % 4 = 0 THEN 'feri' ELSE 'outr' END]),
          embedding, 'local-hash-1'
        FROM ai.chunks, generate_series(1, 1000) AS number
        """
    )
    await superuser.execute("VACUUM ANALYZE ai.chunks")
    await superuser.close()
    app = await asyncpg.connect(database_urls.app.replace("+asyncpg", ""))
    functions = (
        "ai.candidate_chunks('{feri}'::text[], '{}'::text[])",
        "ai.candidate_chunks('{feri}'::text[], '{feri}'::text[])",
        "ai.scored_chunks('{feri}', '{1:1}/67108864')",
        "ai.stem_frequencies('{feri}')",
    )
    async with app.transaction():
        await app.execute("SELECT set_config('app.organization_id', $1, true)", str(AURORA))
        found = [await app.fetchval(f"SELECT count(*) FROM {each}") for each in functions]
        scanned = await app.fetch(
            "SELECT indexrelid::regclass::text AS index, pg_stat_get_xact_numscans(indexrelid) AS n"
            " FROM pg_index WHERE indrelid = 'ai.chunks'::regclass"
        )
    await app.close()

    assert found == [251, 251, 251, 1]
    assert {row["index"]: row["n"] for row in scanned if row["n"]} == {"ai.ix_chunks_stem_keys": 4}


async def test_signatures_follow_the_vectors(database_urls: DatabaseUrls, clean: None) -> None:
    connection = await asyncpg.connect(database_urls.superuser)
    await _insert_chunk(connection, "ana")
    signed = "SELECT model, bit_count(signature) FROM ai.chunk_signatures"
    before = await connection.fetch(signed)

    await connection.execute(
        "UPDATE ai.chunks SET embedding_model = 'other',"
        " embedding = array_fill(1, ARRAY[1536])::halfvec(1536)"
    )
    other = await connection.fetch(signed)
    await connection.execute("UPDATE ai.chunks SET embedding_model = 'local-hash-1'")
    local = await connection.fetch(signed)
    await connection.execute("UPDATE ai.chunks SET embedding_model = 'none'")
    again = await connection.fetch(signed)
    await connection.execute("DELETE FROM ai.chunks")
    deleted = await connection.fetch(signed)
    await connection.close()

    assert [tuple(row) for row in before] == [("none", 0)]
    assert [tuple(row) for row in other] == [("other", 1536)]
    assert local == deleted == []
    assert [tuple(row) for row in again] == [("none", 1536)]


async def test_signatures_are_read_through_the_whole_table_only(
    database_urls: DatabaseUrls,
) -> None:
    app = await asyncpg.connect(database_urls.app.replace("+asyncpg", ""))
    parts = await app.fetch(
        "SELECT relid::text AS name FROM pg_partition_tree('ai.chunk_signatures') WHERE isleaf"
    )
    refused = 0
    for part in parts:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(f"SELECT FROM {part['name']}")
        refused += 1
    await app.close()

    assert refused == 16


async def test_vectors_from_before_the_migration_are_signed(spare: DatabaseUrls) -> None:
    alembic(spare, "downgrade", "ai_003")
    connection = await asyncpg.connect(spare.superuser)
    for person in ("ana", "beto"):
        await _insert_chunk(connection, person)
    await connection.execute(
        "UPDATE ai.chunks SET embedding_model = 'local-hash-1' WHERE organization_id = $1", AURORA
    )

    alembic(spare, "upgrade", "head")

    signed = await connection.fetch("SELECT organization_id FROM ai.chunk_signatures")
    await connection.close()
    assert [row["organization_id"] for row in signed] == [PEOPLE["beto"].organization.id]


async def _insert_chunk(connection: asyncpg.Connection, person: str) -> None:
    organization_id = PEOPLE[person].organization.id
    document_id = await connection.fetchval(
        """
        INSERT INTO ai.documents (id, organization_id, title, source_type, chunking, status,
          latest_version, current_version, visibility, allowed_roles, allowed_team_ids,
          submitted_by, tags, version)
        VALUES (gen_random_uuid(), $1, 'Férias', 'text', 'fixed', 'indexed', 1, 1, 'organization',
          '{}', '{}', gen_random_uuid(), '{}', 1) RETURNING id
        """,
        organization_id,
    )
    await connection.execute(
        """
        INSERT INTO ai.document_versions (id, organization_id, document_id, number, source_type,
          chunking, counted_bytes, chunk_count, submitted_by)
        VALUES (gen_random_uuid(), $1, $2, 1, 'text', 'fixed', 0, 1, gen_random_uuid())
        """,
        organization_id,
        document_id,
    )
    await connection.execute(
        """
        INSERT INTO ai.chunks (id, organization_id, document_id, version_number, position, content,
          char_start, char_end, token_count, language, lexv, terms, embedding, embedding_model)
        VALUES (gen_random_uuid(), $1, $2, 1, 0, 'Férias', 0, 6, 1, 'pt', '{1:1}/67108864',
          array_to_tsvector('{feri}'), array_fill(0, ARRAY[1536])::halfvec(1536), 'none')
        """,
        organization_id,
        document_id,
    )
