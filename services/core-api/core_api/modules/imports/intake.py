"""What an upload holds: looked at, judged by its content, and put into the storage.

It is read before the transaction begins: an upload may take as long as the caller's line is slow.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from chassis.data.csv_detection import CsvProbe, NotCsv, first_records
from chassis.data.csv_reading import CsvFormat, CsvRecord
from chassis.data.object_storage import STORAGE_FAILURES, ObjectTooLarge, StoredObject
from chassis.security.authentication import CurrentActor
from chassis.web.errors import InvalidInput, Unavailable
from core_api.modules.imports.exceptions import (
    HeaderUnusable,
    ImportFileTooLarge,
    ImportFormExpected,
    NotACsvFile,
)
from core_api.modules.imports.models import storage_prefix
from core_api.modules.imports.schemas import ImportPlan
from core_api.workplace import CurrentWorkplace, Workplace
from shared_schemas.ids import OrganizationId, new_id

MAX_FILE_BYTES: Final = 50 * 1024 * 1024
MAX_BODY_BYTES: Final = MAX_FILE_BYTES + 64 * 1024
_MAX_FIELDS: Final = 10
_READ_BYTES: Final = 256 * 1024
_SAMPLE_ROWS: Final = 5
_SAMPLE_CHARACTERS: Final = 200
_NAME_LENGTH: Final = 200
_FORM: Final = "multipart/form-data"
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f/\\]")


@dataclass(frozen=True, slots=True)
class UploadedCsv:
    """What is known of a file from looking at it."""

    file_name: str
    form: CsvFormat
    header: list[str]
    sample: list[list[str]]


@dataclass(slots=True)
class Upload:
    """An import to be: the file, where it is stored, and how to begin at once, if it shall."""

    import_id: UUID
    file: UploadedCsv
    stored: StoredObject
    plan: ImportPlan | None
    taken: bool = False

    def take(self) -> "Upload":
        """From now on the file belongs to the caller's transaction."""
        self.taken = True
        return self


async def receive(
    request: Request, actor: CurrentActor, place: CurrentWorkplace
) -> AsyncIterator[Upload]:
    """The upload. What it has stored is removed unless it was taken and committed."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _FORM:
        raise ImportFormExpected
    async with (
        request.form(max_files=1, max_fields=_MAX_FIELDS) as form,
        _stored(place, actor.organization_id, form) as upload,
    ):
        yield upload


ReceivedUpload = Annotated[Upload, Depends(receive, scope="function")]
"""To be declared before `Tx`: FastAPI solves dependencies in the order of the parameters."""


@asynccontextmanager
async def _stored(
    place: Workplace, organization_id: OrganizationId, form: FormData
) -> AsyncIterator[Upload]:
    """Without an error and not taken: the answer to an earlier, identical request was repeated."""
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise InvalidInput.on("body.file", "Envie o arquivo no campo file.", "missing")
    plan = _plan(form)
    looked_at = await _look_at(file)
    import_id, kept = new_id(), False
    key = storage_prefix(organization_id, import_id)
    try:
        stored = await _put(place, key, file)
        await file.seek(0)  # the fingerprint of an Idempotency-Key reads it again
        upload = Upload(import_id, looked_at, stored, plan)
        yield upload
        kept = upload.taken
    finally:
        if not kept:
            await place.storage.delete(key)


async def _put(place: Workplace, key: str, file: UploadFile) -> StoredObject:
    await file.seek(0)
    try:
        return await place.storage.put_stream(key, _chunks_of(file), max_bytes=MAX_FILE_BYTES)
    except ObjectTooLarge:
        raise ImportFileTooLarge from None
    except STORAGE_FAILURES as error:
        raise Unavailable from error


def _plan(form: FormData) -> ImportPlan | None:
    given = form.get("plan")
    if given is None or isinstance(given, UploadFile):
        return None
    try:
        return ImportPlan.model_validate_json(given)
    except ValidationError as error:
        raise RequestValidationError(
            [
                {**entry, "loc": ("body", "plan", *entry["loc"])}
                for entry in error.errors(include_url=False)
            ]
        ) from None


async def _look_at(file: UploadFile) -> UploadedCsv:
    """Encoding, separator and header. Raises NotACsvFile, HeaderUnusable, ImportFileTooLarge."""
    probe = CsvProbe()
    async for chunk in _chunks_of(file):
        probe.feed(chunk)
        if probe.size_bytes > MAX_FILE_BYTES:
            raise ImportFileTooLarge
    try:
        form = probe.detect()
        header, *rows = first_records(probe.head, form, 1 + _SAMPLE_ROWS) or [_NOTHING]
    except NotCsv:
        raise NotACsvFile from None
    names = [name.strip()[:_SAMPLE_CHARACTERS] for name in header.cells]
    if header.problem is not None or not any(names):
        raise HeaderUnusable
    sample = [[cell[:_SAMPLE_CHARACTERS] for cell in row.cells] for row in rows if not row.problem]
    return UploadedCsv(_name_of(file), form, names, sample)


_NOTHING: Final = CsvRecord(1, [])


def _name_of(file: UploadFile) -> str:
    name = _UNPRINTABLE.sub("", file.filename or "").strip()
    return name[:_NAME_LENGTH] or "clientes.csv"


async def _chunks_of(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(_READ_BYTES):
        yield chunk
