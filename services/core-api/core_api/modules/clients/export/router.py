"""Exporting clients over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from chassis.security.authentication import require
from chassis.web.dependencies import CurrentResources, Tx
from chassis.web.errors import Forbidden
from core_api.csv_export import Separator, csv_responses, csv_stream
from core_api.documentation import raises
from core_api.modules.clients.export.streaming import ClientExport, export_header
from core_api.modules.clients.filters import ClientFilter
from core_api.modules.clients.router import client_filter
from shared_schemas.actor import Actor
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/clients", tags=["clients"])

Exporter = Annotated[Actor, Depends(require(Permission.CLIENTS_EXPORT))]
Documents = Annotated[
    Literal["masked", "full"],
    Query(description="CPF and CNPJ whole, which needs `clients:reveal` and is noted"),
]


@router.get(
    "/export.csv",
    summary="Export clients as CSV",
    response_class=StreamingResponse,
    responses=csv_responses("The clients of the list, oldest first") | raises(Forbidden),
)
async def export_clients(
    actor: Exporter,
    tx: Tx,
    resources: CurrentResources,
    wanted: Annotated[ClientFilter, Depends(client_filter)],
    documents: Documents = "masked",
    separator: Separator = "semicolon",
) -> StreamingResponse:
    """Every client the filters let through, in UTF-8; the audit log notes filters and number.

    What a spreadsheet would calculate has an apostrophe in front. Imported, it changes nothing.
    """
    full = documents == "full"
    if full and not actor.may(Permission.CLIENTS_REVEAL):
        raise Forbidden
    if wanted.email is not None and not actor.may(Permission.CLIENTS_CONTACT):
        raise Forbidden
    export = ClientExport(actor, wanted, full)
    custom = await export.begin(tx)
    return csv_stream(
        export_header(custom),
        export.rows(resources.database, custom),
        filename="clientes.csv",
        separator=separator,
    )
