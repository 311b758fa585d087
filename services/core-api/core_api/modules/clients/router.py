"""Clients over HTTP."""

from dataclasses import replace
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response, status
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.security.authentication import require
from chassis.web.dependencies import CurrentResources, IfMatch, ReadTx, Rows, Tx
from chassis.web.errors import Forbidden
from chassis.web.etag import set_etag
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import CursorPage, Limit, Paging
from chassis.web.responses import success
from core_api.blocked_clients import ClientBlocked
from core_api.documentation import raises
from core_api.inputs import CustomWanted, SearchText, Tag, Wanted, changes, custom_pairs
from core_api.modules.clients.exceptions import (
    ClientHasRelations,
    ClientMerged,
    ClientNotFound,
    ExternalIdTaken,
)
from core_api.modules.clients.filters import ClientFilter
from core_api.modules.clients.models import Client, ClientKind
from core_api.modules.clients.registered import ClientRegistered
from core_api.modules.clients.repository import ORDERS, Clients, read_client
from core_api.modules.clients.schemas import ClientCreate, ClientRead, ClientUpdate, Sight
from core_api.modules.clients.search.finding import ClientSearch
from core_api.modules.clients.service import ClientService
from core_api.modules.duplicates.service import possible_duplicates
from core_api.workplace import CurrentWorkplace, vault_of
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.pagination import CursorMeta
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/clients", tags=["clients"], route_class=IdempotentRoute)

Reader = Annotated[Actor, Depends(require(Permission.CLIENTS_READ))]
Writer = Annotated[Actor, Depends(require(Permission.CLIENTS_WRITE))]
Deleter = Annotated[Actor, Depends(require(Permission.CLIENTS_DELETE))]

_SURVIVOR: Final = "0192a000-0000-7000-8000-0000000000c1"

ClientId = Annotated[UUID, Path(description="The client's id")]
Order = Annotated[
    Literal["-created_at", "created_at", "-updated_at", "updated_at", "name", "-name"],
    Query(description="With `-` the newest, or the last in the alphabet, comes first"),
]


def client_filter(
    kind: Annotated[ClientKind | None, Query(description="Only people, or only companies")] = None,
    tag: Annotated[Tag | None, Query(description="Has this tag")] = None,
    email: Annotated[
        Wanted | None, Query(max_length=254, description="Exactly this address")
    ] = None,
    external_id: Annotated[
        Wanted | None,
        Query(
            max_length=200,
            description="Exactly this id; of a client that was merged, the one it went into",
        ),
    ] = None,
    custom: Annotated[
        list[CustomWanted] | None,
        Query(description="Custom fields, each `key:value`; all of them", examples=["plano:Ouro"]),
    ] = None,
) -> ClientFilter:
    """The filters of a list, and of its export."""
    return ClientFilter(
        kind=kind,
        tag=tag,
        email=None if email is None else email.lower(),
        external_id=external_id,
        custom=custom_pairs(custom),
    )


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Register a client",
    responses=raises(ExternalIdTaken, IdempotencyKeyReused),
)
async def create_client(
    given: ClientCreate, actor: Writer, tx: Tx, response: Response
) -> Success[ClientRegistered]:
    """Registers a person or a company. CPF, CNPJ (also alphanumeric) and e-mail are checked.

    It is registered also when somebody like it is there: `possible_duplicates` says who.
    """
    client = await ClientService(tx, actor).create(given)
    duplicates = await possible_duplicates(tx, actor, client)
    set_etag(response, client.version)
    response.headers["location"] = f"/api/v1/clients/{client.id}"
    sight = Sight.of(actor, vault_of(tx))
    return success(actor, ClientRegistered.with_duplicates(client, sight, duplicates))


@router.get("", summary="List clients")
async def list_clients(
    actor: Reader,
    tx: ReadTx,
    paging: Paging,
    wanted: Annotated[ClientFilter, Depends(client_filter)],
    sort: Order = "-created_at",
) -> Success[list[ClientRead]]:
    """Newest first unless sorted otherwise; by cursor, or by page number with totals.

    By e-mail only with `clients:contact`: who sees addresses masked could guess them.
    """
    if wanted.email is not None and not actor.may(Permission.CLIENTS_CONTACT):
        raise Forbidden
    clients, order = Clients(tx, actor.organization_id), ORDERS[sort]
    rows = await clients.list(wanted, order, paging)
    if isinstance(paging, CursorPage):
        return paging.answer(actor, rows, lambda row: _read(row, actor, tx), order.position)
    total = await clients.count(wanted)
    return paging.answer(actor, rows, lambda row: _read(row, actor, tx), total=total)


@router.get("/search", summary="Search clients")
async def search_clients(
    q: SearchText, actor: Reader, tx: ReadTx, limit: Limit = 20
) -> Success[list[ClientRead]]:
    """By any part of name, e-mail, phone or external id, or by a whole CPF or CNPJ; best first.

    Several words in any order; typing errors are forgiven. Without `clients:contact` nothing is
    found by e-mail, phone or CPF.
    """
    contact = actor.may(Permission.CLIENTS_CONTACT)
    rows = await ClientSearch(tx, actor.organization_id).find(q, limit + 1, contact=contact)
    meta = CursorMeta(limit=limit, has_more=len(rows) > limit)
    return success(actor, [_read(row, actor, tx) for row in rows[:limit]], meta)


@router.get("/{client_id}", summary="Show a client", responses=raises(ClientNotFound))
async def get_client(
    client_id: ClientId,
    actor: Reader,
    rows: Rows,
    place: CurrentWorkplace,
    resources: CurrentResources,
    response: Response,
) -> Success[ClientRead]:
    """One client, with its version as `ETag`. With `clients:reveal` its document is shown whole,
    which the audit log notes. One that was merged is answered as the client it went into.
    `processing_blocked` says whether the data may be used."""
    client = await read_client(rows, actor.organization_id, client_id)
    set_etag(response, client.version)
    sight = Sight.of(actor, place.vault)
    if client.document_sealed is not None and actor.may(Permission.CLIENTS_REVEAL):
        async with resources.database.transaction(actor.organization_id) as tx:
            await ClientService(tx, actor).note_reveal(client.id)
        sight = replace(sight, reveal=True)
    return success(actor, ClientRead.of(client, sight))


@router.patch(
    "/{client_id}",
    summary="Change a client",
    responses=raises(
        ClientNotFound,
        ClientMerged(merged_into_id=_SURVIVOR),
        ClientBlocked,
        ExternalIdTaken,
        ClientHasRelations,
    ),
)
async def change_client(
    client_id: ClientId,
    given: ClientUpdate,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[ClientRead]:
    """Changes the fields that are sent, all or none. Send the `ETag` as `If-Match` to be safe."""
    client = await ClientService(tx, actor).change(client_id, changes(given), seen_version)
    set_etag(response, client.version)
    return success(actor, _read(client, actor, tx))


@router.delete(
    "/{client_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a client",
    responses=raises(ClientNotFound, ClientMerged(merged_into_id=_SURVIVOR)),
)
async def delete_client(client_id: ClientId, actor: Deleter, tx: Tx, seen_version: IfMatch) -> None:
    """The client is no longer found. Its tickets and consents stay on record."""
    await ClientService(tx, actor).delete(client_id, seen_version)


def _read(client: Client | Row[Any], actor: Actor, tx: AsyncSession) -> ClientRead:
    return ClientRead.of(client, Sight.of(actor, vault_of(tx)))
