"""The rows of a submission, written in one round trip: document, version, job, event, usage.

The same statement looks whether the organization has the content already and has room for more:
nobody pays another round trip for that. Built and compiled once, of tables and not of mapped
classes: the unit of work would cost more than everything else that queueing a document does. Each
value is bound once, whatever rows it goes into.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.data.compiled import CompiledStatement, one_row
from chassis.messaging import outbox
from chassis.observability.tracing import current_traceparent
from knowledge import usage
from knowledge.duplicates import given, searching_as, twin_of_submission
from knowledge.models import SCHEMA, Document, DocumentVersion, IngestionJob
from knowledge.quotas import Quota, Room, may_add_now, sums, wait_for_turn
from shared_schemas.actor import Actor
from shared_schemas.events import DocumentSubmitted
from shared_schemas.ids import new_id

_DOCUMENTS: Final = cast("sa.Table", Document.__table__)
_VERSIONS: Final = cast("sa.Table", DocumentVersion.__table__)
_JOBS: Final = IngestionJob.__table__
_OF_JOB: Final = (
    "id",
    "organization_id",
    "document_id",
    "version_number",
    "correlation_id",
    "traceparent",
)
_UNKNOWN_YET: Final = frozenset(
    {
        "charset",
        "character_count",
        "current_version",
        "error_code",
        "error_message",
        "indexed_at",
        "outline",
        "page_count",
        "stages",
        "uncorrected",
        "unread_pages",
    }
)
"""Null in every row that is submitted."""
_AT_FIRST: Final = {
    "status": "'pending'",
    "latest_version": "1",
    "version": "1",
    "chunk_count": "0",
}
"""The same in every row that is submitted."""
_BOUND_AS: Final = {
    "documents.id": "document_id",
    "documents.updated_at": "created_at",
    "document_versions.id": "version_id",
    "ingestion_queue.id": "job_id",
    "ingestion_queue.version_number": "number",
}
"""Parameters that are not called like their column."""
_TENANT: Final = given("organization_id", sa.Uuid())


def _value(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    if column.name in _AT_FIRST:
        return sa.literal_column(_AT_FIRST[column.name], column.type)
    return given(_BOUND_AS.get(f"{column.table.name}.{column.name}", column.name), column.type)


def _room(twin: sa.CTE | None, *, with_document: bool) -> sa.CTE:
    """One row if there is room, and nothing like it yet."""
    usage_now = sums(_TENANT, "documents", "bytes").subquery("usage_now")
    has_room = [usage_now.c.bytes <= given("most_bytes", sa.BigInteger())]
    if with_document:
        has_room.append(usage_now.c.documents <= given("most_documents", sa.BigInteger()))
    if twin is not None:
        has_room.append(sa.select(twin.c.id).scalar_subquery().is_(None))
    may_add = may_add_now(_TENANT, sa.and_(*has_room), given("is_alone", sa.Boolean()))
    # Each row that is written asks for it: evaluated once, and the lock taken once.
    one: sa.ColumnElement[int] = sa.literal_column("1", sa.Integer())
    free = sa.select(one.label("free")).select_from(usage_now).where(may_add)
    return free.cte("room")


def _adding(table: sa.Table, columns: Iterable[str], room: sa.CTE) -> sa.CTE:
    names = [name for name in columns if name not in _UNKNOWN_YET]
    rows = sa.select(*(_value(table.c[name]) for name in names)).select_from(room)
    inserted = sa.insert(table).from_select(names, rows, include_defaults=False)
    return inserted.cte(f"new_{table.name}")


def _statement(*, with_document: bool, unless_like: bool = False) -> CompiledStatement:
    twin = twin_of_submission() if unless_like else None
    room = _room(twin, with_document=with_document)
    added: dict[str, Any] = {"bytes": given("counted_bytes", sa.BigInteger())}
    if with_document:
        added["documents"] = sa.literal_column("1", sa.BigInteger())
    rows = [
        outbox.insertion(SCHEMA, of=room).cte("new_event"),
        _adding(_JOBS, _OF_JOB, room),
        usage.adding_from(room, organization_id=_TENANT, **added).cte("new_usage"),
        _adding(_VERSIONS, _VERSIONS.c.keys(), room),
    ]
    if with_document:
        rows.append(_adding(_DOCUMENTS, _DOCUMENTS.c.keys(), room))
    found = sa.select(twin.c.id).scalar_subquery() if twin is not None else sa.null()
    done = sa.exists(sa.select(room.c.free))
    return CompiledStatement(sa.select(found.label("twin_id"), done.label("done")).add_cte(*rows))


_SUBMIT: Final = _statement(with_document=True)
_SUBMIT_UNLESS_LIKE: Final = _statement(with_document=True, unless_like=True)
_ADD_VERSION: Final = _statement(with_document=False)
_ENQUEUE: Final = outbox.insertion(SCHEMA).add_cte(
    sa.insert(_JOBS).values({name: _value(_JOBS.c[name]) for name in _OF_JOB}).cte("new_job")
)


@dataclass(frozen=True, slots=True)
class Rows:
    """What a submission writes. Without a document it is a version of one that is there."""

    document: dict[str, Any] | None
    version: dict[str, Any]

    @property
    def weight(self) -> tuple[int, int]:
        """Documents and bytes."""
        return (0 if self.document is None else 1), self.version["counted_bytes"]


async def write(
    session: AsyncSession, actor: Actor, rows: Rows, quota: Quota, *, unless_like: bool = False
) -> UUID | None:
    """Writes all of it, or nothing: then, with `unless_like`, the document's id that says the same
    already. Raises QuotaExceeded."""
    version, document = rows.version, rows.document or {}
    values = {**version, "version_id": version["id"], **document}
    values |= _of_job(actor, version["document_id"], version["number"])
    statement = _SUBMIT if rows.document else _ADD_VERSION
    if unless_like:
        statement = _SUBMIT_UNLESS_LIKE
        values |= searching_as(actor)
    parameters = _published(session, actor, values)
    everybody = Room.of_everybody()
    twin_id, done = await _tried(session, statement, parameters, quota, everybody, alone=False)
    if not done and twin_id is None:
        await wait_for_turn(session, actor.organization_id)
        room = Room.of(*rows.weight)
        twin_id, done = await _tried(session, statement, parameters, quota, room, alone=True)
    if not done and twin_id is None:
        raise await _exceeded(session, actor, rows, quota)
    return twin_id


async def enqueue(session: AsyncSession, actor: Actor, document_id: UUID, number: int) -> None:
    """A version that is there goes into the queue (again)."""
    job = _of_job(actor, document_id, number)
    await session.execute(_ENQUEUE, _published(session, actor, job))


async def _tried(
    session: AsyncSession,
    statement: CompiledStatement,
    parameters: dict[str, Any],
    quota: Quota,
    room: Room,
    *,
    alone: bool,
) -> tuple[UUID | None, bool]:
    parameters["given_is_alone"] = alone
    parameters["given_most_documents"] = quota.documents - room.documents
    parameters["given_most_bytes"] = quota.bytes - room.bytes
    found = await one_row(session, statement, parameters)
    return found.twin_id, found.done


async def _exceeded(session: AsyncSession, actor: Actor, rows: Rows, quota: Quota) -> Exception:
    tenant = sa.literal(actor.organization_id, sa.Uuid())
    now = sums(tenant, "documents", "bytes")
    documents, weight = (await session.execute(now)).one()
    added = rows.weight
    return quota.exceeded(documents + added[0], weight + added[1])


def _of_job(actor: Actor, document_id: UUID, number: int) -> dict[str, Any]:
    return {
        "job_id": new_id(),
        "organization_id": actor.organization_id,
        "document_id": document_id,
        "number": number,
        "correlation_id": actor.request_id,
        "traceparent": current_traceparent(),
    }


def _published(session: AsyncSession, actor: Actor, values: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a statement that also publishes what these values submit."""
    event = DocumentSubmitted.by(actor, document_id=values["document_id"])
    return {
        **{f"given_{name}": value for name, value in values.items()},
        **outbox.parameters(session, event),
    }


def empty_version() -> dict[str, Any]:
    """Every column of a version about which nothing is known yet."""
    return {**dict.fromkeys(_VERSIONS.c.keys()), "chunk_count": 0, "created_at": utc_now()}
