"""Answers to data subjects over HTTP; and the sweep, for worker-svc only."""

import asyncio
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from chassis.data.columns import utc_now
from chassis.security.authentication import InternalCaller, Requirement, require
from chassis.web.dependencies import CurrentActor, CurrentResources, ReadTx, Tx
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.middleware.request_id import request_id_of
from chassis.web.rate_limit import limited
from chassis.web.responses import success
from chassis.web.routing import ServiceRoute
from core_api.documentation import raises
from core_api.modules.audit import service as audit
from core_api.modules.privacy.service import RequestNotFound, request_of
from core_api.modules.subject_data.assembling import assemble_due, assemble_now
from core_api.modules.subject_data.documents import Answer, document_schema
from core_api.modules.subject_data.downloading import (
    MOST_BY_LINK,
    hand_to_holder,
    hand_to_member,
    issue_link,
    latest_of,
)
from core_api.modules.subject_data.exceptions import (
    AnswerGone,
    AnswerNotFound,
    DownloadLinkInvalid,
    FileNotFound,
    NothingToMake,
)
from core_api.modules.subject_data.forgetting import expire_files
from core_api.modules.subject_data.links import LONGEST, FileLink, opened_link
from core_api.modules.subject_data.models import AnswerState
from core_api.modules.subject_data.printing import print_answer
from core_api.modules.subject_data.repository import SubjectDataRows
from core_api.modules.subject_data.schemas import AnswerStateRead, FileLinkRead, FileRead
from core_api.modules.subject_data.sealed_answers import open_answer
from core_api.workplace import CurrentWorkplace, Workplace, workplace_of
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(tags=["privacy"], route_class=IdempotentRoute)
direct_router = APIRouter(tags=["privacy"], route_class=ServiceRoute)
"""Whatever opens transactions of its own: before and after the storage or another service."""
internal_router = APIRouter(prefix="/subject-data", tags=["privacy"])

Reader = Annotated[Actor, Depends(require(Permission.PRIVACY_READ))]
Officer = Annotated[Actor, Depends(require(Permission.PRIVACY_EXECUTE))]
RequestId = Annotated[UUID, Path(description="The request's id")]
FileId = Annotated[UUID, Path(description="The file's id")]
_OF_REQUEST: Final = "/privacy-requests/{request_id}"
_LIMIT: Final = limited("30/minute", scope="subject-data")
_OPENED: Final = "core_api.subject_data_link"
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file, as a download",
        "content": dict.fromkeys(
            ("application/pdf", "application/json", "application/zip"), _BINARY
        ),
    }
}
_PDF: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The answer on paper", "content": {"application/pdf": _BINARY}}
}
_SCHEMA: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "JSON Schema, draft 2020-12",
        "content": {"application/schema+json": {"schema": {"type": "object"}}},
    }
}


class LinkHolder(Requirement):
    """A guard: the signed link in the path takes the place of an access token, for one file."""

    by_token = False

    def __init__(self) -> None:
        super().__init__(frozenset())

    async def __call__(self, request: Request) -> FileLink:  # type: ignore[override]  # nobody with an account
        """What the link says, or DownloadLinkInvalid; the database is not asked."""
        found: FileLink | None = request.scope.get(_OPENED)
        if found is None:
            workplace: Workplace = await workplace_of(request)
            key = workplace.settings.attachments.link_key.get_secret_value().encode()
            token = str(request.path_params.get("token", ""))[: LONGEST + 1]
            found = opened_link(token, key, now=utc_now())
            request.scope[_OPENED] = found
        return found


Holder = Annotated[FileLink, Depends(LinkHolder())]


@router.get(
    "/subject-data/schema",
    summary="The format of copies of a person's data",
    response_class=JSONResponse,
    responses=_SCHEMA,
)
async def get_schema(actor: CurrentActor) -> JSONResponse:  # noqa: ARG001 - anybody who is somebody
    """What every declaration and portable copy in JSON is valid against. It comes with each
    portable copy as well."""
    return JSONResponse(dict(document_schema()), media_type="application/schema+json")


@router.get(
    _OF_REQUEST + "/subject-data",
    summary="How far the answer to a request has come",
    responses=raises(RequestNotFound, AnswerNotFound),
)
async def get_answer_state(
    request_id: RequestId, actor: Reader, tx: ReadTx
) -> Success[AnswerStateRead]:
    """Whether its copies are there, what they wait for, and until when they can be fetched."""
    return success(actor, await _state(tx, actor, request_id))


@direct_router.post(
    _OF_REQUEST + "/subject-data/retry",
    summary="Make the copies of a request now",
    responses=raises(RequestNotFound, AnswerNotFound, NothingToMake),
)
async def retry(
    request_id: RequestId,
    actor: Officer,
    resources: CurrentResources,
    workplace: CurrentWorkplace,
) -> Success[AnswerStateRead]:
    """Without waiting for the next attempt, e.g. after a service that was down came back. What is
    being made at this moment stays as it is."""
    tenant = actor.organization_id
    async with resources.database.transaction(tenant, read_only=True) as session:
        before = await _state(session, actor, request_id)
    if before.state is not AnswerState.ASSEMBLING:
        raise NothingToMake
    await assemble_now(resources.database, workplace, tenant, request_id)
    async with resources.database.transaction(tenant, read_only=True) as session:
        read = await _state(session, actor, request_id)
    return success(actor, read)


