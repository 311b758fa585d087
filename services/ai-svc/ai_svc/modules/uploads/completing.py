"""The end of an upload: its parts become the original of a document that is submitted, once."""

from collections.abc import AsyncIterator, Sequence

from ai_svc.modules.access.service import refresh
from ai_svc.modules.documents.schemas import FileFields
from ai_svc.modules.documents.submitting import submit_as_said
from ai_svc.modules.uploads.exceptions import ChecksumMismatch, UploadNotFound
from ai_svc.modules.uploads.models import Upload
from ai_svc.modules.uploads.repository import Part, Uploads
from ai_svc.modules.uploads.storing import drop_prefix, prefix_of
from ai_svc.workshop import Workshop
from chassis.data.object_storage import ObjectMissing, StoredObject
from knowledge.failures import DocumentRefused
from knowledge.quotas import QuotaExceeded
from knowledge.storage import original_key, put_original
from knowledge.storage import prefix_of as document_prefix
from knowledge.submission import Source
from knowledge.submission import Upload as Ids
from shared_schemas.actor import Actor


async def complete(workshop: Workshop, actor: Actor, upload: Upload, last: Sequence[Part]) -> None:
    """Joins all parts and submits the document. Raises OffsetConflict when somebody else has,
    ChecksumMismatch and DocumentRefused when the whole is no good: then the upload is over."""
    ids = Ids()  # of this attempt: who comes second overwrites nothing
    kept = False
    try:
        key = original_key(actor.organization_id, ids.document_id, ids.version_id)
        stored = await _join(workshop, actor, upload, last, key)
        source = _checked(upload, stored)
        fields = FileFields.model_validate(upload.fields)
        await refresh(workshop, actor, fields.client_id)
        async with workshop.database.transaction(actor.organization_id) as session:
            submitted = await submit_as_said(
                session, actor, source, fields, ids, workshop.settings.ingestion.quota
            )
            document_id = submitted.document.id
            await Uploads(session, actor).finish(upload.id, last[0].starts_at, document_id)
        kept = not submitted.is_duplicate
    except QuotaExceeded:
        raise  # once there is room, the last part may be sent again
    except (ChecksumMismatch, DocumentRefused, ObjectMissing) as error:
        async with workshop.database.transaction(actor.organization_id) as session:
            await Uploads(session, actor).delete(upload.id)
        await drop_prefix(workshop.storage, prefix_of(actor.organization_id, upload.id))
        if isinstance(error, ObjectMissing):
            raise UploadNotFound from error
        raise
    finally:
        if not kept:
            await drop_prefix(
                workshop.storage, document_prefix(actor.organization_id, ids.document_id)
            )
    await drop_prefix(workshop.storage, prefix_of(actor.organization_id, upload.id))


async def _join(
    workshop: Workshop, actor: Actor, upload: Upload, last: Sequence[Part], key: str
) -> StoredObject:
    async with workshop.database.transaction(actor.organization_id, read_only=True) as session:
        earlier = await Uploads(session, actor).keys(upload.id)

    async def whole() -> AsyncIterator[bytes]:
        for part in (*earlier, *(part.storage_key for part in last)):
            found = await workshop.storage.open(part)
            async for piece in found.parts:
                yield piece

    limit = workshop.settings.ingestion.max_file_bytes
    return await put_original(workshop.storage, key, whole(), max_bytes=limit)


def _checked(upload: Upload, stored: StoredObject) -> Source:
    if stored.size_bytes != upload.size_bytes:
        raise ChecksumMismatch
    if upload.sha256 is not None and stored.sha256 != upload.sha256:
        raise ChecksumMismatch
    return Source.file(stored, upload.file_name)
