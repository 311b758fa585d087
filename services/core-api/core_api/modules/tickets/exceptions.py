"""What can go wrong with a ticket."""

from chassis.web.errors import Conflict, NotFound
from core_api.modules.tickets.moves import Move, TicketStatus, legal_moves


class TicketNotFound(NotFound):
    """No such ticket in the actor's organization."""

    code = "TICKET_NOT_FOUND"
    message = "Chamado não encontrado. Confira o identificador."


class IllegalTicketMove(Conflict):
    """The ticket's status does not allow it; `legal_moves` names what it does allow."""

    code = "ILLEGAL_TICKET_MOVE"
    message = (
        "A ação “{move}” não é possível em um chamado com status “{status}”. "
        "Ações possíveis: {legal_moves}."
    )

    def __init__(self, status: TicketStatus, move: Move) -> None:
        super().__init__(status=status, move=move, legal_moves=", ".join(legal_moves(status)))
