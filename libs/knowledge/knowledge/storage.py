"""Where the originals of documents lie in the object storage, and how their failures are told.

Keys are `{organization}/{document}/{version's id}/original`, for a page
`{organization}/{document}/{job}.{lease token}/original`: everything of a document lies under one
prefix, and no name given by a user is part of it.
"""

from collections.abc import AsyncIterable
from uuid import UUID

from chassis.data.object_storage import ObjectMissing, ObjectStorage, ObjectTooLarge, StoredObject
from knowledge.failures import DocumentTooLarge, OriginalMissing
from knowledge.sandbox import File
from shared_schemas.ids import OrganizationId


def prefix_of(organization_id: OrganizationId, document_id: UUID) -> str:
    """Where everything of a document lies."""
    return f"{organization_id}/{document_id}/"


def version_prefix(organization_id: OrganizationId, document_id: UUID, version_id: UUID) -> str:
    """Where the upload of one version lies."""
    return f"{prefix_of(organization_id, document_id)}{version_id}/"


def original_key(organization_id: OrganizationId, document_id: UUID, version_id: UUID) -> str:
    """Where the file lies as it was sent."""
    return f"{version_prefix(organization_id, document_id, version_id)}original"


def fetched_prefix(
    organization_id: OrganizationId, document_id: UUID, job_id: UUID, lease_token: int
) -> str:
    """Where one attempt puts what it fetches: a worker that lost its lease overwrites nothing."""
    return f"{prefix_of(organization_id, document_id)}{job_id}.{lease_token}/"


async def drop_attempts(
    storage: ObjectStorage, of_document: str, job_id: UUID, *, keep: str | None
) -> None:
    """Deletes what all attempts of a job have fetched, but the key that was kept of it."""
    async for listed in storage.list(of_document):
        if listed.key.startswith(f"{of_document}{job_id}.") and listed.key != keep:
            await storage.delete(listed.key)


async def put_original(
    storage: ObjectStorage, key: str, chunks: AsyncIterable[bytes], *, max_bytes: int
) -> StoredObject:
    """Stores an original in little memory. Raises DocumentTooLarge, storing nothing."""
    try:
        return await storage.put_stream(key, chunks, max_bytes=max_bytes)
    except ObjectTooLarge as error:
        raise DocumentTooLarge.over(error.max_bytes) from None


async def open_original(storage: ObjectStorage, key: str) -> File:
    """The original as it arrives. Raises OriginalMissing."""
    try:
        found = await storage.open(key)
    except ObjectMissing as error:
        raise OriginalMissing from error
    return File(found.size_bytes, found.parts)


async def read_original(storage: ObjectStorage, key: str) -> bytes:
    """All bytes of a small original. Raises OriginalMissing."""
    try:
        return await storage.read(key)
    except ObjectMissing as error:
        raise OriginalMissing from error
