"""Making the copies of a person's data: gathered, printed or packed, sealed, and stored."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.data.object_storage import STORAGE_FAILURES
from core_api.modules.subject_data.documents import (
    SCHEMA_ID,
    DocumentKind,
    SubjectDataDocument,
)
from core_api.modules.subject_data.gathering import (
    OWN_NAME,
    Own,
    family_with_deleted,
    others_data,
    own_data,
    told_purpose,
    told_section,
)
from core_api.modules.subject_data.models import FileFormat, object_key
from core_api.modules.subject_data.packing import json_of, zip_of
from core_api.modules.subject_data.printing import print_declaration
from core_api.modules.subject_data.sealed_files import SealedFile, new_key, sealed_size
from core_api.subject_sections import Subject
from core_api.workplace import Workplace
from shared_schemas.ids import OrganizationId, new_id
from shared_schemas.privacy import DataSection

_log = structlog.get_logger(__name__)

OTHER: Final = "ai-svc"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A copy that a request waits for."""

    organization_id: OrganizationId
    request_id: UUID
    client_id: UUID
    kind: DocumentKind
    correlation_id: str


@dataclass(frozen=True, kw_only=True)
class Made:
    """A file in the storage, and the key that opens it."""

    file_id: UUID
    format: FileFormat
    size_bytes: int
    sha256: str
    key: bytes


async def gathered(database: Database, workplace: Workplace, wanted: Wanted) -> SubjectDataDocument:
    """Read, close, then ask. Unavailable."""
    tenant = wanted.organization_id
    async with database.transaction(tenant, read_only=True) as session:
        family = await family_with_deleted(session, tenant, wanted.client_id)
        subject = Subject(tenant, family)
        own = await own_data(session, subject)
    others = await others_data(workplace.ai_svc, subject, wanted.correlation_id)
    return _document(wanted, own, [(OTHER, section) for section in others])


def _document(
    wanted: Wanted, own: Own, others: Sequence[tuple[str, DataSection]]
) -> SubjectDataDocument:
    sections = [*((OWN_NAME, section) for section in own.sections), *others]
    if wanted.kind is DocumentKind.PORTABILITY:
        sections = [(service, section) for service, section in sections if section.portable]
    return SubjectDataDocument(
        format=SCHEMA_ID,
        kind=wanted.kind,
        request_id=wanted.request_id,
        made_at=utc_now().replace(microsecond=0),
        controller=own.controller,
        services=[OWN_NAME, OTHER],
        purposes=[told_purpose(purpose, own.transfers[purpose.code]) for purpose in own.purposes],
        sections=[told_section(service, section, own.purposes) for service, section in sections],
    )


async def stored(workplace: Workplace, wanted: Wanted, document: SubjectDataDocument) -> list[Made]:
    """The files of a document, all or none of them."""
    made: list[Made] = []
    try:
        for file_format, make in _FILES[wanted.kind]:
            content = await asyncio.to_thread(make, document)
            made.append(await _store(workplace, wanted.organization_id, file_format, content))
    except BaseException:
        await discard(workplace, wanted.organization_id, made)
        raise
    return made


async def _store(
    workplace: Workplace, organization_id: OrganizationId, file_format: FileFormat, content: bytes
) -> Made:
    file_id, key = new_id(), new_key()
    sealed = SealedFile(organization_id, file_id, key).sealed(content)
    limit = sealed_size(len(content))
    await workplace.storage.put_stream(
        object_key(organization_id, file_id), sealed, max_bytes=limit
    )
    return Made(
        file_id=file_id,
        format=file_format,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        key=key,
    )


async def discard(
    workplace: Workplace, organization_id: OrganizationId, made: Sequence[Made]
) -> None:
    """Deletes what nobody was told of; what fails is left for the sweep of objects."""
    for each in made:
        try:
            await workplace.storage.delete(object_key(organization_id, each.file_id))
        except STORAGE_FAILURES as error:
            _log.warning("object_left_for_the_sweep", error=type(error).__name__)


_FILES: Final = {
    DocumentKind.ACCESS: ((FileFormat.PDF, print_declaration), (FileFormat.JSON, json_of)),
    DocumentKind.PORTABILITY: ((FileFormat.ZIP, zip_of),),
}
