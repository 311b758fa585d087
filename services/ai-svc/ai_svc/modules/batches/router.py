"""Batches over HTTP."""

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response, status

from ai_svc.modules.batches import service
from ai_svc.modules.batches.exceptions import BatchNotFound
from ai_svc.modules.batches.intake import MAX_BODY_BYTES, BatchSubmission
from ai_svc.modules.batches.repository import read_batch
from ai_svc.modules.batches.schemas import MOST_ITEMS, BatchFields, BatchRead, BatchSubmit
from ai_svc.modules.documents.dependencies import BODY_REFUSED, NamedClient, Writer
from ai_svc.workshop import CurrentWorkshop
from chassis.web.dependencies import ReadTx, Tx
from chassis.web.documentation import raises
from chassis.web.errors import InvalidInput
from chassis.web.idempotency import IdempotentRoute
from chassis.web.responses import success
from shared_schemas.envelope import Success

router = APIRouter(prefix="/rag", tags=["batches"], route_class=IdempotentRoute)

_REFERENCE: Final = "#/components/schemas/{model}"


def _body() -> dict[str, Any]:
    form = BatchFields.model_json_schema(ref_template=_REFERENCE)
    listed = BatchSubmit.model_json_schema(ref_template=_REFERENCE)
    for schema in (form, listed):
        schema.pop("$defs", None)  # its enumerations are components by the answers' schemas
    file = {"type": "string", "format": "binary"}
    files = {"type": "array", "items": file, "minItems": 1, "maxItems": MOST_ITEMS}
    form["properties"] = {"files": files, **form["properties"]}
    form["required"] = ["files"]
    content = {"multipart/form-data": {"schema": form}, "application/json": {"schema": listed}}
    return {"requestBody": {"required": True, "content": content}}


@router.post(
    "/documents/batch",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Submit many documents at once",
    max_body_size=MAX_BODY_BYTES,
    openapi_extra=_body(),
    responses={**BODY_REFUSED, **raises(InvalidInput)},
)
async def submit_batch(
    actor: Writer, received: BatchSubmission, tx: Tx, workshop: CurrentWorkshop, response: Response
) -> Success[BatchRead]:
    """Up to 100 files in one form (60 MB together), or a list of texts and addresses.

    Each is accepted, refused or recognised on its own; one that is no good takes nothing from the
    others. Follow them under `/rag/batches/{id}`, or live under `/rag/documents/events?batch_id=`.
    """
    batch = await service.submit(tx, actor, received, workshop.settings.ingestion.quota)
    response.headers["location"] = f"/api/v1/rag/batches/{batch.id}"
    return success(actor, await read_batch(tx, actor, batch.id, None))


@router.get(
    "/batches/{batch_id}", summary="Show a batch of documents", responses=raises(BatchNotFound)
)
async def show_batch(
    batch_id: UUID, actor: Writer, tx: ReadTx, client_id: NamedClient = None
) -> Success[BatchRead]:
    """What became of each item, and how far its document is. Only who submitted it sees it."""
    return success(actor, await read_batch(tx, actor, batch_id, client_id))
