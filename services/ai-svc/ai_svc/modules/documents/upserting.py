"""What another system calls by its own id: there is one document of that name, and what was sent
last is what it says."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import Depends, Path
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from ai_svc.modules.access.service import refresh
from ai_svc.modules.documents.changing import change
from ai_svc.modules.documents.exceptions import (
    DocumentDeleted,
    DocumentNotFound,
    ExternalIdTaken,
)
from ai_svc.modules.documents.filing import require_basis
from ai_svc.modules.documents.intake import Intake, Receiving
from ai_svc.modules.documents.repository import Documents
from ai_svc.modules.documents.schemas import (
    DocumentChange,
    ExternalId,
    FileFields,
    TextOrUrl,
)
from ai_svc.modules.documents.submitting import submit_as_said
from ai_svc.workshop import CurrentWorkshop, Workshop
from chassis.security.authentication import CurrentActor
from chassis.web.error_handlers import driver_error
from chassis.web.errors import InvalidInput
from knowledge.access import reader_of
from knowledge.models import DeletedDocument, Document, DocumentStatus, DocumentVersion
from knowledge.storage import original_key, version_prefix
from knowledge.submission import Source, Upload
from knowledge.versions import submit_version
from shared_schemas.actor import Actor

_DOCUMENT = Receiving[FileFields](FileFields, TextOrUrl)
_STANDS = (DocumentStatus.PENDING, DocumentStatus.PROCESSING, DocumentStatus.INDEXED)
_OF_ITS_OWN = frozenset({"tags", "visibility", "allowed_roles", "allowed_team_ids"})
_OF_CLIENT = frozenset({"client_id", "purpose_code", "legal_basis"})

ByExternalId = Annotated[
    ExternalId,
    Path(
        description="What the other system calls it; slashes as they are, never as `%2F`",
        examples=["erp-4711"],
    ),
]


class Upserted(StrEnum):
    """What a PUT has done."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


class _Elsewhere(Exception):
    """The document is another than it was when its original was stored."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Which document, and what became of it."""

    document_id: UUID
    done: Upserted


async def receive(
    request: Request, external_id: ByExternalId, actor: CurrentActor, workshop: CurrentWorkshop
) -> AsyncIterator[Intake[FileFields]]:
    """The submission, stored where the document of that name has its originals."""
    async with workshop.database.transaction(actor.organization_id, read_only=True) as session:
        known = await _find(session, actor, external_id)
    upload = Upload() if known is None else Upload(known)
    async with _DOCUMENT.received(request, actor, workshop, upload) as intake:
        if intake.fields.external_id not in (None, external_id):
            raise InvalidInput.on(
                "body.external_id", "Deve ser o mesmo do endereço, ou ficar de fora."
            )
        await refresh(workshop, actor, intake.fields.client_id)
        yield intake


ExternalSubmission = Annotated[Intake[FileFields], Depends(receive, scope="function")]


async def upsert(
    workshop: Workshop, actor: Actor, external_id: str, received: Intake[FileFields]
) -> Outcome:
    """Raises Forbidden, LegalBasisMissing, QuotaExceeded, or ExternalIdTaken for a document that is
    not the actor's to read."""
    try:
        return await _upsert(workshop, actor, external_id, received)
    except _Elsewhere:
        pass
    except IntegrityError as error:
        if "external_id" not in str(getattr(driver_error(error), "constraint_name", "")):
            raise
    # Somebody else has just made the document, or deleted it.
    async with workshop.database.transaction(actor.organization_id, read_only=True) as session:
        known = await _find(session, actor, external_id)
    upload = Upload() if known is None else Upload(known)
    async with _moved(workshop, actor, received, upload) as moved:
        try:
            return await _upsert(workshop, actor, external_id, moved)
        except _Elsewhere as error:
            raise ExternalIdTaken from error  # twice in a moment: whose turn it is nobody knows


