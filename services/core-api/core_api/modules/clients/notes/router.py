"""Notes about a client over HTTP."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response, status
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.etag import set_etag
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from core_api.blocked_clients import ClientBlocked
from core_api.documentation import raises
from core_api.inputs import Body, Input
from core_api.modules.clients.exceptions import ClientNotFound, NoteNotFound
from core_api.modules.clients.notes.noting import NEWEST_FIRST, Notes, NoteService
from core_api.modules.clients.repository import Clients
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(
    prefix="/clients/{client_id}/notes", tags=["clients"], route_class=IdempotentRoute
)

Reader = Annotated[Actor, Depends(require(Permission.CLIENTS_READ))]
Writer = Annotated[Actor, Depends(require(Permission.CLIENTS_WRITE))]
ClientId = Annotated[UUID, Path(description="The client's id")]
NoteId = Annotated[UUID, Path(description="The note's id")]


class NoteInput(Input):
    """A note. The client never sees it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"body": "Prefere ligações à tarde."}]}
    )

    body: Annotated[Body, StringConstraints(max_length=10_000)]


class NoteRead(BaseModel):
    """A note about a client."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    client_id: UUID
    body: str = Field(examples=["Prefere ligações à tarde."])
    author_id: UUID = Field(description="The member who wrote it first")
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Write a note about a client",
    responses=raises(ClientNotFound, ClientBlocked, IdempotencyKeyReused),
)
async def create_client_note(
    client_id: ClientId, given: NoteInput, actor: Writer, tx: Tx, response: Response
) -> Success[NoteRead]:
    """Seen by attendants only."""
    note = await NoteService(tx, actor).write(client_id, given.body)
    set_etag(response, note.version)
    return success(actor, NoteRead.model_validate(note))


@router.get("", summary="List the notes about a client", responses=raises(ClientNotFound))
async def list_client_notes(
    client_id: ClientId, actor: Reader, tx: ReadTx, page: ByCursor
) -> Success[list[NoteRead]]:
    """Newest first."""
    client_id = await Clients(tx, actor.organization_id).require(client_id, lock=False)
    notes = await Notes(tx, actor.organization_id).list(client_id, page)
    return page.answer(actor, notes, NoteRead.model_validate, NEWEST_FIRST.position)


@router.patch(
    "/{note_id}",
    summary="Change a note",
    responses=raises(ClientNotFound, NoteNotFound, ClientBlocked),
)
async def change_client_note(
    client_id: ClientId,
    note_id: NoteId,
    given: NoteInput,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[NoteRead]:
    """The audit log keeps what it said before."""
    note = await NoteService(tx, actor).change(client_id, note_id, given.body, seen_version)
    set_etag(response, note.version)
    return success(actor, NoteRead.model_validate(note))


@router.delete(
    "/{note_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a note",
    responses=raises(ClientNotFound, NoteNotFound),
)
async def delete_client_note(
    client_id: ClientId, note_id: NoteId, actor: Writer, tx: Tx, seen_version: IfMatch
) -> None:
    """The audit log keeps what it said."""
    await NoteService(tx, actor).delete(client_id, note_id, seen_version)
