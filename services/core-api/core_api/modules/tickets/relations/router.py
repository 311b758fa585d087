"""Watchers, links, merging and splitting over HTTP."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response, status

from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.etag import versioned
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.modules.clients.service import ClientNotFound
from core_api.modules.organizations.service import MemberUnknown
from core_api.modules.tickets.dependencies import ILLEGAL, MERGED, Reader, TicketId, Writer
from core_api.modules.tickets.exceptions import (
    LinkExists,
    LinkIsHistory,
    LinkMakesCircle,
    LinkNotFound,
    MergeAcrossClients,
    MessageNotFound,
    TicketHasParent,
    TicketNotFound,
    TicketWithItself,
    WatcherNotFound,
)
from core_api.modules.tickets.relations.repository import (
    FIRST_WATCHER_FIRST,
    OLDEST_LINK_FIRST,
    Links,
    Watchers,
)
from core_api.modules.tickets.relations.schemas import (
    LinkCreate,
    LinkRead,
    WatcherCreate,
    WatcherRead,
)
from core_api.modules.tickets.schemas import TicketMergeInto, TicketRead, TicketSplitOff
from core_api.modules.tickets.service import TicketService
from shared_schemas.envelope import Success
from shared_schemas.ids import UserId

router = APIRouter(prefix="/tickets/{ticket_id}", tags=["tickets"], route_class=IdempotentRoute)

LinkId = Annotated[UUID, Path(description="The link's id")]
MemberId = Annotated[UUID, Path(description="The member's id")]


@router.get("/watchers", summary="List who watches a ticket", responses=raises(TicketNotFound))
async def list_watchers(
    ticket_id: TicketId, actor: Reader, tx: ReadTx, page: ByCursor
) -> Success[list[WatcherRead]]:
    """Who has watched longest comes first."""
    watchers = await Watchers(tx, actor.organization_id).list(ticket_id, page)
    return page.answer(
        actor,
        watchers,
        WatcherRead.model_validate,
        lambda row: (FIRST_WATCHER_FIRST.name, row.created_at, row.member_id),
    )


@router.post(
    "/watchers",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Watch a ticket",
    responses=raises(TicketNotFound, MemberUnknown, MERGED, IdempotencyKeyReused),
)
async def watch_ticket(ticket_id: TicketId, given: WatcherCreate, actor: Writer, tx: Tx) -> None:
    """Has somebody, or whoever asks, watch the ticket. Who does already goes on."""
    member_id = actor.user_id if given.member_id is None else given.member_id
    await TicketService(tx, actor).watch(ticket_id, member_id)


@router.delete(
    "/watchers/{member_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Stop watching a ticket",
    responses=raises(TicketNotFound, WatcherNotFound),
)
async def unwatch_ticket(ticket_id: TicketId, member_id: MemberId, actor: Writer, tx: Tx) -> None:
    """Takes a watcher away, oneself or somebody else."""
    await TicketService(tx, actor).unwatch(ticket_id, UserId(member_id))


@router.get("/links", summary="List a ticket's links", responses=raises(TicketNotFound))
async def list_links(
    ticket_id: TicketId, actor: Reader, tx: ReadTx, page: ByCursor
) -> Success[list[LinkRead]]:
    """What the ticket has to do with others, seen from it; oldest first."""
    rows = await Links(tx, actor.organization_id).list(ticket_id, page)
    read = partial(LinkRead.of, actor)
    return page.answer(actor, rows, read, OLDEST_LINK_FIRST.position)


@router.post(
    "/links",
    status_code=status.HTTP_201_CREATED,
    summary="Link a ticket",
    responses=raises(
        TicketNotFound,
        TicketWithItself,
        LinkExists,
        TicketHasParent,
        LinkMakesCircle,
        MERGED,
        IdempotencyKeyReused,
    ),
)
async def link_ticket(
    ticket_id: TicketId, given: LinkCreate, actor: Writer, tx: Tx
) -> Success[LinkRead]:
    """Says that the ticket is a duplicate of another, its child, or related. Both show it."""
    link = await TicketService(tx, actor).link(ticket_id, given.ticket_id, given.kind)
    row = await Links(tx, actor.organization_id).seen_from(ticket_id, link.id)
    return success(actor, LinkRead.of(actor, row))


@router.delete(
    "/links/{link_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Unlink a ticket",
    responses=raises(LinkNotFound, LinkIsHistory),
)
async def unlink_ticket(ticket_id: TicketId, link_id: LinkId, actor: Writer, tx: Tx) -> None:
    """Undoes a link, from either of its tickets. How a ticket came about stays."""
    await TicketService(tx, actor).unlink(ticket_id, link_id)


@router.post(
    "/merge",
    summary="Merge a ticket into another",
    responses=raises(
        TicketNotFound, TicketWithItself, MergeAcrossClients, ILLEGAL, MERGED, IdempotencyKeyReused
    ),
)
async def merge_ticket(
    ticket_id: TicketId,
    given: TicketMergeInto,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[TicketRead]:
    """Closes the ticket in the path and goes on with the other one, which is the answer.

    That one shows what was said on both, and has the watchers, tags and links of both. The merged
    ticket stays readable and names it in `merged_into_id`. Only tickets of one client are merged.
    """
    target = await TicketService(tx, actor).merge(
        ticket_id, given.into_ticket_id, given.reason, seen_version
    )
    return versioned(actor, response, TicketRead.model_validate(target))


@router.post(
    "/split",
    status_code=status.HTTP_201_CREATED,
    summary="Split a ticket",
    responses=raises(TicketNotFound, MessageNotFound, ClientNotFound, MERGED, IdempotencyKeyReused),
)
async def split_ticket(
    ticket_id: TicketId,
    given: TicketSplitOff,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[TicketRead]:
    """Moves messages to a new ticket of the same client, which is the answer."""
    new = await TicketService(tx, actor).split(ticket_id, given, seen_version)
    response.headers["location"] = f"/api/v1/tickets/{new.id}"
    return versioned(actor, response, TicketRead.model_validate(new))
