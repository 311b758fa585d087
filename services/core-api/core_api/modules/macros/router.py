"""Macros over HTTP, and applying them to tickets."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response, status

from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.errors import PreconditionFailed
from chassis.web.etag import set_etag, versioned
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.inputs import changes
from core_api.modules.macros.applying import MacroRun
from core_api.modules.macros.exceptions import (
    CannedReplyNotFound,
    CannedReplyNotShared,
    MacroNameTaken,
    MacroNotFound,
    MacroRefused,
    SharedForbidden,
)
from core_api.modules.macros.models import Macro
from core_api.modules.macros.repository import BY_POSITION, Macros
from core_api.modules.macros.schemas import MacroCreate, MacroOutcome, MacroRead, MacroUpdate
from core_api.modules.macros.service import MacroService
from core_api.modules.tickets.dependencies import ILLEGAL, TicketId
from core_api.modules.tickets.service import TicketNotFound
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(tags=["macros"], route_class=IdempotentRoute)

Reader = Annotated[Actor, Depends(require(Permission.TICKETS_READ))]
Writer = Annotated[Actor, Depends(require(Permission.TICKETS_WRITE))]
MacroId = Annotated[UUID, Path(description="The macro's id")]
_ID: Final = "0192a000-0000-7000-8000-0000000d0001"
_REFUSED: Final = MacroRefused(2, ILLEGAL)


@router.post(
    "/macros",
    status_code=status.HTTP_201_CREATED,
    summary="Write a macro",
    responses=raises(
        MacroNameTaken,
        SharedForbidden,
        CannedReplyNotFound,
        CannedReplyNotShared(canned_reply_id=_ID),
        IdempotencyKeyReused,
    ),
)
async def create_macro(
    given: MacroCreate, actor: Writer, tx: Tx, response: Response
) -> Success[MacroRead]:
    """Your own, or shared with everybody. A shared macro uses shared texts only."""
    macro = await MacroService(tx, actor).create(given)
    response.headers["location"] = f"/api/v1/macros/{macro.id}"
    return versioned(actor, response, _read(macro))


@router.get("/macros", summary="List macros")
async def list_macros(actor: Reader, tx: ReadTx, page: ByCursor) -> Success[list[MacroRead]]:
    """The shared ones and your own, in their order."""
    macros = await Macros(tx, actor.organization_id, actor.user_id).list(page)
    return page.answer(actor, macros, _read, BY_POSITION.position)


@router.get("/macros/{macro_id}", summary="Show a macro", responses=raises(MacroNotFound))
async def get_macro(
    macro_id: MacroId, actor: Reader, tx: ReadTx, response: Response
) -> Success[MacroRead]:
    """One macro, with its version as `ETag`."""
    macro = await Macros(tx, actor.organization_id, actor.user_id).get(macro_id)
    return versioned(actor, response, _read(macro))


@router.patch(
    "/macros/{macro_id}",
    summary="Change a macro",
    responses=raises(
        MacroNotFound,
        MacroNameTaken,
        SharedForbidden,
        CannedReplyNotFound,
        CannedReplyNotShared(canned_reply_id=_ID),
        PreconditionFailed,
    ),
)
async def change_macro(
    macro_id: MacroId,
    given: MacroUpdate,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[MacroRead]:
    """Changes the fields that are sent, all or none."""
    macro = await MacroService(tx, actor).change(macro_id, changes(given), seen_version)
    return versioned(actor, response, _read(macro))


@router.delete(
    "/macros/{macro_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a macro",
    responses=raises(MacroNotFound, SharedForbidden, PreconditionFailed),
)
async def delete_macro(macro_id: MacroId, actor: Writer, tx: Tx, seen_version: IfMatch) -> None:
    """For good; what it did stays."""
    await MacroService(tx, actor).delete(macro_id, seen_version)


@router.post(
    "/tickets/{ticket_id}/macros/{macro_id}/preview",
    summary="Show what a macro would do",
    responses=raises(TicketNotFound, MacroNotFound, IdempotencyKeyReused),
)
async def preview_macro(
    ticket_id: TicketId, macro_id: MacroId, actor: Writer, tx: Tx
) -> Success[MacroOutcome]:
    """Texts filled in, fields from what to what, and what is not possible. Nothing is kept."""
    return success(actor, await MacroRun(tx, actor).preview(ticket_id, macro_id))


@router.post(
    "/tickets/{ticket_id}/macros/{macro_id}/apply",
    summary="Apply a macro",
    responses=raises(
        TicketNotFound, MacroNotFound, _REFUSED, PreconditionFailed, IdempotencyKeyReused
    ),
)
async def apply_macro(
    ticket_id: TicketId,
    macro_id: MacroId,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[MacroOutcome]:
    """All of its actions, in order, or none."""
    outcome = await MacroRun(tx, actor).apply(ticket_id, macro_id, seen_version)
    set_etag(response, outcome.ticket.version)
    return success(actor, outcome)


def _read(macro: Macro) -> MacroRead:
    return MacroRead(
        id=macro.id,
        name=macro.name,
        actions=macro.actions,
        position=macro.position,
        shared=macro.owner_id is None,
        created_at=macro.created_at,
        updated_at=macro.updated_at,
        version=macro.version,
    )
