"""Imports of clients over HTTP."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response, status
from fastapi.responses import StreamingResponse

from chassis.messaging.job_queue import JobQueue
from chassis.security.authentication import require
from chassis.web.dependencies import CurrentResources, IfMatch, ReadTx, Tx
from chassis.web.errors import InvalidInput, PreconditionFailed
from chassis.web.etag import set_etag
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from core_api.csv_export import csv_responses, csv_stream
from core_api.documentation import form_with_file, raises
from core_api.modules.imports.error_report import report_header, report_rows
from core_api.modules.imports.exceptions import (
    ClientImportNotFound,
    HeaderUnusable,
    ImportFileGone,
    ImportFileTooLarge,
    ImportNotUnderWay,
    ImportUnderWay,
    NotACsvFile,
)
from core_api.modules.imports.intake import MAX_BODY_BYTES, ReceivedUpload
from core_api.modules.imports.mapping import proposal, warnings_of
from core_api.modules.imports.models import ClientImport, ClientImportRun
from core_api.modules.imports.repository import NEWEST_FIRST, ClientImports
from core_api.modules.imports.schemas import ClientImportDetail, ClientImportRead, ImportPlan
from core_api.modules.imports.service import ClientImportService
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/client-imports", tags=["client imports"], route_class=IdempotentRoute)

Importer = Annotated[Actor, Depends(require(Permission.CLIENTS_IMPORT))]
ImportId = Annotated[UUID, Path(description="The import's id")]

_PLAN_TEXT: Final = "JSON as for `start`; with it the import begins at once"
_FORM: Final = form_with_file(
    "CSV",
    {"file": "clientes.csv", "plan": '{"dry_run": true}'},
    plan={"type": "string", "description": _PLAN_TEXT},
)


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Upload a CSV of clients",
    max_body_size=MAX_BODY_BYTES,
    openapi_extra=_FORM,
    responses=raises(
        NotACsvFile, ImportFileTooLarge, HeaderUnusable, InvalidInput, IdempotencyKeyReused
    ),
)
async def upload_client_import(
    actor: Importer, received: ReceivedUpload, tx: Tx, response: Response
) -> Success[ClientImportRead]:
    """Up to 100,000 rows and 50 MB; UTF-8, UTF-16 or Windows-1252; separated by `;` `,` tab or `|`.

    Encoding and separator are detected. Look at the proposed mapping, then start it; or send
    `plan` along. File, sample and error reports are deleted a week after the last run has ended or,
    if there is none, after the upload (your operator may have set another time).
    """
    found, run = await ClientImportService(tx, actor).upload(received.take())
    set_etag(response, found.version)
    response.headers["location"] = f"/api/v1/client-imports/{found.id}"
    return success(actor, ClientImportRead.of(found, run, await _warnings(tx, found, run)))


@router.get("", summary="List imports of clients")
async def list_client_imports(
    actor: Importer, tx: ReadTx, page: ByCursor
) -> Success[list[ClientImportRead]]:
    """Newest first, each with its latest run."""
    imports = ClientImports(tx, actor.organization_id)
    found = await imports.list(page)
    runs = await imports.latest_runs([row.id for row in found])
    return page.answer(
        actor,
        found,
        lambda row: ClientImportRead.of(row, runs.get(row.id), []),
        NEWEST_FIRST.position,
    )


@router.get(
    "/{import_id}", summary="Show an import of clients", responses=raises(ClientImportNotFound)
)
async def get_client_import(
    import_id: ImportId, actor: Importer, tx: ReadTx, response: Response
) -> Success[ClientImportDetail]:
    """Its columns with the proposed mapping, its first rows, and how far the latest run is."""
    imports = ClientImports(tx, actor.organization_id)
    found = await imports.get(import_id)
    runs = await imports.latest_runs([import_id])
    proposed = await proposal(tx, actor.organization_id, found.header)
    set_etag(response, found.version)
    run = runs.get(import_id)
    detail = ClientImportDetail.with_columns(found, run, _warned(run, proposed), proposed)
    return success(actor, detail)


@router.post(
    "/{import_id}/start",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Start an import, dry or for real",
    responses=raises(
        ClientImportNotFound,
        ImportUnderWay,
        ImportFileGone,
        InvalidInput,
        PreconditionFailed,
        IdempotencyKeyReused,
    ),
)
async def start_client_import(
    import_id: ImportId,
    plan: ImportPlan,
    actor: Importer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[ClientImportRead]:
    """Rows with the id or external id of a known client change it, others register one.

    Rows that cannot be used stop nothing: they are in the error report. Follow `run` until it is
    succeeded, failed or cancelled.
    """
    found, run = await ClientImportService(tx, actor).start(import_id, plan, seen_version)
    set_etag(response, found.version)
    return success(actor, ClientImportRead.of(found, run, await _warnings(tx, found, run)))


@router.post(
    "/{import_id}/cancel",
    summary="Cancel an import",
    responses=raises(ClientImportNotFound, ImportNotUnderWay, IdempotencyKeyReused),
)
async def cancel_client_import(
    import_id: ImportId, actor: Importer, tx: Tx, resources: CurrentResources
) -> Success[ClientImportRead]:
    """At any time. What was imported until then stays; nothing more is."""
    service = ClientImportService(tx, actor)
    queue = JobQueue(resources.database, ClientImportRun.__table__)
    found = await service.cancel(queue, import_id)
    runs = await service.imports.latest_runs([import_id])
    return success(actor, ClientImportRead.of(found, runs.get(import_id), []))


@router.get(
    "/{import_id}/errors.csv",
    summary="Download the error report of the latest run",
    response_class=StreamingResponse,
    responses=csv_responses("The rows, with the reason")
    | raises(ClientImportNotFound, ImportFileGone),
)
async def download_import_errors(
    import_id: ImportId, actor: Importer, tx: ReadTx, resources: CurrentResources
) -> StreamingResponse:
    """The rows that were not imported as they stand in the file: row number, column and reason.

    Corrected, it can be uploaded again as it is. It is deleted together with the file.
    """
    imports = ClientImports(tx, actor.organization_id)
    found = await imports.get(import_id)
    if found.file_deleted_at is not None:
        raise ImportFileGone
    run = (await imports.latest_runs([import_id])).get(import_id)
    header = found.header
    rows = report_rows(
        resources.database, actor.organization_id, run.id if run else import_id, header
    )
    return csv_stream(report_header(header), rows, filename=f"erros-{import_id}.csv")


async def _warnings(tx: Tx, found: ClientImport, run: Any) -> list[str]:
    return _warned(run, await proposal(tx, found.organization_id, found.header))


def _warned(run: Any, proposed: list[str | None]) -> list[str]:
    """Of the mapping in use, or else of the proposed one."""
    if run is None:
        return warnings_of(proposed)
    return warnings_of([field for _, field in run.plan["mapping"]])
