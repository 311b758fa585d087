"""Duplicates, merges and their undoing over HTTP."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response, status

from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.errors import PreconditionFailed
from chassis.web.etag import set_etag
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor, Limit, encode_cursor
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.modules.clients.exceptions import ClientMerged, ClientNotFound, ExternalIdTaken
from core_api.modules.clients.schemas import Sight
from core_api.modules.clients.service import family_of
from core_api.modules.duplicates.distinctions import DistinctionService
from core_api.modules.duplicates.exceptions import (
    KindsDiffer,
    MergeAlreadyUndone,
    MergeNotFound,
    MergeSealed,
    MergeTooOld,
    SurvivorMerged,
    UndoConflicts,
    with_itself,
)
from core_api.modules.duplicates.merging import MergeService
from core_api.modules.duplicates.repository import NEWEST_FIRST, Merges
from core_api.modules.duplicates.schemas import (
    ClientMergeRead,
    DuplicatePairRead,
    DuplicateRead,
    MergeChoices,
    MergeCreate,
    MergeOutlookRead,
    MergePreviewRead,
    UndoCreate,
)
from core_api.modules.duplicates.suggestions import Suggestions
from core_api.modules.duplicates.undoing import UndoService
from core_api.modules.erasure.service import ErasureUnderWay
from core_api.workplace import vault_of
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.pagination import CursorMeta
from shared_schemas.permissions import Permission

router = APIRouter(tags=["duplicates"], route_class=IdempotentRoute)

Merger = Annotated[Actor, Depends(require(Permission.CLIENTS_MERGE))]
ClientId = Annotated[UUID, Path(description="The client's id")]
OtherId = Annotated[UUID, Path(description="The other client's id")]
MergeId = Annotated[UUID, Path(description="The merge's id")]
_MERGED: Final = ClientMerged(merged_into_id="0192a000-0000-7000-8000-0000000000c1")


@router.get("/client-duplicates", summary="List clients that are probably one")
async def list_duplicates(
    actor: Merger, tx: ReadTx, page: ByCursor
) -> Success[list[DuplicatePairRead]]:
    """Pairs with reasons and a score, through all clients in the order of registration.

    A page looks at a bounded number of clients: it may hold fewer pairs than `limit`, even none,
    and still say that there is more.
    """
    found = await Suggestions(tx, actor.organization_id).page(page)
    meta = CursorMeta(
        limit=page.limit,
        has_more=found.position is not None,
        next_cursor=encode_cursor(found.position) if found.position else None,
    )
    sight = Sight.of(actor, vault_of(tx))
    return success(actor, [DuplicatePairRead.of(pair, sight) for pair in found.suggestions], meta)


@router.get(
    "/clients/{client_id}/duplicates",
    summary="List who is probably the same client",
    responses=raises(ClientNotFound),
)
async def list_duplicates_of_client(
    client_id: ClientId, actor: Merger, tx: ReadTx, limit: Limit = 20
) -> Success[list[DuplicateRead]]:
    """By document, e-mail, phone, name and city, likeliest first; without pairs known to be two."""
    found = await Suggestions(tx, actor.organization_id).of(client_id, limit)
    sight = Sight.of(actor, vault_of(tx))
    return success(actor, [DuplicateRead.of(pair, sight) for pair in found])


@router.put(
    "/clients/{client_id}/distinctions/{other_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Say that two clients are two",
    responses=raises(ClientNotFound, _MERGED, with_itself()),
)
async def distinguish_clients(
    client_id: ClientId, other_id: OtherId, actor: Merger, tx: Tx
) -> None:
    """The pair is not suggested any more."""
    await DistinctionService(tx, actor).add(client_id, other_id)


@router.delete(
    "/clients/{client_id}/distinctions/{other_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Say that two clients may be one",
    responses=raises(ClientNotFound, _MERGED, with_itself()),
)
async def forget_distinction(client_id: ClientId, other_id: OtherId, actor: Merger, tx: Tx) -> None:
    """The pair may be suggested again."""
    await DistinctionService(tx, actor).remove(client_id, other_id)


@router.post(
    "/clients/{client_id}/merge-preview",
    summary="Preview a merge",
    responses=raises(ClientNotFound, _MERGED, KindsDiffer, with_itself(), IdempotencyKeyReused),
)
async def preview_merge(
    client_id: ClientId, given: MergeChoices, actor: Merger, tx: Tx
) -> Success[MergePreviewRead]:
    """Every field with both values and the result, every relation counted. Changes nothing."""
    preview = await MergeService(tx, actor).preview(client_id, given.other_id, given.choices)
    return success(actor, MergePreviewRead.of(preview))


@router.post(
    "/clients/{client_id}/merge",
    status_code=status.HTTP_201_CREATED,
    summary="Merge another client into this one",
    responses=raises(
        ClientNotFound,
        _MERGED,
        KindsDiffer,
        ErasureUnderWay,
        ExternalIdTaken,
        with_itself(),
        PreconditionFailed,
        IdempotencyKeyReused,
    ),
)
async def merge_clients(
    client_id: ClientId,
    given: MergeCreate,
    actor: Merger,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[ClientMergeRead]:
    """Nothing is lost: both ids answer as this client, and for 30 days it can be undone.

    `If-Match` is this client's version, `other_version` the other one's.
    """
    seen = (seen_version, given.other_version)
    merge = await MergeService(tx, actor).merge(
        client_id, given.other_id, given.choices, given.reason, seen
    )
    set_etag(response, merge.version)
    response.headers["location"] = f"/api/v1/client-merges/{merge.id}"
    return success(actor, ClientMergeRead.of(merge))


@router.get("/client-merges", summary="List merges, newest first", responses=raises(ClientNotFound))
async def list_merges(
    actor: Merger,
    tx: ReadTx,
    page: ByCursor,
    client_id: Annotated[UUID | None, Query(description="Into this client")] = None,
) -> Success[list[ClientMergeRead]]:
    """Who was merged into whom, by whom and why, and what was undone."""
    family = None
    if client_id is not None:
        family = await family_of(tx, actor.organization_id, client_id)
    merges = await Merges(tx, actor.organization_id).list(family, page)
    return page.answer(actor, merges, ClientMergeRead.of, NEWEST_FIRST.position)


@router.get("/client-merges/{merge_id}", summary="Show a merge", responses=raises(MergeNotFound))
async def get_merge(
    merge_id: MergeId, actor: Merger, tx: ReadTx, response: Response
) -> Success[MergeOutlookRead]:
    """With the fields that were changed since and that undoing it would ask about."""
    merge = await Merges(tx, actor.organization_id).get(merge_id)
    outlook = await UndoService(tx, actor).outlook(merge)
    set_etag(response, merge.version)
    return success(actor, MergeOutlookRead.with_outlook(merge, outlook))


@router.post(
    "/client-merges/{merge_id}/undo",
    summary="Undo a merge",
    responses=raises(
        MergeNotFound,
        ClientNotFound,
        MergeAlreadyUndone,
        MergeTooOld(reversible_until="21/12/2026"),
        MergeSealed,
        SurvivorMerged(merged_into_id="0192a000-0000-7000-8000-0000000000c1"),
        UndoConflicts,
        ExternalIdTaken,
        PreconditionFailed,
        IdempotencyKeyReused,
    ),
)
async def undo_merge(
    merge_id: MergeId,
    given: UndoCreate,
    actor: Merger,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[ClientMergeRead]:
    """Two clients again: fields and relations as before, with what was added since.

    Fields that were changed since need a choice; without it they are named and nothing happens.
    """
    merge = await UndoService(tx, actor).undo(merge_id, given.choices, given.reason, seen_version)
    set_etag(response, merge.version)
    return success(actor, ClientMergeRead.of(merge))
