"""What a submission's body holds: a form with a file, which goes into the storage, or JSON.

It is read before the transaction begins: an upload may take as long as the caller's line is slow.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Final, Generic, TypeVar
from uuid import UUID

from fastapi import Depends
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from ai_svc.modules.access.service import refresh
from ai_svc.modules.documents.exceptions import SubmissionTooLarge, SubmissionTypeRefused
from ai_svc.modules.documents.schemas import (
    FileFields,
    TextOrUrl,
    VersionFields,
    VersionTextOrUrl,
)
from ai_svc.workshop import CurrentWorkshop, Workshop
from chassis.security.authentication import CurrentActor
from chassis.web.errors import InvalidInput
from chassis.web.request_body import check_json_body
from knowledge.storage import original_key, put_original, version_prefix
from knowledge.submission import Source, Upload
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId

M = TypeVar("M", bound=BaseModel)
F = TypeVar("F", bound=BaseModel)

MAX_JSON_BYTES: Final = 12 * 1024 * 1024
FORM_OVERHEAD_BYTES: Final = 64 * 1024
MAX_BODY_BYTES: Final = 50 * 1024 * 1024 + FORM_OVERHEAD_BYTES
_MAX_FIELDS: Final = 40
_READ_BYTES: Final = 256 * 1024
_FORM: Final = "multipart/form-data"
_LISTS: Final = frozenset({"tags", "allowed_roles", "allowed_team_ids"})


@dataclass(slots=True)
class Intake(Generic[F]):
    """A version to be: where its content is, and what the caller said about it."""

    upload: Upload
    source: Source
    fields: F
    taken: bool = False

    def take(self) -> None:
        """The source belongs to the caller's transaction from now on."""
        self.taken = True


@dataclass(frozen=True)
class Receiving(Generic[F]):
    """How a body is read: the fields that go with a file, and those of a text or an address."""

    of_file: type[F]
    of_json: type[F]

    @asynccontextmanager
    async def received(
        self, request: Request, actor: Actor, workshop: Workshop, upload: Upload
    ) -> AsyncIterator[Intake[F]]:
        """The submission. What it has stored is removed unless it was taken and committed."""
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type == _FORM:
            async with (
                request.form(max_files=1, max_fields=_MAX_FIELDS) as form,
                self._stored(workshop, actor.organization_id, upload, form) as intake,
            ):
                yield intake
        elif media_type == "application/json":
            yield await self._from_json(request, workshop, upload)
        else:
            raise SubmissionTypeRefused

    @asynccontextmanager
    async def _stored(
        self, workshop: Workshop, organization_id: OrganizationId, upload: Upload, form: FormData
    ) -> AsyncIterator[Intake[F]]:
        """Without an error and not taken: the answer to an earlier, identical request was repeated,
        or there is a document that says the same."""
        kept = False
        try:
            intake = await self._from_form(form, upload, organization_id, workshop)
            yield intake
            kept = intake.taken
        finally:
            if not kept:
                await workshop.storage.delete_prefix(
                    version_prefix(organization_id, upload.document_id, upload.version_id)
                )

    async def _from_form(
        self, form: FormData, upload: Upload, organization_id: OrganizationId, workshop: Workshop
    ) -> Intake[F]:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise InvalidInput.on("body.file", "Envie o arquivo no campo file.", "missing")
        fields = _validated(self.of_file, _values(form))
        stored = await put_original(
            workshop.storage,
            original_key(organization_id, upload.document_id, upload.version_id),
            _chunks_of(file),
            max_bytes=workshop.settings.ingestion.max_file_bytes,
        )
        await file.seek(0)  # the fingerprint of an Idempotency-Key reads it again
        return Intake(upload, Source.file(stored, file.filename), fields)

    async def _from_json(self, request: Request, workshop: Workshop, upload: Upload) -> Intake[F]:
        if int(request.headers.get("content-length", 0)) > MAX_JSON_BYTES:
            raise SubmissionTooLarge(limit_mb=MAX_JSON_BYTES // (1024 * 1024))
        await check_json_body(request)
        try:
            fields = self.of_json.model_validate_json(await request.body())
        except ValidationError as error:
            raise _invalid(error) from None
        url, text = getattr(fields, "url", None), getattr(fields, "text", None)
        source = Source.text(text or "") if url is None else Source.url(url, workshop.addresses)
        return Intake(upload, source, fields)


_DOCUMENT: Final = Receiving[FileFields](FileFields, TextOrUrl)
_VERSION: Final = Receiving[VersionFields](VersionFields, VersionTextOrUrl)


async def _document(
    request: Request, actor: CurrentActor, workshop: CurrentWorkshop
) -> AsyncIterator[Intake[FileFields]]:
    async with _DOCUMENT.received(request, actor, workshop, Upload()) as intake:
        await refresh(workshop, actor, intake.fields.client_id)
        yield intake


async def _version(
    request: Request, document_id: UUID, actor: CurrentActor, workshop: CurrentWorkshop
) -> AsyncIterator[Intake[VersionFields]]:
    async with _VERSION.received(request, actor, workshop, Upload(document_id)) as intake:
        yield intake


Submission = Annotated[Intake[FileFields], Depends(_document, scope="function")]
"""To be declared before `Tx`: FastAPI solves dependencies in the order of the parameters."""
VersionSubmission = Annotated[Intake[VersionFields], Depends(_version, scope="function")]
"""The same, for a document that is there."""


def _values(form: FormData) -> dict[str, object]:
    """Lists may be repeated fields or one with commas."""
    values: dict[str, object] = {
        name: form.get(name) for name in form if name not in {"file", *_LISTS}
    }
    for name in _LISTS & set(form):
        given = [item for value in form.getlist(name) for item in str(value).split(",")]
        values[name] = [item.strip() for item in given if item.strip()]
    return values


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
