"""Tickets over HTTP."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response, status

from chassis.web.dependencies import IfMatch, ReadTx, Rows, Tx
from chassis.web.etag import versioned
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import Limit, Paging
from chassis.web.responses import success
from core_api.blocked_clients import ClientBlocked
from core_api.documentation import raises
from core_api.inputs import SearchText, changes
from core_api.modules.categories.service import CategoryArchived, CategoryNotFound
from core_api.modules.clients.service import ClientMerged, ClientNotFound
from core_api.modules.organizations.service import MemberUnknown
from core_api.modules.teams.roster import NotInTeam, TeamNotFound
from core_api.modules.tickets.contents import AccessReasonRequired, ContentsReader
from core_api.modules.tickets.dependencies import (
    ILLEGAL,
    MERGED,
    Reader,
    Searcher,
    TicketId,
    Writer,
)
from core_api.modules.tickets.exceptions import TicketNotFound
from core_api.modules.tickets.listing import (
    TicketOrder,
    TicketQuery,
    answer_tickets,
    of_who_answers,
)
from core_api.modules.tickets.moves import Move
from core_api.modules.tickets.repository import read_ticket
from core_api.modules.tickets.schemas import (
    TicketAssignment,
    TicketCreate,
    TicketMove,
    TicketRead,
    TicketUpdate,
)
from core_api.modules.tickets.search.finding import TicketSearching
from core_api.modules.tickets.search.schemas import TicketHit
from core_api.modules.tickets.service import TicketService
from shared_schemas.envelope import Success
from shared_schemas.pagination import CursorMeta

router = APIRouter(prefix="/tickets", tags=["tickets"], route_class=IdempotentRoute)

_CLIENT_MERGED: Final = ClientMerged(merged_into_id="0192a000-0000-7000-8000-0000000000c1")


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Open a ticket",
    responses=raises(
        ClientNotFound,
        _CLIENT_MERGED,
        ClientBlocked,
        TeamNotFound,
        CategoryNotFound,
        CategoryArchived,
    ),
)
async def create_ticket(
    given: TicketCreate, actor: Writer, tx: Tx, response: Response
) -> Success[TicketRead]:
    """Opens a ticket for a client and gives it the organization's next number."""
    ticket = await TicketService(tx, actor).create(given)
    response.headers["location"] = f"/api/v1/tickets/{ticket.id}"
    return versioned(actor, response, TicketRead.model_validate(ticket))


@router.get("", summary="List tickets")
async def list_tickets(
    actor: Reader,
    tx: ReadTx,
    paging: Paging,
    query: Annotated[TicketQuery, Query()],
    sort: TicketOrder = "-created_at",
) -> Success[list[TicketRead]]:
    """Newest first unless sorted otherwise; by cursor, or by page number with totals."""
    return await answer_tickets(tx, actor, query.filter(), sort, paging)


@router.get("/search", summary="Search tickets")
async def search_tickets(
    q: SearchText,
    actor: Searcher,
    tx: ReadTx,
    query: Annotated[TicketQuery, Query()],
    limit: Limit = 20,
) -> Success[list[TicketHit]]:
    """By number (`42`, `#42`) or by words of subject, description, messages and the client's name,
    notes included; best first.

    All words must be there: inflected, begun (the last one) or slightly misspelt. Of very many
    matches the newest are ranked. `highlights` say where the words stand, as ranges to mark; the
    texts are plain, never HTML.
    """
    wanted = await of_who_answers(tx, actor, query.filter())
    found = await TicketSearching(tx, actor.organization_id).find(q, wanted, limit + 1)
    hits = [TicketHit.of(row, found.highlights.get(row.id, ())) for row in found.rows[:limit]]
    return success(actor, hits, CursorMeta(limit=limit, has_more=len(found.rows) > limit))


@router.get(
    "/{ticket_id}",
    summary="Show a ticket",
    responses=raises(TicketNotFound, AccessReasonRequired),
)
async def get_ticket(
    ticket_id: TicketId, actor: ContentsReader, rows: Rows, response: Response
) -> Success[TicketRead]:
    """One ticket, with its version as `ETag` and the moves its status allows.

    Without `tickets:content` only for a reason, sent as `X-Access-Reason` and kept in the audit
    log. The same holds for messages and attachments; lists then show no texts.
    """
    row = await read_ticket(rows, actor.organization_id, ticket_id)
    return versioned(actor, response, TicketRead.model_validate(row))


@router.patch(
    "/{ticket_id}",
    summary="Change a ticket",
    responses=raises(TicketNotFound, TeamNotFound, CategoryNotFound, CategoryArchived, MERGED),
)
async def change_ticket(
    ticket_id: TicketId,
    given: TicketUpdate,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[TicketRead]:
    """Changes the fields that are sent, all or none. Send the `ETag` as `If-Match` to be safe."""
    ticket = await TicketService(tx, actor).change(ticket_id, changes(given), seen_version)
    return versioned(actor, response, TicketRead.model_validate(ticket))


@router.post(
    "/{ticket_id}/assign",
    summary="Assign a ticket",
    responses=raises(
        TicketNotFound,
        ILLEGAL,
        MERGED,
        IdempotencyKeyReused,
        MemberUnknown,
        TeamNotFound,
        NotInTeam,
    ),
)
async def assign_ticket(
    ticket_id: TicketId,
    given: TicketAssignment,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[TicketRead]:
    """Gives the ticket to a member of the organization, to a team, or to somebody of a team.

    Null is nobody. With a team that assigns by itself the ticket then has somebody at once, or as
    soon as somebody is free.
    """
    ticket = await TicketService(tx, actor).assign(ticket_id, changes(given), seen_version)
    return versioned(actor, response, TicketRead.model_validate(ticket))


def _add_move(move: Move, summary: str, description: str) -> None:
    async def endpoint(
        ticket_id: TicketId,
        actor: Writer,
        tx: Tx,
        seen_version: IfMatch,
        response: Response,
        given: TicketMove | None = None,
    ) -> Success[TicketRead]:
        note = None if given is None else given.note
        ticket = await TicketService(tx, actor).move(ticket_id, move, note, seen_version)
        return versioned(actor, response, TicketRead.model_validate(ticket))

    router.add_api_route(
        f"/{{ticket_id}}/{move}",
        endpoint,
        methods=["POST"],
        name=f"{move}_ticket",
        summary=summary,
        description=description,
        responses=raises(TicketNotFound, ILLEGAL, MERGED, IdempotencyKeyReused),
    )


_add_move(Move.PEND, "Wait for the client", "New, open or on hold → pending.")
_add_move(Move.HOLD, "Wait for a third party", "New, open or pending → on hold.")
_add_move(Move.RESOLVE, "Resolve a ticket", "New, open, pending or on hold → resolved.")
_add_move(Move.CLOSE, "Close a resolved ticket", "Resolved → closed.")
_add_move(Move.REOPEN, "Take a ticket up again", "Anything but new or open → open.")
