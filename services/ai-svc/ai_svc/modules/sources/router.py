"""Sources over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response, status

from ai_svc.modules.sources import service
from ai_svc.modules.sources.exceptions import (
    CredentialsNotKept,
    SourceNameTaken,
    SourceNotFound,
    SyncUnderWay,
)
from ai_svc.modules.sources.repository import Sources
from ai_svc.modules.sources.schemas import (
    ItemRead,
    RunRead,
    SourceChange,
    SourceCreate,
    SourceRead,
)
from ai_svc.workshop import CurrentWorkshop
from chassis.security.authentication import InternalCaller, require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.documentation import raises
from chassis.web.errors import PreconditionFailed
from chassis.web.etag import set_etag
from chassis.web.idempotency import IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from knowledge.failures import UrlRefused
from knowledge.sources.models import ItemState, RunTrigger, SourceItem, WatchedSource
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/rag/sources", tags=["sources"], route_class=IdempotentRoute)
internal_router = APIRouter(prefix="/sources", tags=["sources"])

Configurer = Annotated[Actor, Depends(require(Permission.SOURCES_CONFIGURE))]


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Set up a source",
    responses=raises(SourceNameTaken, CredentialsNotKept, UrlRefused),
)
async def create_source(
    given: SourceCreate, actor: Configurer, workshop: CurrentWorkshop, tx: Tx, response: Response
) -> Success[SourceRead]:
    """A page, a sitemap or a prefix of a bucket, whose documents follow it from now on.

    It is looked at within a minute, and then as often as said. `robots.txt` is respected. What it
    brings belongs to who set it up, for the readers said here. Credentials are sealed and never
    shown again.
    """
    source = await service.create(tx, actor, workshop, given)
    set_etag(response, source.version)
    response.headers["location"] = f"/api/v1/rag/sources/{source.id}"
    return success(actor, SourceRead.of(source, None))


@router.get("", summary="List sources")
async def list_sources(actor: Configurer, tx: ReadTx, page: ByCursor) -> Success[list[SourceRead]]:
    """Newest first, each with its last look."""
    sources = Sources(tx, actor.organization_id)
    rows = await sources.list(page)
    runs = await sources.latest_runs([row.id for row in rows])

    def read(row: WatchedSource) -> SourceRead:
        return SourceRead.of(row, runs.get(row.id))

    return page.answer(actor, rows, read, lambda row: (row.created_at, row.id))


@router.get("/{source_id}", summary="Show a source", responses=raises(SourceNotFound))
async def read_source(
    source_id: UUID, actor: Configurer, tx: ReadTx, response: Response
) -> Success[SourceRead]:
    """With its last look."""
    sources = Sources(tx, actor.organization_id)
    source = await sources.get(source_id)
    runs = await sources.latest_runs([source_id])
    set_etag(response, source.version)
    return success(actor, SourceRead.of(source, runs.get(source_id)))


@router.patch(
    "/{source_id}",
    summary="Change a source",
    responses=raises(
        SourceNotFound, SourceNameTaken, CredentialsNotKept, UrlRefused, PreconditionFailed
    ),
)
async def change_source(
    source_id: UUID,
    given: SourceChange,
    actor: Configurer,
    workshop: CurrentWorkshop,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[SourceRead]:
    """Whom documents are for holds at once, also for those it has brought, unless somebody has said
    so of one by itself. Everything else holds for those that come from now on."""
    sources = Sources(tx, actor.organization_id)
    source = await sources.get_for_change(source_id, seen_version)
    await service.change(tx, actor, workshop, source, given)
    runs = await sources.latest_runs([source_id])
    set_etag(response, source.version)
    return success(actor, SourceRead.of(source, runs.get(source_id)))


@router.delete(
    "/{source_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Stop watching a source",
    responses=raises(SourceNotFound, PreconditionFailed),
)
async def delete_source(source_id: UUID, actor: Configurer, tx: Tx, seen_version: IfMatch) -> None:
    """With its history and its credentials. The documents it brought stay."""
    source = await Sources(tx, actor.organization_id).get_for_change(source_id, seen_version)
    await tx.delete(source)


@router.post(
    "/{source_id}/sync",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Look at a source now",
    responses=raises(SourceNotFound, SyncUnderWay),
)
async def sync_source(source_id: UUID, actor: Configurer, tx: Tx) -> Success[RunRead]:
    """One look at a time: follow it under `/runs`."""
    sources = Sources(tx, actor.organization_id)
    await sources.get_for_change(source_id, None)
    run = await sources.ask(
        source_id,
        RunTrigger.PERSON,
        requested_by=actor.user_id,
        correlation_id=actor.request_id,
    )
    return success(actor, RunRead.of(run))


@router.get(
    "/{source_id}/runs", summary="List the looks at a source", responses=raises(SourceNotFound)
)
async def list_runs(
    source_id: UUID, actor: Configurer, tx: ReadTx, page: ByCursor
) -> Success[list[RunRead]]:
    """The latest first, for thirty days: what each found, and why it failed if it did."""
    sources = Sources(tx, actor.organization_id)
    await sources.get(source_id)
    rows = await sources.runs(source_id, page)
    return page.answer(actor, rows, RunRead.of, lambda row: (row.created_at, row.id))


@router.get(
    "/{source_id}/items", summary="List what a source holds", responses=raises(SourceNotFound)
)
async def list_items(
    source_id: UUID,
    actor: Configurer,
    tx: ReadTx,
    page: ByCursor,
    state: Annotated[ItemState | None, Query(description="Only those of this state")] = None,
) -> Success[list[ItemRead]]:
    """By address: the document each has become, or what was wrong with it."""
    sources = Sources(tx, actor.organization_id)
    await sources.get(source_id)
    rows = await sources.items(source_id, state, page)

    def read(row: SourceItem) -> ItemRead:
        return ItemRead(**{name: getattr(row, name) for name in ItemRead.model_fields})

    return page.answer(actor, rows, read, lambda row: (row.address,))


@internal_router.post("/sweep")
async def sweep(caller: InternalCaller, workshop: CurrentWorkshop) -> Success[dict[str, int]]:
    """Puts what is due into the queue; says how many."""
    asked = await service.ask_for_due(workshop.database)
    return Success(data={"asked": asked}, request_id=caller.request_id)
