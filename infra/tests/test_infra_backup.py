"""A backup counts when it was restored. This one is: rows, roles, policies and all."""

import base64
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from devstack.people import AURORA, BOREAL
from devstack.shared_servers import RunningPostgres
from devstack.testing import DatabaseUrls

SCRIPTS = Path(__file__).parents[1] / "scripts"
DOCUMENT = uuid4()
RESTORED = f"cogep_restored_{uuid4().hex[:8]}"

# Vectors, arrays, generated columns and text that needs more than ASCII.
ROWS = f"""
INSERT INTO crm.organizations (organization_id, slug, name) VALUES
  ('{AURORA.id}', 'aurora', 'Aurora'), ('{BOREAL.id}', 'boreal', 'Boreal');
INSERT INTO crm.clients (id, organization_id, kind, name, tags)
  VALUES ('{uuid4()}', '{AURORA.id}', 'person', 'João "Zé" da Conceição\\n', ARRAY['ção', 'a,b']);
INSERT INTO ai.documents
    (id, organization_id, title, source_type, chunking, status, submitted_by, tags, version,
    current_version, latest_version, visibility, allowed_roles, allowed_team_ids)
  VALUES ('{DOCUMENT}', '{AURORA.id}', 'Certidões', 'text', 'semantic', 'indexed', '{uuid4()}',
    '{{}}', 1, 1, 1, 'organization', '{{}}', '{{}}');
INSERT INTO ai.document_versions (id, organization_id, document_id, number, source_type, chunking,
    content, chunk_count, counted_bytes, submitted_by)
  VALUES ('{uuid4()}', '{AURORA.id}', '{DOCUMENT}', 1, 'text', 'semantic',
    'A segunda via custa R$ 37,40.', 1, 29, '{uuid4()}');
INSERT INTO ai.chunks (id, organization_id, document_id, version_number, position, content,
    char_start, char_end, token_count, language, lexv, terms, embedding, embedding_model, enabled)
  VALUES ('{uuid4()}', '{AURORA.id}', '{DOCUMENT}', 1, 0, 'A segunda via custa R$ 37,40.', 0, 29, 9,
    'pt', '{{1:0.5,67108864:0.25}}/67108864', to_tsvector('simple', 'segunda via'),
    array_fill(0.125::real, ARRAY[1536])::vector::halfvec, 'local', true);
"""
DEFINITIONS = """
SELECT 'policy', schemaname, tablename, policyname, roles::text, cmd, qual, with_check
FROM pg_policies
UNION ALL
SELECT 'table', n.nspname, c.relname, c.relowner::regrole::text, c.relacl::text,
  c.relrowsecurity::text, c.relforcerowsecurity::text, NULL
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('crm', 'ai')
UNION ALL
SELECT 'constraint', n.nspname, c.relname, k.conname, pg_get_constraintdef(k.oid), NULL, NULL, NULL
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('crm', 'ai')
UNION ALL
SELECT 'function', n.nspname, p.proname, p.proowner::regrole::text, p.proacl::text,
  pg_get_functiondef(p.oid), NULL, NULL
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname IN ('crm', 'ai')
ORDER BY 1, 2, 3, 4, 5, 6
"""


