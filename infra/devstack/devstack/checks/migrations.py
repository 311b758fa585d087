"""Migrations: up, down, up again; models and migrations agree; squawk finds nothing that locks."""

import subprocess
import sys
import sysconfig
import tempfile
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.util import CommandError

from alembic import command
from devstack.checkout import ROOT
from devstack.errors import DevstackError
from devstack.migrations import migrated_services
from devstack.ports import free_port
from devstack.servers.postgres import Passwords, PostgresServer
from devstack.settings import current_settings

_DATABASE = "cogep"
_SCHEMAS = {"core-api": "crm", "ai-svc": "ai"}
_ALONE = "-- autocommit\n"
"""Marks a recorded statement that was a transaction by itself."""


def check(postgres: PostgresServer) -> None:
    """Raises DevstackError with one line for the first thing that is wrong."""
    url = postgres.url("cogep_owner", _DATABASE, "postgresql+psycopg")
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    for service in migrated_services():
        with engine.connect() as connection:
            statements = _round_trip(service, connection)
        _squawk(service.name, statements)
        print(f"{service.name}: up, down, up; in step with the models; squawk is content")
    engine.dispose()


def _round_trip(service: Path, connection: sa.Connection) -> list[str]:
    config = Config(service / "alembic.ini")
    config.attributes["connection"] = connection
    statements = _recorded(connection)
    try:
        command.upgrade(config, "head")
        first = list(statements)
        command.downgrade(config, "base")
        left = _left_behind(connection, _SCHEMAS[service.name])
        if left:
            raise DevstackError(f"{service.name}: downgrade leaves {', '.join(left)}")
        command.upgrade(config, "head")
        command.check(config)
    except (CommandError, sa.exc.SQLAlchemyError) as error:
        raise DevstackError(f"{service.name}: {str(error).splitlines()[0]}") from None
    return first


def _recorded(connection: sa.Connection) -> list[str]:
    """A list that grows with every statement the connection executes."""
    statements: list[str] = []

    @sa.event.listens_for(connection, "before_cursor_execute")
    def record(_connection: sa.Connection, _cursor: object, statement: str, *_rest: object) -> None:
        level = connection.get_execution_options().get("isolation_level")
        statements.append(f"{_ALONE}{statement}" if level == "AUTOCOMMIT" else statement)

    return statements


def _left_behind(connection: sa.Connection, schema: str) -> list[str]:
    """What a downgrade to base should have dropped: every table but the version table."""
    query = sa.text(
        "SELECT schemaname || '.' || tablename FROM pg_tables "
        "WHERE schemaname = :schema AND tablename <> 'alembic_version'"
    )
    found = [str(name) for name in connection.execute(query, {"schema": schema}).scalars()]
    connection.commit()
    return found


def _squawk(service: str, statements: list[str]) -> None:
    """Linted twice: what runs in a migration's transaction, and what is a transaction by itself."""
    ddl = [s.strip().rstrip(";") for s in statements if _is_ddl(s)]
    within = [statement for statement in ddl if not statement.startswith(_ALONE)]
    # A validation by itself blocks nobody and can be repeated, whatever squawk makes of it.
    alone = [s for s in ddl if s.startswith(_ALONE) and "VALIDATE CONSTRAINT" not in s]
    _lint(f"{service}-within", within, "--assume-in-transaction")
    _lint(f"{service}-alone", alone, "--no-assume-in-transaction")


def _lint(name: str, ddl: list[str], *options: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / f"{name}.sql"
        script.write_text("\n".join(f"{statement};" for statement in ddl))
        squawk = Path(sysconfig.get_path("scripts")) / "squawk"
        found = subprocess.run(
            [squawk, "--config", ROOT / ".squawk.toml", *options, script],
            capture_output=True,
            text=True,
            check=False,
        )
    if found.returncode != 0:
        print(found.stdout)
        raise DevstackError(f"{name}: squawk objects to a migration")


def _is_ddl(statement: str) -> bool:
    words = statement.removeprefix(_ALONE).lstrip().upper()
    if "ALEMBIC_VERSION" in words:  # Alembic's own table
        return False
    return words.startswith(("CREATE", "ALTER", "DROP", "COMMENT", "GRANT", "REVOKE"))


def main() -> int:
    """Run the check on a cluster of its own."""
    with tempfile.TemporaryDirectory(prefix="cogep-migrations-") as folder:
        postgres = PostgresServer(
            Path(folder) / "postgres",
            free_port(),
            Passwords.generate(),
            major=current_settings().postgres_major,
            durable=False,
        )
        try:
            postgres.start()
            postgres.wait_until_ready()
            postgres.create_roles_and_database(_DATABASE)
            check(postgres)
        except DevstackError as error:
            print(f"migrations: {error}", file=sys.stderr)
            return 1
        finally:
            with suppress(DevstackError):
                postgres.stop(immediate=True)
            postgres.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
