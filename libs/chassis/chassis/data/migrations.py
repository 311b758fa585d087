"""What Alembic migrations and env.py files use: schemas, grants, tenant isolation, the runner."""

import asyncio
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Literal

import sqlalchemy as sa
from alembic.config import Config
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from alembic import context
from chassis.data.database import Database
from chassis.data.system_tables import idempotency_items, inbox_items, outbox_items

Verb = Literal["SELECT", "INSERT", "UPDATE", "DELETE"]
Op = Operations | ModuleType
"""`alembic.op` is a module: it passes everything on to the running migration's Operations."""

APP_ROLE: Final = "cogep_app"
WORKER_ROLE: Final = "cogep_worker"
OWNER_ROLE: Final = "cogep_owner"
ALL_VERBS: Final[tuple[Verb, ...]] = ("SELECT", "INSERT", "UPDATE", "DELETE")
_PREPARER: Final = PGDialect().identifier_preparer  # type: ignore[no-untyped-call]  # SQLAlchemy left it out
LOCK_TIMEOUT: Final = "5s"
"""A migration that cannot get its lock gives up instead of queueing every request behind it."""

_TURN_POLL_SECONDS: Final = 0.5

TENANT: Final = "organization_id = nullif(current_setting('app.organization_id', true), '')::uuid"
"""True for rows of the transaction's tenant; without a tenant it is null, which is no row."""


def create_schema(op: Op, schema: str) -> None:
    """The service's schema, usable by the two roles that do not own it."""
    op.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(schema)}")
    op.execute(f"GRANT USAGE ON SCHEMA {_quoted(schema)} TO {APP_ROLE}, {WORKER_ROLE}")


def drop_schema(op: Op, schema: str) -> None:
    """Undoes `create_schema`. The schema itself stays: Alembic's version table lives in it."""
    op.execute(f"REVOKE USAGE ON SCHEMA {_quoted(schema)} FROM {APP_ROLE}, {WORKER_ROLE}")


def create_system_tables(op: Op, schema: str) -> None:
    """outbox, inbox and idempotency_keys, isolated, and the worker's way across tenants."""
    op.create_table("outbox", *outbox_items(), schema=schema)
    op.create_table("inbox", *inbox_items(), schema=schema)
    op.create_table("idempotency_keys", *idempotency_items(), schema=schema)
    enable_tenant_isolation(op, schema, "outbox", verbs=("SELECT", "INSERT"))
    enable_tenant_isolation(op, schema, "inbox", verbs=("SELECT", "INSERT"))
    enable_tenant_isolation(op, schema, "idempotency_keys", verbs=("SELECT", "INSERT"))
    allow_worker(op, schema, "outbox", ("SELECT", "UPDATE", "DELETE"))
    allow_worker(op, schema, "inbox", ("SELECT", "DELETE"))
    allow_worker(op, schema, "idempotency_keys", ("SELECT", "DELETE"))


def drop_system_tables(op: Op, schema: str) -> None:
    """Undoes `create_system_tables`."""
    for table in ("idempotency_keys", "inbox", "outbox"):
        op.drop_table(table, schema=schema)


def enable_tenant_isolation(
    op: Op, schema: str, table: str, *, verbs: Iterable[Verb] = ALL_VERBS
) -> None:
    """Row-level security that also binds the table's owner, and the app role's grants."""
    name = _table(schema, table)
    op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {name} USING ({TENANT}) WITH CHECK ({TENANT})")
    grant(op, schema, table, verbs)


