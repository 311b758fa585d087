"""What a submission's body holds: a form with a file, which goes into the storage, or JSON.

It is read before the transaction begins: an upload may take as long as the caller's line is slow.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

from fastapi import Depends
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from ai_svc.modules.documents.exceptions import SubmissionTooLarge, SubmissionTypeRefused
from ai_svc.modules.documents.schemas import FileFields, TextOrUrl
from ai_svc.workshop import CurrentWorkshop, Workshop
from chassis.security.authentication import CurrentActor
from chassis.web.errors import InvalidInput
from chassis.web.request_body import check_json_body
from knowledge.storage import original_key, put_original, version_prefix
from knowledge.submission import Source, Upload
from shared_schemas.ids import OrganizationId

M = TypeVar("M", bound=BaseModel)

MAX_JSON_BYTES: Final = 12 * 1024 * 1024
FORM_OVERHEAD_BYTES: Final = 64 * 1024
MAX_BODY_BYTES: Final = 50 * 1024 * 1024 + FORM_OVERHEAD_BYTES
_MAX_FIELDS: Final = 40
_READ_BYTES: Final = 256 * 1024
_FORM: Final = "multipart/form-data"


@dataclass(slots=True)
class Intake:
    """A document to be: where its content is, and what the caller said about it."""

    upload: Upload
    source: Source
    fields: FileFields
    taken: bool = False

    def take(self) -> Source:
        """The source, which from now on belongs to the caller's transaction."""
        self.taken = True
        return self.source


async def receive(
    request: Request, actor: CurrentActor, workshop: CurrentWorkshop
) -> AsyncIterator[Intake]:
    """The submission. What it has stored is removed unless it was taken and committed."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == _FORM:
        async with (
            request.form(max_files=1, max_fields=_MAX_FIELDS) as form,
            _stored(workshop, actor.organization_id, Upload(), form) as intake,
        ):
            yield intake
    elif media_type == "application/json":
        yield await _from_json(request, workshop)
    else:
        raise SubmissionTypeRefused


@asynccontextmanager
async def _stored(
    workshop: Workshop, organization_id: OrganizationId, upload: Upload, form: FormData
) -> AsyncIterator[Intake]:
    """Without an error and not taken: the answer to an earlier, identical request was repeated."""
    kept = False
    try:
        intake = await _from_form(form, upload, organization_id, workshop)
        yield intake
        kept = intake.taken
    finally:
        if not kept:
            await workshop.storage.delete_prefix(
                version_prefix(organization_id, upload.document_id, upload.version_id)
            )


Submission = Annotated[Intake, Depends(receive, scope="function")]
"""To be declared before `Tx`: FastAPI solves dependencies in the order of the parameters."""


async def _from_form(
    form: FormData, upload: Upload, organization_id: OrganizationId, workshop: Workshop
) -> Intake:
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise InvalidInput.on("body.file", "Envie o arquivo no campo file.", "missing")
    given = {name: form.get(name) for name in form if name not in {"file", "tags"}}
    tags = [tag for value in form.getlist("tags") for tag in str(value).split(",") if tag.strip()]
    fields = _validated(FileFields, {**given, "tags": tags})
    stored = await put_original(
        workshop.storage,
        original_key(organization_id, upload.document_id, upload.version_id),
        _chunks_of(file),
        max_bytes=workshop.settings.ingestion.max_file_bytes,
    )
    await file.seek(0)  # the fingerprint of an Idempotency-Key reads it again
    return Intake(upload, Source.file(stored, file.filename), fields)


async def _from_json(request: Request, workshop: Workshop) -> Intake:
    if int(request.headers.get("content-length", 0)) > MAX_JSON_BYTES:
        raise SubmissionTooLarge(limit_mb=MAX_JSON_BYTES // (1024 * 1024))
    await check_json_body(request)
    try:
        fields = TextOrUrl.model_validate_json(await request.body())
    except ValidationError as error:
        raise _invalid(error) from None
    if fields.url is not None:
        source = Source.url(fields.url, workshop.addresses)
    else:
        source = Source.text(fields.text or "")
    return Intake(Upload(), source, fields)


def _validated(model: type[M], values: dict[str, object]) -> M:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> RequestValidationError:
    return RequestValidationError(
        [{**entry, "loc": ("body", *entry["loc"])} for entry in error.errors(include_url=False)]
    )


async def _chunks_of(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(_READ_BYTES):
        yield chunk
