"""The two schemas of the event bench: an outbox here, an inbox there, as migrations make them."""

from collections.abc import Sequence
from itertools import cycle, islice

import asyncpg
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.ext.asyncio import create_async_engine

from bench.servers import Servers
from chassis.data import migrations
from shared_schemas.events import BaseEvent, TicketCreated
from shared_schemas.ids import OrganizationId, new_id

SOURCE = "bench_source"
TARGET = "bench_target"
ORGANIZATIONS = tuple(OrganizationId(new_id()) for _ in range(10))


async def create_schemas(servers: Servers) -> None:
    """Both schemas with the tables every service has, isolation and grants included."""
    engine = create_async_engine(servers.database_url("cogep_owner"))

    def create(connection: sa.Connection) -> None:
        operations = Operations(MigrationContext.configure(connection))
        for schema in (SOURCE, TARGET):
            migrations.create_schema(operations, schema)
            migrations.create_system_tables(operations, schema)

    async with engine.begin() as connection:
        await connection.run_sync(create)
    await engine.dispose()


def events(count: int) -> list[BaseEvent]:
    """Tickets created in ten organizations in turn."""
    return [
        TicketCreated.caused(
            organization_id=organization,
            correlation_id="bench",
            ticket_id=new_id(),
            client_id=new_id(),
        )
        for organization in islice(cycle(ORGANIZATIONS), count)
    ]


async def commit_to_outbox(admin: asyncpg.Connection, published: Sequence[BaseEvent]) -> None:
    """Commit all events at once, as rows `outbox.add` would have written."""
    await admin.copy_records_to_table(
        "outbox",
        schema_name=SOURCE,
        columns=["id", "organization_id", "event_type", "envelope"],
        records=[
            (event.event_id, event.organization_id, event.event_type, event.model_dump_json())
            for event in published
        ],
    )


async def empty(admin: asyncpg.Connection) -> None:
    """Forget everything of the previous round."""
    await admin.execute(f"TRUNCATE {SOURCE}.outbox, {TARGET}.inbox")
    await admin.execute("CHECKPOINT")


async def handled(admin: asyncpg.Connection) -> int:
    """How many events have a committed inbox row."""
    count: int = await admin.fetchval(f"SELECT count(*) FROM {TARGET}.inbox")
    return count
