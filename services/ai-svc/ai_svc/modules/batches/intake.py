"""What a batch's body holds: a form with files, which go into the storage, or JSON.

Each item is looked at by itself: one that is no good is refused, and the others go on.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from ai_svc.modules.access.service import refresh
from ai_svc.modules.batches.schemas import MOST_ITEMS, BatchFields, BatchSubmit
from ai_svc.modules.documents.exceptions import SubmissionTooLarge, SubmissionTypeRefused
from ai_svc.modules.documents.intake import MAX_JSON_BYTES
from ai_svc.modules.documents.schemas import FileFields, TextOrUrl
from ai_svc.workshop import CurrentWorkshop, Workshop
from chassis.security.authentication import CurrentActor
from chassis.web.errors import DomainError, InvalidInput
from chassis.web.request_body import check_json_body
from chassis.web.validation_messages import details_of
from knowledge.failures import DocumentRefused
from knowledge.storage import original_key, put_original, version_prefix
from knowledge.submission import Source, Upload, tidy_title
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId

MAX_BODY_BYTES: Final = 60 * 1024 * 1024
"""What the gateway lets through, with room for the form around the files."""
_MAX_FIELDS: Final = 200
_READ_BYTES: Final = 256 * 1024
_LISTS: Final = frozenset({"tags", "allowed_roles", "allowed_team_ids"})


@dataclass(slots=True)
class Arrived:
    """One item: what is to be submitted, or why not."""

    name: str
    upload: Upload = field(default_factory=Upload)
    source: Source | None = None
    fields: FileFields | None = None
    client_id: UUID | None = None  # whom it is about, also where it is no good
    refusal: DomainError | None = None
    is_stored: bool = False
    taken: bool = False


async def receive(
    request: Request, actor: CurrentActor, workshop: CurrentWorkshop
) -> AsyncIterator[list[Arrived]]:
    """The items. What was stored is removed unless it was taken and committed."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        async with (
            request.form(max_files=MOST_ITEMS, max_fields=_MAX_FIELDS) as form,
            _stored(workshop, actor, form) as items,
        ):
            await _refresh(workshop, actor, items)
            yield items
    elif media_type == "application/json":
        items = await _from_json(request, workshop)
        await _refresh(workshop, actor, items)
        yield items
    else:
        raise SubmissionTypeRefused


BatchSubmission = Annotated[list[Arrived], Depends(receive, scope="function")]
"""To be declared before `Tx`: FastAPI solves dependencies in the order of the parameters."""


@asynccontextmanager
async def _stored(workshop: Workshop, actor: Actor, form: FormData) -> AsyncIterator[list[Arrived]]:
    items: list[Arrived] = []
    committed = False
    try:
        fields = _common_fields(form)
        files = [file for file in form.getlist("files") if isinstance(file, UploadFile)]
        if not files:
            raise InvalidInput.on("body.files", "Envie os arquivos no campo files.", "missing")
        for file in files:
            name = tidy_title(file.filename or "") or "Documento sem nome"
            item = Arrived(name, client_id=fields.client_id)
            items.append(item)
            await _store(workshop, actor.organization_id, file, item, fields)
        yield items
        committed = True
    finally:
        for item in items:
            if item.is_stored and not (committed and item.taken):
                ids = item.upload
                await workshop.storage.delete_prefix(
                    version_prefix(actor.organization_id, ids.document_id, ids.version_id)
                )


async def _store(
    workshop: Workshop,
    organization_id: OrganizationId,
    file: UploadFile,
    item: Arrived,
    fields: FileFields,
) -> None:
    ids = item.upload
    key = original_key(organization_id, ids.document_id, ids.version_id)
    try:
        item.is_stored = True
        limit = workshop.settings.ingestion.max_file_bytes
        stored = await put_original(workshop.storage, key, _chunks_of(file), max_bytes=limit)
        item.source, item.fields = Source.file(stored, file.filename), fields
    except DocumentRefused as refusal:
        item.refusal = refusal
    await file.seek(0)  # the fingerprint of an Idempotency-Key reads it again


async def _refresh(workshop: Workshop, actor: Actor, items: list[Arrived]) -> None:
    """Whom they are about, each once: what stands of their legal basis now."""
    for client_id in {item.client_id for item in items if item.client_id is not None}:
        await refresh(workshop, actor, client_id)


async def _from_json(request: Request, workshop: Workshop) -> list[Arrived]:
    if int(request.headers.get("content-length", 0)) > MAX_JSON_BYTES:
        raise SubmissionTooLarge(limit_mb=MAX_JSON_BYTES // (1024 * 1024))
    await check_json_body(request)
    body = _validated(BatchSubmit, await request.body())
    return [_of_json(workshop, given) for given in body.items]


def _of_json(workshop: Workshop, given: dict[str, Any]) -> Arrived:
    said = given.get("title") or given.get("url") or given.get("text") or ""
    name = tidy_title(str(said)[:200])[:80] or "Documento sem nome"
    item = Arrived(name, client_id=_client_of(given))
    try:
        fields = TextOrUrl.model_validate(given)
        if fields.url is None:
            item.source = Source.text(fields.text or "")
        else:
            item.source = Source.url(fields.url, workshop.addresses)
        item.fields = fields
    except ValidationError as error:
        item.refusal = InvalidInput(details=details_of(error.errors(include_url=False)))
    except DomainError as refusal:
        item.refusal = refusal
    return item


def _client_of(given: dict[str, Any]) -> UUID | None:
    try:
        return UUID(str(given.get("client_id")))
    except ValueError:
        return None


def _common_fields(form: FormData) -> FileFields:
    """Lists may be repeated fields or one with commas."""
    values: dict[str, Any] = {
        name: form.get(name) for name in form if name not in {"files", *_LISTS}
    }
    for name in _LISTS & set(form):
        given = [part for value in form.getlist(name) for part in str(value).split(",")]
        values[name] = [part.strip() for part in given if part.strip()]
    try:
        common = BatchFields.model_validate(values)
        return FileFields.model_validate(common.model_dump())
    except ValidationError as error:
        raise _invalid(error) from None


def _validated(model: type[BatchSubmit], raw: bytes) -> BatchSubmit:
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> RequestValidationError:
    return RequestValidationError(
        [{**entry, "loc": ("body", *entry["loc"])} for entry in error.errors(include_url=False)]
    )


async def _chunks_of(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(_READ_BYTES):
        yield chunk
