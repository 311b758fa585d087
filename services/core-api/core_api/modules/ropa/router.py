"""Records of processing and impact reports over HTTP: as JSON, CSV and PDF."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Response

from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.etag import versioned
from chassis.web.responses import success
from core_api.csv_export import Separator, csv_stream
from core_api.documentation import raises
from core_api.inputs import Code
from core_api.modules.consents.reading import PurposeNotFound
from core_api.modules.ropa.assessing import Assessing
from core_api.modules.ropa.exceptions import AssessmentChangedMeanwhile
from core_api.modules.ropa.papers import HEADER, record_rows, records_paper, sheet_paper
from core_api.modules.ropa.records import processing_records
from core_api.modules.ropa.schemas import (
    AssessmentPut,
    Format,
    ImpactSheet,
    ProcessingRecords,
)
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(tags=["accountability"])

Reader = Annotated[Actor, Depends(require(Permission.PRIVACY_READ))]
Writer = Annotated[Actor, Depends(require(Permission.PRIVACY_EXECUTE))]
PurposeCode = Annotated[Code, Path(description="The purpose's code")]
Archived = Annotated[bool, Query(description="With purposes that are no longer in use")]
_PDF: Final = "application/pdf"
_BINARY: Final[dict[str, Any]] = {"schema": {"type": "string", "format": "binary"}}
_FILES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The document",
        "content": {_PDF: _BINARY, "text/csv": {"schema": {"type": "string"}}},
    }
}


@router.get("/processing-records", summary="Show the record of processing activities")
async def get_records(
    actor: Reader, tx: ReadTx, *, archived: Archived = False
) -> Success[ProcessingRecords]:
    """Made from the registry of purposes, the register of transfers and the controller's profile
    (LGPD Art. 37). Each line says what is missing."""
    found = await processing_records(tx, actor.organization_id, archived=archived)
    return success(actor, found)


@router.get(
    "/processing-records/export",
    summary="Export the record of processing activities",
    response_class=Response,
    responses=_FILES,
)
async def export_records(
    actor: Reader,
    tx: ReadTx,
    *,
    format: Annotated[Format, Query(description="Of the file")] = "pdf",  # noqa: A002 - its name on the wire
    separator: Separator = "semicolon",
    archived: Archived = False,
) -> Response:
    """The same in Portuguese, for people (PDF), spreadsheets (CSV) or programs (JSON)."""
    found = await processing_records(tx, actor.organization_id, archived=archived)
    if format == "csv":
        rows = record_rows(found)
        return csv_stream(HEADER, rows, filename="ropa.csv", separator=separator)
    if format == "json":
        return _file(found.model_dump_json(indent=2).encode(), "application/json", "ropa.json")
    return _file(await asyncio.to_thread(records_paper, found), _PDF, "ropa.pdf")


@router.get(
    "/consent-purposes/{code}/impact-assessment",
    summary="Show the data sheet of an impact report",
    responses=raises(PurposeNotFound),
)
async def get_sheet(
    code: PurposeCode, actor: Reader, tx: ReadTx, response: Response
) -> Success[ImpactSheet]:
    """What the registry and queries know of a purpose's risks, and what people added."""
    return versioned(actor, response, await Assessing(tx, actor).sheet(code))


@router.put(
    "/consent-purposes/{code}/impact-assessment",
    summary="Assess the impact of a purpose",
    responses=raises(PurposeNotFound, AssessmentChangedMeanwhile),
)
async def put_assessment(
    code: PurposeCode,
    given: AssessmentPut,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[ImpactSheet]:
    """Necessity, proportionality, risks, measures, conclusion; its next review is watched."""
    return versioned(actor, response, await Assessing(tx, actor).put(code, given, seen_version))


@router.get(
    "/consent-purposes/{code}/impact-assessment/export",
    summary="Export the data sheet of an impact report",
    response_class=Response,
    responses={**_FILES, **raises(PurposeNotFound)},
)
async def export_sheet(code: PurposeCode, actor: Reader, tx: ReadTx) -> Response:
    """As PDF, in Portuguese."""
    sheet = await Assessing(tx, actor).sheet(code)
    return _file(await asyncio.to_thread(sheet_paper, sheet), _PDF, f"ripd-{code}.pdf")


def _file(content: bytes, media_type: str, name: str) -> Response:
    headers = {
        "content-disposition": f'attachment; filename="{name}"',
        "cache-control": "no-store",
    }
    return Response(content, media_type=media_type, headers=headers)
