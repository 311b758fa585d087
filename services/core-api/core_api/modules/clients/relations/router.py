"""People of companies and companies of people over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response, status

from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.etag import set_etag
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.inputs import changes
from core_api.modules.clients.exceptions import (
    ClientNotFound,
    RelationExists,
    RelationNeedsBothKinds,
    RelationNotFound,
)
from core_api.modules.clients.relations.relating import RelationService
from core_api.modules.clients.relations.repository import OLDEST_FIRST, Relations
from core_api.modules.clients.relations.schemas import RelationCreate, RelationRead, RelationUpdate
from core_api.modules.clients.repository import Clients
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(
    prefix="/clients/{client_id}/relations", tags=["clients"], route_class=IdempotentRoute
)

Reader = Annotated[Actor, Depends(require(Permission.CLIENTS_READ))]
Writer = Annotated[Actor, Depends(require(Permission.CLIENTS_WRITE))]
ClientId = Annotated[UUID, Path(description="The person's or the company's id")]
RelationId = Annotated[UUID, Path(description="The relation's id")]


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Link a person and a company",
    responses=raises(ClientNotFound, RelationExists, RelationNeedsBothKinds, IdempotencyKeyReused),
)
async def create_client_relation(
    client_id: ClientId, given: RelationCreate, actor: Writer, tx: Tx, response: Response
) -> Success[RelationRead]:
    """From either side: the other client is of the other kind."""
    row = await RelationService(tx, actor).create(client_id, given)
    set_etag(response, row.version)
    return success(actor, RelationRead.of(row))


@router.get("", summary="List a client's relations", responses=raises(ClientNotFound))
async def list_client_relations(
    client_id: ClientId, actor: Reader, tx: ReadTx, page: ByCursor
) -> Success[list[RelationRead]]:
    """The people of a company, the companies of a person; oldest link first."""
    client_id = await Clients(tx, actor.organization_id).require(client_id, lock=False)
    rows = await Relations(tx, actor.organization_id).list(client_id, page)
    return page.answer(actor, rows, RelationRead.of, OLDEST_FIRST.position)


@router.patch("/{relation_id}", summary="Change a relation", responses=raises(RelationNotFound))
async def change_client_relation(
    client_id: ClientId,
    relation_id: RelationId,
    given: RelationUpdate,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[RelationRead]:
    """What the person does at the company."""
    service = RelationService(tx, actor)
    row = await service.change(client_id, relation_id, changes(given), seen_version)
    set_etag(response, row.version)
    return success(actor, RelationRead.of(row))


@router.delete(
    "/{relation_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Unlink a person and a company",
    responses=raises(RelationNotFound),
)
async def delete_client_relation(
    client_id: ClientId, relation_id: RelationId, actor: Writer, tx: Tx, seen_version: IfMatch
) -> None:
    """Both stay; who unlinked them is in the audit log."""
    await RelationService(tx, actor).delete(client_id, relation_id, seen_version)
