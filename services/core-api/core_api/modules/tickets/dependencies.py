"""What the routes of tickets share: who may, which ticket, and how it can be refused."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Path

from chassis.security.authentication import require
from core_api.modules.tickets.exceptions import IllegalTicketMove, TicketMerged
from core_api.modules.tickets.moves import Move, TicketStatus
from shared_schemas.actor import Actor
from shared_schemas.permissions import Permission

Reader = Annotated[Actor, Depends(require(Permission.TICKETS_READ))]
Searcher = Annotated[Actor, Depends(require(Permission.TICKETS_READ, Permission.TICKETS_CONTENT))]
"""Who finds tickets by what they say."""
Writer = Annotated[Actor, Depends(require(Permission.TICKETS_WRITE))]
TicketId = Annotated[UUID, Path(description="The ticket's id")]

ILLEGAL: Final = IllegalTicketMove(TicketStatus.CLOSED, Move.PEND)
MERGED: Final = TicketMerged(merged_into_id="0192a000-0000-7000-8000-0000000000fd")