def disable_tenant_isolation(op: Op, schema: str, table: str) -> None:
    """Undoes `enable_tenant_isolation`, for a downgrade that keeps the table."""
    name = _table(schema, table)
    op.execute(f"REVOKE ALL ON {name} FROM {APP_ROLE}")
    op.execute(f"DROP POLICY tenant ON {name}")
    op.execute(f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY")


def allow_worker(op: Op, schema: str, table: str, verbs: Iterable[Verb]) -> None:
    """Lets the worker role cross tenants on this table, with these verbs only."""
    name = _table(schema, table)
    op.execute(f"CREATE POLICY worker ON {name} TO {WORKER_ROLE} USING (true) WITH CHECK (true)")
    grant(op, schema, table, verbs, role=WORKER_ROLE)


def grant(op: Op, schema: str, table: str, verbs: Iterable[Verb], *, role: str = APP_ROLE) -> None:
    """Grants verbs on one table."""
    op.execute(f"GRANT {', '.join(verbs)} ON {_table(schema, table)} TO {_quoted(role)}")


def hold_off_vacuum(op: Op, schema: str, table: str) -> None:
    """To begin a transaction with that will lock a table against everybody.

    Who waits for that lock has every reader of the table wait behind him, and a vacuum, which big
    changes bring about, gives way only after a second. Behind this lock only the migration waits.
    """
    op.execute(f"LOCK TABLE {_table(schema, table)} IN SHARE UPDATE EXCLUSIVE MODE")


@contextmanager
def all_rows(op: Op, schema: str, *tables: str) -> Iterator[None]:
    """Row-level security binds the owner too; meanwhile, on these tables, it does not."""
    for table in tables:
        name = _table(schema, table)
        _briefly(op, name, f"DROP POLICY IF EXISTS migration ON {name}")
        _briefly(op, name, f"CREATE POLICY migration ON {name} TO {OWNER_ROLE} USING (true)")
    try:
        yield
    finally:
        for table in tables:
            name = _table(schema, table)
            _briefly(op, name, f"DROP POLICY migration ON {name}")


def _briefly(op: Op, table: str, statement: str) -> None:
    """As `hold_off_vacuum`, where each statement is a transaction."""
    lock = f"LOCK TABLE {table} IN SHARE UPDATE EXCLUSIVE MODE"
    op.execute(f"DO $briefly$ BEGIN {lock}; {statement}; END $briefly$")


def enum_check(column: str, values: Iterable[str], name: str | None = None) -> sa.CheckConstraint:
    """The CHECK of a `text_enum` column, with the values it had on the migration's day."""
    allowed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({allowed})", name=name or column)


def run_env(metadata: sa.MetaData, schema: str) -> None:
    """The whole of a service's alembic/env.py: connects as the owner and migrates one schema."""
    config = context.config
    given = config.attributes.get("connection")
    if given is not None:
        _run(given, metadata, schema)
        return
    url = config.get_main_option("sqlalchemy.url") or os.environ.get("DATABASE_OWNER_URL")
    if not url:
        raise SystemExit("DATABASE_OWNER_URL is missing: migrations run as the owner of the tables")
    asyncio.run(_connect_and_run(url, metadata, schema))


async def _connect_and_run(url: str, metadata: sa.MetaData, schema: str) -> None:
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_run, metadata, schema)
    finally:
        await engine.dispose()


def _run(connection: sa.Connection, metadata: sa.MetaData, schema: str) -> None:
    with _turn(connection, schema):
        _migrate(connection, metadata, schema)
        _show_version(connection, schema)


def _migrate(connection: sa.Connection, metadata: sa.MetaData, schema: str) -> None:
    connection.execute(
        sa.text("SELECT set_config('lock_timeout', :limit, false)"), {"limit": LOCK_TIMEOUT}
    )
    # The version table lives in the schema, so the schema comes before the first migration.
    connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
    connection.commit()

    partitions = _partitions(connection, schema)

    def include_name(name: str | None, kind: str, _parents: Any) -> bool:
        return name == schema if kind == "schema" else name not in partitions

    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema=schema,
        include_schemas=True,
        include_name=include_name,
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _partitions(connection: sa.Connection, schema: str) -> frozenset[str]:
    """Parts of tables: models know the whole tables only."""
    found = connection.execute(
        sa.text(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = :schema AND c.relispartition"
        ),
        {"schema": schema},
    )
    names = frozenset(found.scalars())
    connection.commit()
    return names


@contextmanager
def _turn(connection: sa.Connection, schema: str) -> Iterator[None]:
    """Replicas that start together migrate one after the other; the later ones find nothing to do.

    Polled, in transactions of their own: CREATE INDEX CONCURRENTLY waits for every transaction that
    is older than itself, also for one that only waits for a lock.
    """
    name = sa.func.hashtextextended(f"migrate:{schema}", 0)
    while not connection.scalar(sa.select(sa.func.pg_try_advisory_lock(name))):
        connection.commit()
        time.sleep(_TURN_POLL_SECONDS)
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(sa.select(sa.func.pg_advisory_unlock(name)))
        connection.commit()


def _show_version(connection: sa.Connection, schema: str) -> None:
    """Lets services see which revision is applied: they report it in /health/ready."""
    version = _table(schema, "alembic_version")
    if connection.execute(sa.text("SELECT to_regclass(:name)"), {"name": version}).scalar():
        connection.execute(sa.text(f"GRANT SELECT ON {version} TO {APP_ROLE}, {WORKER_ROLE}"))
    connection.commit()


@cache
def migration_heads(script_location: Path) -> frozenset[str]:
    """The newest revisions in a service's alembic/ directory."""
    config = Config()
    config.set_main_option("script_location", str(script_location))
    return frozenset(ScriptDirectory.from_config(config).get_heads())


async def head_revision_is_applied(database: Database, script_location: Path) -> bool:
    """Whether the database is at the revision this code was written for."""
    version = sa.table("alembic_version", sa.column("version_num", sa.Text()))
    version.schema = database.schema
    try:
        async with database.worker_transaction() as session:
            applied = await session.scalars(sa.select(version.c.version_num))
    except ProgrammingError:
        return False  # no such table, or not allowed to see it: nothing was migrated yet
    return frozenset(applied) == migration_heads(script_location)


def _quoted(name: str) -> str:
    return _PREPARER.quote(name)


def _table(schema: str, table: str) -> str:
    return f"{_quoted(schema)}.{_quoted(table)}"