@router.get(
    _OF_REQUEST + "/answer",
    summary="Read what was answered at once",
    responses=raises(RequestNotFound, AnswerNotFound, AnswerGone),
)
async def get_answer(request_id: RequestId, actor: Reader, tx: Tx) -> Success[Answer]:
    """In plain Portuguese, to be passed on to the data subject. Who read it is kept in the audit
    log."""
    return success(actor, await _read(tx, actor, request_id))


@router.get(
    _OF_REQUEST + "/answer.pdf",
    summary="The same on paper",
    response_class=Response,
    responses={**_PDF, **raises(RequestNotFound, AnswerNotFound, AnswerGone)},
)
async def print_the_answer(request_id: RequestId, actor: Reader, tx: Tx) -> Response:
    """As PDF. Who read it is kept in the audit log."""
    content = await asyncio.to_thread(print_answer, await _read(tx, actor, request_id))
    headers = {
        "content-disposition": 'attachment; filename="resposta-ao-titular.pdf"',
        "cache-control": "private, no-store",
    }
    return Response(content, media_type="application/pdf", headers=headers)


@direct_router.get(
    _OF_REQUEST + "/files/{file_id}/download",
    summary="Download a copy of a person's data",
    response_class=StreamingResponse,
    responses={**_FILE, **raises(FileNotFound)},
)
async def download_file(
    request_id: RequestId,
    file_id: FileId,
    actor: Officer,
    resources: CurrentResources,
    workplace: CurrentWorkplace,
) -> StreamingResponse:
    """Whole and in the clear. Who downloaded it is kept in the audit log."""
    return await hand_to_member(resources.database, workplace, actor, request_id, file_id)


@router.post(
    _OF_REQUEST + "/files/{file_id}/link",
    summary="Make a link for the data subject",
    responses=raises(FileNotFound, IdempotencyKeyReused),
)
async def create_file_link(
    request_id: RequestId,
    file_id: FileId,
    actor: Officer,
    tx: Tx,
    workplace: CurrentWorkplace,
) -> Success[FileLinkRead]:
    """To be sent to the person who asked: by it they fetch the file without an account, for three
    days and five times at most. It is shown now and never again."""
    link = await issue_link(tx, actor, request_id, file_id, latest_of(workplace))
    file = await SubjectDataRows(tx, actor.organization_id).find_living(file_id)
    used = 0 if file is None else file.link_downloads
    token = link.signed(workplace.settings.attachments.link_key.get_secret_value().encode())
    read = FileLinkRead(
        url=f"/api/v1/public/subject-data/{token}",
        expires_at=link.expires_at,
        downloads_left=max(0, MOST_BY_LINK - used),
    )
    return success(actor, read)


@direct_router.get(
    "/public/subject-data/{token}",
    summary="Fetch a copy of your data by its link",
    response_class=StreamingResponse,
    responses={**_FILE, **raises(DownloadLinkInvalid)},
    dependencies=[_LIMIT],
)
async def download_by_link(
    token: Annotated[str, Path(max_length=LONGEST, description="As signed")],  # noqa: ARG001 - the guard reads it
    link: Holder,
    request: Request,
    resources: CurrentResources,
    workplace: CurrentWorkplace,
) -> StreamingResponse:
    """Always a download, never shown in place. A link that is forged, has expired or was used too
    often, and one of a file that is gone, are answered alike."""
    run_id = request_id_of(request.scope)
    return await hand_to_holder(resources.database, workplace, link, run_id)


@internal_router.post("/sweep")
async def sweep(
    caller: InternalCaller, resources: CurrentResources, workplace: CurrentWorkplace
) -> Success[dict[str, int]]:
    """Makes the copies that are due, tries again what waits, deletes what is past its time."""
    done = await assemble_due(resources.database, workplace)
    done["expired"] = await expire_files(resources.database, workplace.storage, caller.request_id)
    return Success(data=done, request_id=caller.request_id)


async def _state(tx: AsyncSession, actor: Actor, request_id: UUID) -> AnswerStateRead:
    await request_of(tx, actor.organization_id, request_id)
    rows = SubjectDataRows(tx, actor.organization_id)
    answer = await rows.answer_to(request_id)
    return AnswerStateRead(
        state=answer.state,
        waiting_for=answer.waiting_for,
        attempts=answer.attempts,
        next_attempt_at=answer.next_attempt_at,
        created_at=answer.created_at,
        finished_at=answer.finished_at,
        files=[FileRead.model_validate(file) for file in await rows.files_of(request_id)],
    )


async def _read(tx: AsyncSession, actor: Actor, request_id: UUID) -> Answer:
    """What was said, and that somebody reads it."""
    request = await request_of(tx, actor.organization_id, request_id)
    row = await SubjectDataRows(tx, actor.organization_id).answer_to(request_id)
    answer = await open_answer(tx, row)
    await audit.record(
        tx,
        actor,
        "subject_data_answer.read",
        row.id,
        about=request.client_id,
        related={"privacy_request_id": request.id},
    )
    return answer