async def _upsert(
    workshop: Workshop, actor: Actor, external_id: str, received: Intake[FileFields]
) -> Outcome:
    quota = workshop.settings.ingestion.quota
    fields = received.fields.model_copy(
        update={"external_id": external_id, "allow_duplicate": True}
    )
    async with workshop.database.transaction(actor.organization_id) as session:
        known = await _find(session, actor, external_id)
        await _check_place(session, actor, known, received.upload)
        if known is None:
            submitted = await submit_as_said(
                session, actor, received.source, fields, received.upload, quota
            )
            outcome = Outcome(submitted.document.id, Upserted.CREATED)
        else:
            outcome = await _change(session, workshop, actor, known, received)
    if outcome.done is not Upserted.UNCHANGED:
        received.take()
    return outcome


async def _check_place(
    session: AsyncSession, actor: Actor, known: UUID | None, upload: Upload
) -> None:
    """The original lies under the document it is of, and no deleted one comes back. Raises
    _Elsewhere."""
    if known is not None:
        if upload.document_id != known:
            raise _Elsewhere
        return
    gone = sa.select(DeletedDocument.id).where(
        DeletedDocument.organization_id == actor.organization_id,
        DeletedDocument.id == upload.document_id,
    )
    if await session.scalar(gone) is not None:
        raise _Elsewhere


async def _change(
    session: AsyncSession,
    workshop: Workshop,
    actor: Actor,
    document_id: UUID,
    received: Intake[FileFields],
) -> Outcome:
    fields = received.fields
    documents = Documents(session, await reader_of(session, actor), fields.client_id)
    try:
        document = await documents.get_for_change(document_id, None)
    except (DocumentNotFound, DocumentDeleted) as error:
        raise ExternalIdTaken from error
    said = fields.model_fields_set & (_OF_ITS_OWN | _OF_CLIENT)
    changes = {name: getattr(fields, name) for name in said}
    if fields.title:
        changes["title"] = fields.title
    if changes:
        change(session, actor, document, DocumentChange(**changes))
        await require_basis(session, actor.organization_id, document)
        await session.flush()
    if await _says_so_already(session, document, received.source, fields):
        return Outcome(document_id, Upserted.UNCHANGED)
    new = await submit_version(
        session,
        actor,
        workshop.queue,
        document,
        received.source,
        title=fields.title,
        chunking=fields.cutting if "chunking" in fields.model_fields_set else None,
        language=fields.language,
        upload=received.upload,
        quota=workshop.settings.ingestion.quota,
    )
    return Outcome(document_id, Upserted.UNCHANGED if new.is_unchanged else Upserted.CHANGED)


async def _says_so_already(
    session: AsyncSession, document: Document, source: Source, fields: FileFields
) -> bool:
    """Also while it is on its way: who sends the same twice is not processed twice."""
    if source.content_sha256 is None or document.status not in _STANDS:
        return False
    wanted = [
        DocumentVersion.organization_id == document.organization_id,
        DocumentVersion.document_id == document.id,
        DocumentVersion.number == document.latest_version,
        DocumentVersion.content_sha256 == source.content_sha256,
    ]
    if "chunking" in fields.model_fields_set:
        wanted.append(DocumentVersion.chunking == fields.cutting)
    if fields.language is not None:
        wanted.append(DocumentVersion.language == fields.language)
    return await session.scalar(sa.select(DocumentVersion.number).where(*wanted)) is not None


async def _find(session: AsyncSession, actor: Actor, external_id: str) -> UUID | None:
    found: UUID | None = await session.scalar(
        sa.select(Document.id).where(
            Document.organization_id == actor.organization_id, Document.external_id == external_id
        )
    )
    return found


@asynccontextmanager
async def _moved(
    workshop: Workshop, actor: Actor, received: Intake[FileFields], upload: Upload
) -> AsyncIterator[Intake[FileFields]]:
    """The same, with its original under the document it turned out to belong to."""
    moved = Intake(upload, received.source, received.fields)
    key = received.source.storage_key
    prefix = version_prefix(actor.organization_id, upload.document_id, upload.version_id)
    try:
        if key is not None:
            found = await workshop.storage.open(key)
            limit = workshop.settings.ingestion.max_file_bytes
            new = original_key(actor.organization_id, upload.document_id, upload.version_id)
            await workshop.storage.put_stream(new, found.parts, max_bytes=limit)
            moved.source = replace(received.source, storage_key=new)
        yield moved
    finally:
        if key is not None and not moved.taken:
            await workshop.storage.delete_prefix(prefix)
