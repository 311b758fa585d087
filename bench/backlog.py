"""Documents waiting to be ingested, and how far the worker is with them."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID, uuid4

import asyncpg

from bench.texts import portuguese_text
from chassis.data.database import Database
from chassis.data.object_storage import ObjectStorage
from devstack.people import PEOPLE
from knowledge.storage import original_key
from knowledge.submission import Source, Upload, submit
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, UserId, new_id
from shared_schemas.permissions import Role, permissions_of

TEXT_BYTES = 5_000
_PER_TRANSACTION = 20


async def submit_texts(database: Database, count: int, *, first: int = 0) -> None:
    """Submit `count` texts of 5 KB as ai-svc would, for two organizations in turn.

    The texts are those numbered from `first` on: no two alike.
    """
    actors = [_actor("ana"), _actor("beto")]
    for start in range(first, first + count, _PER_TRANSACTION):
        actor = actors[start // _PER_TRANSACTION % len(actors)]
        async with database.transaction(actor.organization_id) as session:
            for seed in range(start, min(start + _PER_TRANSACTION, first + count)):
                await submit(session, actor, Source.text(portuguese_text(seed, TEXT_BYTES)))


async def submit_file(database: Database, storage: ObjectStorage, raw: bytes, name: str) -> UUID:
    """Submit an upload; returns the document's id."""
    actor = _actor("ana")
    upload = Upload(new_id(), new_id())
    key = original_key(actor.organization_id, upload.document_id, upload.version_id)
    stored = await storage.put_stream(key, _parts(raw), max_bytes=len(raw))
    async with database.transaction(actor.organization_id) as session:
        await submit(session, actor, Source.file(stored, name), upload=upload)
    return upload.document_id


async def _parts(raw: bytes) -> AsyncIterator[bytes]:
    yield raw


async def seconds_of_work(admin: asyncpg.Connection, document_id: UUID) -> float:
    """What all stages of a document's version took together."""
    seconds: float = await admin.fetchval(
        "SELECT sum(value::float8) FROM ai.document_versions, jsonb_each_text(stages)"
        " WHERE document_id = $1",
        document_id,
    )
    return seconds


async def unfinished(admin: asyncpg.Connection) -> int:
    """How many jobs wait or are being worked on."""
    count: int = await admin.fetchval(
        "SELECT count(*) FROM ai.ingestion_queue WHERE state IN ('pending', 'processing')"
    )
    return count


async def indexed_at(admin: asyncpg.Connection) -> Sequence[float]:
    """When each document was indexed, in order, as seconds since the epoch.

    Raises AssertionError when one has failed: a rate of failures means nothing.
    """
    failed = await admin.fetch(
        "SELECT error_code, error_message FROM ai.documents WHERE status IN ('failed', 'cancelled')"
    )
    if failed:
        raise AssertionError(f"{len(failed)} documents failed, the first with {dict(failed[0])}")
    rows = await admin.fetch(
        "SELECT extract(epoch FROM indexed_at)::float8 AS at FROM ai.document_versions"
        " WHERE indexed_at IS NOT NULL ORDER BY indexed_at"
    )
    return [row["at"] for row in rows]


def _actor(person: str) -> Actor:
    roles = frozenset({Role.ADMIN})
    return Actor(
        organization_id=OrganizationId(PEOPLE[person].organization.id),
        user_id=UserId(PEOPLE[person].sub),
        roles=roles,
        request_id=f"bench-{uuid4()}",
        permissions=permissions_of(roles),
    )
