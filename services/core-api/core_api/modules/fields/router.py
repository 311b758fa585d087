"""Field definitions over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response, status

from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.etag import versioned
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.inputs import changes
from core_api.modules.fields.exceptions import FieldKeyTaken, FieldNotFound, TooManyFields
from core_api.modules.fields.models import FieldEntity
from core_api.modules.fields.repository import FieldDefinitions
from core_api.modules.fields.schemas import FieldCreate, FieldRead, FieldUpdate
from core_api.modules.fields.service import FieldService
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/custom-fields", tags=["custom fields"], route_class=IdempotentRoute)

Reader = Annotated[Actor, Depends(require(Permission.CLIENTS_READ))]
Configurer = Annotated[Actor, Depends(require(Permission.DESK_CONFIGURE))]
Archived = Annotated[bool, Query(description="Also those that take no new values")]
FieldId = Annotated[UUID, Path(description="The field's id")]


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Define a custom field",
    responses=raises(FieldKeyTaken, TooManyFields, IdempotencyKeyReused),
)
async def create_custom_field(
    given: FieldCreate, actor: Configurer, tx: Tx, response: Response
) -> Success[FieldRead]:
    """A field of clients or of tickets, of type text, number, date or choice."""
    field = await FieldService(tx, actor).create(given)
    return versioned(actor, response, FieldRead.model_validate(field))


@router.get("", summary="List custom fields")
async def list_custom_fields(
    actor: Reader,
    tx: ReadTx,
    entity: Annotated[
        FieldEntity | None, Query(description="Only those of clients, or only those of tickets")
    ] = None,
    archived: Archived = False,  # noqa: FBT002 - a query parameter
) -> Success[list[FieldRead]]:
    """All of them, in the order of the form. There are at most a few hundred."""
    fields = await FieldDefinitions(tx, actor.organization_id).all_of(entity, archived=archived)
    return success(actor, [FieldRead.model_validate(field) for field in fields])


@router.patch("/{field_id}", summary="Change a custom field", responses=raises(FieldNotFound))
async def change_custom_field(
    field_id: FieldId,
    given: FieldUpdate,
    actor: Configurer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[FieldRead]:
    """Values that exist stay as they are, also when they could no longer be entered."""
    field = await FieldService(tx, actor).change(field_id, changes(given), seen_version)
    return versioned(actor, response, FieldRead.model_validate(field))


@router.post(
    "/{field_id}/archive", summary="Archive a custom field", responses=raises(FieldNotFound)
)
async def archive_custom_field(
    field_id: FieldId, actor: Configurer, tx: Tx, seen_version: IfMatch, response: Response
) -> Success[FieldRead]:
    """From now on it takes no values; those it has are kept and shown."""
    field = await FieldService(tx, actor).archive(field_id, seen_version)
    return versioned(actor, response, FieldRead.model_validate(field))


@router.post(
    "/{field_id}/restore", summary="Restore a custom field", responses=raises(FieldNotFound)
)
async def restore_custom_field(
    field_id: FieldId, actor: Configurer, tx: Tx, seen_version: IfMatch, response: Response
) -> Success[FieldRead]:
    """Takes values again."""
    field = await FieldService(tx, actor).restore(field_id, seen_version)
    return versioned(actor, response, FieldRead.model_validate(field))
