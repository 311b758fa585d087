"""The settings of a desk over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.etag import versioned
from core_api.inputs import changes
from core_api.modules.desk.schemas import DeskSettingsRead, DeskSettingsUpdate
from core_api.modules.desk.service import DeskService, desk_settings
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/desk-settings", tags=["desk"])

Reader = Annotated[Actor, Depends(require(Permission.TICKETS_READ))]
Configurer = Annotated[Actor, Depends(require(Permission.DESK_CONFIGURE))]


@router.get("", summary="Show the desk's settings")
async def get_desk_settings(
    actor: Reader, tx: ReadTx, response: Response
) -> Success[DeskSettingsRead]:
    """How the organization's desk behaves, with the version as `ETag`."""
    settings = await desk_settings(tx, actor.organization_id)
    return versioned(actor, response, DeskSettingsRead.model_validate(settings))


@router.patch("", summary="Change the desk's settings")
async def change_desk_settings(
    given: DeskSettingsUpdate, actor: Configurer, tx: Tx, seen_version: IfMatch, response: Response
) -> Success[DeskSettingsRead]:
    """Changes the fields that are sent. What is done already stays done."""
    settings = await DeskService(tx, actor).change(changes(given), seen_version)
    return versioned(actor, response, DeskSettingsRead.model_validate(settings))
