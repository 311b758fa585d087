"""Publishing: an event is a row of the transaction that made it true."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from opentelemetry import propagate
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import registry

from chassis.data.database import OUTBOX_WRITTEN
from chassis.data.system_tables import outbox_items
from shared_schemas.events import BaseEvent

_WRITTEN: Final = ("id", "organization_id", "event_type", "envelope")
_PREFIX: Final = "event_"


def add(session: AsyncSession, event: BaseEvent) -> None:
    """Publishes `event` if, and only if, the session's transaction commits.

    The way to publish. The row is written with the session's next flush.
    """
    session.add(_row_class(session.info["schema"])(**_values(session, event)))


async def add_all(session: AsyncSession, events: Sequence[BaseEvent]) -> None:
    """Publishes many at once, in one statement."""
    rows = [_values(session, event) for event in events]
    await session.execute(sa.insert(_table(session.info["schema"])), rows)


def insertion(schema: str, *, of: sa.FromClause | None = None) -> sa.Insert:
    """The statement that publishes; its parameters are `parameters(session, event)`.

    For a hot command that hangs its own inserts on it (`add_cte`) and so takes one round trip. To
    be built once. With `of` it publishes as many times as that has rows: once, or not at all.
    """
    table = _table(schema)
    values = {name: sa.bindparam(_PREFIX + name, type_=table.c[name].type) for name in _WRITTEN}
    if of is None:
        return sa.insert(table).values(values)
    rows = sa.select(*values.values()).select_from(of)
    return sa.insert(table).from_select(list(values), rows, include_defaults=False)


def parameters(session: AsyncSession, event: BaseEvent) -> dict[str, Any]:
    """What `insertion` binds for an event of the session's transaction."""
    return {_PREFIX + name: value for name, value in _values(session, event).items()}


def _values(session: AsyncSession, event: BaseEvent) -> dict[str, Any]:
    """The row of an event that this transaction may publish."""
    info = session.info
    if event.organization_id != info["organization_id"]:
        raise ValueError(f"{event.event_type} of another organization than the transaction's")
    if info["read_only"]:
        raise ValueError(f"{event.event_type} in a read-only transaction")
    info[OUTBOX_WRITTEN] = True
    return {
        "id": event.event_id,
        "organization_id": event.organization_id,
        "event_type": event.event_type,
        "envelope": _traced(event).model_dump_json(),
    }


def _traced(event: BaseEvent) -> BaseEvent:
    """With the current span as the event's cause, unless it names one itself."""
    if event.traceparent is not None:
        return event
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    traceparent = carrier.get("traceparent")
    return event.model_copy(update={"traceparent": traceparent}) if traceparent else event


@cache
def _table(schema: str) -> sa.Table:
    return sa.Table("outbox", sa.MetaData(schema=schema), *outbox_items())


@cache
def _row_class(schema: str) -> Any:
    """The mapped class of one schema's outbox."""
    row = type("OutboxRow", (), {"__doc__": f"An event in {schema}.outbox."})
    registry().map_imperatively(
        row,
        _table(schema),
        # Filled in by PostgreSQL and read by the relay only.
        exclude_properties={"position", "created_at", "published_at"},
    )
    return row
