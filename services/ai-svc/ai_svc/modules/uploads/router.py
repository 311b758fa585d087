"""Resumable uploads over HTTP: tus 1.0.0 with creation, checksum, expiration and termination."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Response, status
from starlette.requests import Request

from ai_svc.modules.documents.changing import check_may_name_clients
from ai_svc.modules.documents.dependencies import NO_BASIS
from ai_svc.modules.documents.intake import MAX_BODY_BYTES
from ai_svc.modules.privacy.exceptions import ClientErased
from ai_svc.modules.uploads import protocol
from ai_svc.modules.uploads.exceptions import (
    CHECKSUM_MISMATCH_STATUS,
    OffsetConflict,
    PartBeyondEnd,
    PartTypeRefused,
    ProtocolVersionRefused,
    TooManyUploads,
    UploadNotFound,
)
from ai_svc.modules.uploads.models import Upload
from ai_svc.modules.uploads.protocol import Checksum, Metadata, TusResumable, TusRoute
from ai_svc.modules.uploads.receiving import Receiving
from ai_svc.modules.uploads.repository import Uploads
from ai_svc.modules.uploads.schemas import UploadRead
from ai_svc.modules.uploads.storing import drop_prefix, prefix_of
from ai_svc.workshop import CurrentWorkshop
from chassis.security.authentication import require
from chassis.web.dependencies import ReadTx, Tx
from chassis.web.documentation import raises
from chassis.web.errors import InvalidInput
from chassis.web.responses import success
from knowledge.failures import DocumentTooLarge, UnsupportedType
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.errors import Failure
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/rag/uploads", tags=["uploads"], route_class=TusRoute)

Writer = Annotated[Actor, Depends(require(Permission.DOCUMENTS_WRITE))]
Length = Annotated[
    str | None, Header(description="Size of the whole file in bytes", examples=["31457280"])
]
Said = Annotated[
    str | None,
    Header(
        description="Pairs `key base64(value)` separated by commas: filename, title, chunking, "
        "language, tags, sha256 (of the whole, hex) and the document's other fields",
        examples=["filename bWFudWFsLnBkZg==,title TWFudWFs"],
    ),
]
Offset = Annotated[str | None, Header(description="Byte the part begins at", examples=["8388608"])]
Sum = Annotated[
    str | None,
    Header(
        description="`sha1` or `sha256`, and the part's digest in Base64",
        examples=["sha256 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="],
    ),
]
_PART: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {protocol.PART_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}
_MISMATCH: Final[dict[int | str, dict[str, Any]]] = {
    CHECKSUM_MISMATCH_STATUS: {
        "model": Failure,
        "description": "What arrived is not what was sent: the part, or at the end the whole",
    }
}
_LOCATION: Final = "/api/v1/rag/uploads/{}"


@router.options(
    "", status_code=status.HTTP_204_NO_CONTENT, summary="What the upload protocol offers"
)
async def upload_protocol(workshop: CurrentWorkshop, response: Response) -> None:
    """Version, extensions, checksums and the largest file, in `Tus-*` headers."""
    response.headers["tus-version"] = protocol.VERSION
    response.headers["tus-extension"] = protocol.EXTENSIONS
    response.headers["tus-checksum-algorithm"] = ",".join(protocol.ALGORITHMS)
    response.headers["tus-max-size"] = str(workshop.settings.ingestion.max_file_bytes)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Begin a resumable upload",
    responses=raises(
        ProtocolVersionRefused,
        TooManyUploads(most=20),
        DocumentTooLarge(limit_mb=50),
        InvalidInput,
        ClientErased,
    ),
)
async def begin_upload(
    actor: Writer,
    workshop: CurrentWorkshop,
    tx: Tx,
    response: Response,
    tus_resumable: TusResumable = None,
    upload_length: Length = None,
    upload_metadata: Said = None,
) -> Success[UploadRead]:
    """For files over 20 MB, and for bad lines. Parts go to the address in `Location`.

    Only who began it sees it. It expires a day after its last part.
    """
    protocol.check_version(tus_resumable)
    size = _number(upload_length, "upload-length")
    limit = workshop.settings.ingestion.max_file_bytes
    if size > limit:
        raise DocumentTooLarge.over(limit)
    if size == 0:
        raise InvalidInput.on("header.upload-length", "O arquivo está vazio.")
    said = Metadata.parse(upload_metadata)
    check_may_name_clients(actor, said.fields.access())
    upload = await Uploads(tx, actor).begin(size, said)
    response.headers["location"] = _LOCATION.format(upload.id)
    _say(response, upload)
    return success(actor, UploadRead.of(upload))


@router.head("/{upload_id}", summary="Where a resumable upload stands")
async def upload_position(
    upload_id: UUID,
    actor: Writer,
    workshop: CurrentWorkshop,
    tus_resumable: TusResumable = None,
) -> Response:
    """`Upload-Offset` is the byte to go on with."""
    protocol.check_version(tus_resumable)
    database = workshop.database
    async with database.transaction(actor.organization_id, read_only=True) as session:
        upload = await Uploads(session, actor).get(upload_id)
    response = Response(headers={"upload-length": str(upload.size_bytes)})
    _say(response, upload)
    return response


@router.get("/{upload_id}", summary="Show a resumable upload", responses=raises(UploadNotFound))
async def read_upload(upload_id: UUID, actor: Writer, tx: ReadTx) -> Success[UploadRead]:
    """How far it is, and the document it has become."""
    return success(actor, UploadRead.of(await Uploads(tx, actor).get(upload_id)))


@router.patch(
    "/{upload_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Send a part of a file",
    max_body_size=MAX_BODY_BYTES,
    openapi_extra=_PART,
    responses={
        **raises(
            UploadNotFound,
            ProtocolVersionRefused,
            OffsetConflict(offset=8388608),
            PartBeyondEnd(size=31457280),
            PartTypeRefused,
            UnsupportedType,
            InvalidInput,
            ClientErased,
            NO_BASIS,
        ),
        **_MISMATCH,
    },
)
async def send_part(
    upload_id: UUID,
    request: Request,
    actor: Writer,
    workshop: CurrentWorkshop,
    tus_resumable: TusResumable = None,
    upload_offset: Offset = None,
    upload_checksum: Sum = None,
) -> Response:
    """Of any size; what arrived before the line broke is kept, unless it came with a checksum.

    The last part submits the document: its id is in `Upload-Document-Id`, its address in
    `Content-Location`. The answer comes when the file has been put together.
    """
    protocol.check_version(tus_resumable)
    if request.headers.get("content-type", "").partition(";")[0].strip() != protocol.PART_TYPE:
        raise PartTypeRefused
    offset = _number(upload_offset, "upload-offset")
    upload = await Receiving(workshop, actor, upload_id).receive(
        offset, request.stream(), Checksum.parse(upload_checksum)
    )
    response = Response(status_code=status.HTTP_204_NO_CONTENT)
    _say(response, upload)
    return response


@router.delete(
    "/{upload_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Give up a resumable upload",
    responses=raises(UploadNotFound),
)
async def give_up_upload(
    upload_id: UUID,
    actor: Writer,
    workshop: CurrentWorkshop,
    tus_resumable: TusResumable = None,
) -> None:
    """With everything that has arrived. The document it may have become stays."""
    protocol.check_version(tus_resumable)
    async with workshop.database.transaction(actor.organization_id) as session:
        await Uploads(session, actor).delete(upload_id)
    await drop_prefix(workshop.storage, prefix_of(actor.organization_id, upload_id))


def _say(response: Response, upload: Upload) -> None:
    response.headers["upload-offset"] = str(upload.received_bytes)
    response.headers["upload-expires"] = protocol.expires(upload.expires_at)
    response.headers["cache-control"] = "no-store"
    if upload.document_id is not None:
        response.headers["upload-document-id"] = str(upload.document_id)
        response.headers["content-location"] = f"/api/v1/rag/documents/{upload.document_id}"


def _number(said: str | None, header: str) -> int:
    if said is None or not said.isascii() or not said.isdigit() or len(said) > 15:
        raise InvalidInput.on(f"header.{header}", "Informe um número de bytes, sem sinal.")
    return int(said)
