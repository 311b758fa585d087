"""What tickets say, and who reads it only after saying why.

Who works on tickets, or oversees the desk, holds `tickets:content`. Who merely may know of tickets,
as the data protection officer, sees numbers and states; what was said is read one ticket at a time,
for a reason that the audit log keeps.
"""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends
from starlette.requests import Request

from chassis.web.errors import Forbidden
from chassis.web.resources import Resources
from core_api.changes import Change
from core_api.modules.audit import service as audit
from core_api.modules.tickets.dependencies import Reader
from core_api.modules.tickets.filters import TicketFilter
from core_api.modules.tickets.repository import Tickets
from core_api.modules.tickets.schemas import TicketRead
from shared_schemas.actor import Actor
from shared_schemas.permissions import Permission

WITHHELD: Final = "Conteúdo restrito"
"""Stands where a text would."""


class AccessReasonRequired(Forbidden):
    """The actor may know of the ticket; what it says is for a reason only."""

    code = "ACCESS_REASON_REQUIRED"
    message = (
        "O conteúdo dos chamados é restrito a quem os atende. Informe o motivo do acesso no"
        " cabeçalho X-Access-Reason; ele fica registrado na auditoria."
    )


async def _contents_reader(request: Request, actor: Reader) -> Actor:
    """Whoever reads what a ticket says. Noted before the answer, in a transaction of its own."""
    if actor.may(Permission.TICKETS_CONTENT):
        return actor
    if actor.reason is None:
        raise AccessReasonRequired
    try:
        ticket_id = UUID(request.path_params["ticket_id"])
    except ValueError:
        return actor  # the route refuses it
    resources: Resources = request.app.state.resources
    async with resources.database.transaction(actor.organization_id) as tx:
        client_id = await Tickets(tx, actor.organization_id).client_of(ticket_id, lock=False)
        await audit.record(
            tx,
            actor,
            "ticket.contents_read",
            ticket_id,
            changes={"operation": Change(None, request.scope["route"].name)},
            about=client_id,
            related={"client_id": client_id},
        )
    return actor


ContentsReader = Annotated[Actor, Depends(_contents_reader)]
"""Who reads what one ticket says: routes with `ticket_id` in their path."""


def ticket_read(actor: Actor, row: Any) -> TicketRead:
    """A ticket in a list, as the actor may see it."""
    read = TicketRead.model_validate(row)
    if actor.may(Permission.TICKETS_CONTENT):
        return read
    hidden = {"subject": WITHHELD, "description": WITHHELD, "tags": [], "custom_fields": {}}
    return read.model_copy(update={**hidden, "is_withheld": True})


def check_filter(actor: Actor, wanted: TicketFilter) -> None:
    """Who may not read what tickets say must not find out by asking for it."""
    if (wanted.tag or wanted.custom) and not actor.may(Permission.TICKETS_CONTENT):
        raise Forbidden


def shown(actor: Actor, text: str) -> str:
    """A text about a ticket, in a list."""
    return text if actor.may(Permission.TICKETS_CONTENT) else WITHHELD