@pytest.fixture(scope="module")
def environment(
    postgres: RunningPostgres, database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """What the scripts are told; the same variables production sets."""
    return {
        "PATH": os.environ["PATH"],
        "PG_BIN": str(postgres.bin),
        "PGHOST": "127.0.0.1",
        "PGPORT": str(postgres.port),
        "PGUSER": "postgres",
        "PGPASSWORD": postgres.passwords.superuser,
        "PGDATABASE": database_urls.name,
        "COGEP_OWNER_PASSWORD": postgres.passwords.owner,
        "COGEP_APP_PASSWORD": postgres.passwords.app,
        "COGEP_WORKER_PASSWORD": postgres.passwords.worker,
        "BACKUP_DIR": str(tmp_path_factory.mktemp("backups")),
        "PYTHON": sys.executable,
        "ENVIRONMENT": "test",
        "STORAGE_URL": tmp_path_factory.mktemp("objects").as_uri(),
        "LEDGER_SIGNING_KEY": _key(1),
        "FIELD_KEYS": json.dumps({"1": _key(2)}),
        "BLIND_INDEX_KEY": _key(3),
    }


def _key(seed: int) -> str:
    return base64.b64encode(random.Random(seed).randbytes(32)).decode()


@pytest.fixture(scope="module", autouse=True)
def rows(postgres: RunningPostgres, database_urls: DatabaseUrls) -> Iterator[None]:
    """Something worth backing up, of two tenants."""
    postgres.execute(ROWS, database=database_urls.name)
    yield
    postgres.execute(
        "DELETE FROM ai.documents",
        "DELETE FROM crm.clients",
        "DELETE FROM crm.organizations",
        database=database_urls.name,
    )


@pytest.fixture(scope="module")
def dump(environment: dict[str, str]) -> Path:
    return Path(run("backup-db.sh", environment=environment).stdout.strip())


@pytest.fixture(scope="module")
def restored(dump: Path, environment: dict[str, str], postgres: RunningPostgres) -> Iterator[str]:
    run("restore-db.sh", str(dump), RESTORED, environment=environment)
    yield RESTORED
    postgres.execute(f'DROP DATABASE "{RESTORED}" WITH (FORCE)')


def run(
    script: str, *arguments: str, environment: dict[str, str], check: bool = True
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [SCRIPTS / script, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 or not check, done.stderr
    return done


def refusal(*arguments: str, environment: dict[str, str]) -> str:
    """What restore-db.sh says when it must not restore."""
    done = run("restore-db.sh", *arguments, environment=environment, check=False)
    assert done.returncode != 0
    return done.stderr


def fingerprints(postgres: RunningPostgres, database: str) -> dict[str, str]:
    """Every row of every table, whatever their order on disk; empty for an empty table."""
    listed = (
        "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('crm', 'ai')"
    )
    tables = postgres.execute(listed, database=database).split()
    rows = "SELECT md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM {} t"
    return {
        table: postgres.execute(rows.format(table), database=database).strip() for table in tables
    }


def databases(postgres: RunningPostgres) -> str:
    return postgres.execute("SELECT datname FROM pg_database")


def test_a_restored_database_holds_every_row(
    restored: str, postgres: RunningPostgres, database_urls: DatabaseUrls
) -> None:
    before = fingerprints(postgres, database_urls.name)

    filled = {table for table, fingerprint in before.items() if fingerprint}
    assert filled >= {"crm.organizations", "crm.clients", "ai.documents", "ai.chunks"}
    assert fingerprints(postgres, restored) == before


def test_a_restored_database_has_the_same_rules(
    restored: str, postgres: RunningPostgres, database_urls: DatabaseUrls
) -> None:
    before = postgres.execute(DEFINITIONS, database=database_urls.name)

    assert before.count("policy|") > 10
    assert postgres.execute(DEFINITIONS, database=restored) == before


def test_a_restored_database_separates_tenants(restored: str, postgres: RunningPostgres) -> None:
    seen = "SELECT string_agg(slug, ',') FROM crm.organizations"

    assert as_app(postgres, restored, seen) == ""
    assert as_app(postgres, restored, seen, AURORA.id) == "aurora"
    assert as_app(postgres, restored, seen, BOREAL.id) == "boreal"


def test_a_restored_database_is_closed_to_strangers(
    restored: str, postgres: RunningPostgres
) -> None:
    granted = postgres.execute(
        f"SELECT has_database_privilege('public', '{restored}', 'CONNECT')", database=restored
    )

    assert granted.strip() == "f"


def as_app(postgres: RunningPostgres, database: str, query: str, organization: object = "") -> str:
    """One query as the services see it."""
    tenant = f"SET app.organization_id = '{organization}'"
    done = subprocess.run(
        [
            postgres.bin / "psql",
            postgres.url("cogep_app", database),
            "-XqAt",
            "-c",
            tenant,
            "-c",
            query,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_dump_is_for_its_owner_only(dump: Path) -> None:
    assert dump.stat().st_mode & 0o077 == 0
    assert dump.with_name(f"{dump.name}.sha256").exists()


def test_a_role_that_row_level_security_applies_to_cannot_back_up(
    environment: dict[str, str], postgres: RunningPostgres, tmp_path: Path
) -> None:
    owner = {"PGUSER": "cogep_owner", "PGPASSWORD": postgres.passwords.owner}
    changed = environment | owner | {"BACKUP_DIR": str(tmp_path)}

    done = run("backup-db.sh", environment=changed, check=False)

    assert done.returncode != 0
    assert "row-level security" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_empty_database_is_not_taken_for_a_backup(
    environment: dict[str, str], tmp_path: Path
) -> None:
    changed = environment | {"PGDATABASE": "postgres", "BACKUP_DIR": str(tmp_path)}

    done = run("backup-db.sh", environment=changed, check=False)

    assert done.returncode != 0
    assert "holds no tables" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_old_dumps_go_but_never_the_last_ones(
    environment: dict[str, str], database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    old = [tmp_path / f"{database_urls.name}-2020010{day}T000000Z.dump" for day in range(1, 6)]
    other = tmp_path / "another-20200101T000000Z.dump"
    for file in (*old, *(file.with_name(f"{file.name}.sha256") for file in old), other):
        file.write_text("old", "utf-8")
        os.utime(file, (0, 0))

    written = Path(
        run("backup-db.sh", environment=environment | {"BACKUP_DIR": str(tmp_path)}).stdout.strip()
    )

    left = {file.name for file in tmp_path.glob("*.dump")}
    assert left == {written.name, old[4].name, old[3].name, other.name}
    assert len(list(tmp_path.glob("*.sha256"))) == 3


def test_an_existing_database_is_never_overwritten(
    dump: Path, environment: dict[str, str], database_urls: DatabaseUrls
) -> None:
    assert "exists" in refusal(str(dump), database_urls.name, environment=environment)


def test_a_damaged_dump_is_not_restored(
    dump: Path, environment: dict[str, str], tmp_path: Path, postgres: RunningPostgres
) -> None:
    damaged = tmp_path / dump.name
    content = bytearray(dump.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    checksum = dump.with_name(f"{dump.name}.sha256")
    (tmp_path / checksum.name).write_text(checksum.read_text("utf-8"), "utf-8")

    problem = refusal(str(damaged), "cogep_damaged", environment=environment)

    assert "does not have the checksum" in problem
    assert "cogep_damaged" not in databases(postgres)


def test_a_dump_without_a_checksum_is_not_restored(
    dump: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    lonely = tmp_path / dump.name
    lonely.write_bytes(dump.read_bytes())

    assert "no checksum" in refusal(str(lonely), "cogep_lonely", environment=environment)


def test_a_restore_that_fails_leaves_nothing(
    environment: dict[str, str], tmp_path: Path, postgres: RunningPostgres
) -> None:
    nonsense = tmp_path / "nonsense.dump"
    nonsense.write_bytes(b"PGDMP and then nothing of use")
    digest = subprocess.run(
        ["sha256sum", nonsense.name], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    (tmp_path / "nonsense.dump.sha256").write_text(digest.stdout, "utf-8")

    problem = refusal(str(nonsense), "cogep_nonsense", environment=environment)

    assert "nothing was restored" in problem
    assert "cogep_nonsense" not in databases(postgres)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"STORAGE_URL": "", "COGEP_STATE_DIR": "/nonexistent"}, "STORAGE_URL"),
        ({"LEDGER_SIGNING_KEY": ""}, "LEDGER_SIGNING_KEY is missing"),
        ({"REPLAY": "false"}, "could not be erased again"),
        ({"REPLAY": "none"}, "this database knows erasures"),
    ],
)
def test_a_restore_that_cannot_erase_again_leaves_nothing(
    dump: Path,
    environment: dict[str, str],
    postgres: RunningPostgres,
    changed: dict[str, str],
    told: str,
) -> None:
    problem = refusal(str(dump), "cogep_unreplayed", environment=environment | changed)

    assert told in problem
    assert "nothing was restored" in problem
    assert "cogep_unreplayed" not in databases(postgres)


def test_a_forged_ledger_stops_the_restore(
    dump: Path, environment: dict[str, str], postgres: RunningPostgres, tmp_path: Path
) -> None:
    forged = tmp_path / "suppression-ledger" / str(AURORA.id) / f"{uuid4()}.json"
    forged.parent.mkdir(parents=True)
    forged.write_text('{"head": "{}", "signature": "AAAA"}', "utf-8")
    changed = environment | {"STORAGE_URL": tmp_path.as_uri()}

    problem = refusal(str(dump), "cogep_forged", environment=changed)

    assert "not to be believed" in problem
    assert "cogep_forged" not in databases(postgres)


@pytest.mark.parametrize("name", ["", "Cogep", 'cogep"; DROP', "cogep-prod"])
def test_a_name_that_needs_quoting_is_refused(
    dump: Path, environment: dict[str, str], name: str
) -> None:
    assert "small letters" in refusal(str(dump), name, environment=environment)


@pytest.mark.parametrize("missing", ["COGEP_OWNER_PASSWORD", "COGEP_APP_PASSWORD", "PGHOST"])
def test_a_missing_setting_is_named(dump: Path, environment: dict[str, str], missing: str) -> None:
    given = {name: value for name, value in environment.items() if name != missing}

    assert missing in refusal(str(dump), "cogep_unset", environment=given)
