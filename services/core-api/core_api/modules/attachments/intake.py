"""An upload on its way in: named, told by its content, scanned, and put into the storage.

All of it before the transaction begins: an upload may take as long as the caller's line is slow.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from chassis.data.object_storage import ObjectTooLarge
from chassis.security.authentication import CurrentActor
from chassis.web.errors import InvalidInput, UnsupportedMediaType
from core_api.modules.attachments.content import identify
from core_api.modules.attachments.exceptions import AttachmentEmpty, AttachmentTooLarge
from core_api.modules.attachments.models import ScanState, object_key
from core_api.modules.attachments.names import clean_name
from core_api.modules.attachments.scanning import Scanner
from core_api.modules.attachments.service import MEGABYTE, ReceivedFile
from core_api.workplace import CurrentWorkplace, Workplace
from shared_schemas.ids import OrganizationId, new_id

MAX_BYTES: Final = 25 * MEGABYTE
MAX_BODY_BYTES: Final = MAX_BYTES + 64 * 1024  # and the form around it
TOO_LARGE: Final = AttachmentTooLarge(limit_mb=MAX_BYTES // MEGABYTE)
_READ_BYTES: Final = 256 * 1024


class FormExpected(UnsupportedMediaType):
    """The route reads a form with a file."""

    message = "Envie o arquivo como formulário: multipart/form-data, no campo file."


@dataclass(slots=True)
class Upload:
    """A file in the storage. It is removed again unless it was taken and that was committed."""

    file: ReceivedFile
    message_id: UUID | None
    taken: bool = False

    def take(self) -> ReceivedFile:
        """The file, which from now on belongs to the caller's transaction."""
        self.taken = True
        return self.file


async def receive(
    request: Request, actor: CurrentActor, workplace: CurrentWorkplace
) -> AsyncIterator[Upload]:
    """Without an error and not taken: the answer to an earlier, identical request was repeated."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise FormExpected
    attachment_id = new_id()
    kept = False
    async with request.form(max_files=1, max_fields=4) as form:
        try:
            upload = await _stored(form, attachment_id, actor.organization_id, workplace)
            yield upload
            kept = upload.taken
        finally:
            if not kept:
                await workplace.storage.delete(object_key(actor.organization_id, attachment_id))


Received = Annotated[Upload, Depends(receive, scope="function")]
"""To be declared before `Tx`: FastAPI solves dependencies in the order of the parameters."""


async def _stored(
    form: FormData, attachment_id: UUID, organization_id: OrganizationId, workplace: Workplace
) -> Upload:
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise InvalidInput.on("body.file", "Envie o arquivo no campo file.", "missing")
    size = file.size or 0
    if not size:
        raise AttachmentEmpty
    if size > MAX_BYTES:
        raise TOO_LARGE
    name = clean_name(file.filename)
    media_type = await asyncio.to_thread(identify, file.file, size, name)
    scan = await _scanned(file, workplace)
    try:
        stored = await workplace.storage.put_stream(
            object_key(organization_id, attachment_id), _chunks_of(file), max_bytes=MAX_BYTES
        )
    except ObjectTooLarge:
        raise TOO_LARGE from None
    await file.seek(0)  # the fingerprint of an Idempotency-Key reads it again
    received = ReceivedFile(attachment_id, name, media_type, stored.size_bytes, stored.sha256, scan)
    return Upload(received, _message_id(form))


async def _scanned(file: UploadFile, workplace: Workplace) -> ScanState:
    settings = workplace.settings.attachments
    if settings.clamd_url is None:
        return ScanState.UNSCANNED
    await Scanner(settings.clamd_url, timeout=settings.clamd_timeout).check(_chunks_of(file))
    return ScanState.CLEAN


def _message_id(form: FormData) -> UUID | None:
    given = form.get("message_id")
    if given is None or given == "":
        return None
    try:
        return UUID(str(given))
    except ValueError:
        raise InvalidInput.on("body.message_id", "Informe um identificador válido.") from None


async def _chunks_of(file: UploadFile) -> AsyncIterator[bytes]:
    await file.seek(0)
    while chunk := await file.read(_READ_BYTES):
        yield chunk
