"""What can go wrong with a ticket."""

from types import MappingProxyType
from typing import Final

from chassis.web.errors import Conflict, Forbidden, NotFound
from core_api.modules.tickets.moves import Move, TicketStatus, legal_moves
from shared_schemas.errors import ErrorDetail

_STATUS: Final = MappingProxyType(
    {
        TicketStatus.NEW: "novo",
        TicketStatus.OPEN: "aberto",
        TicketStatus.PENDING: "pendente",
        TicketStatus.ON_HOLD: "em espera",
        TicketStatus.RESOLVED: "resolvido",
        TicketStatus.CLOSED: "fechado",
    }
)
_MOVE: Final = MappingProxyType(
    {
        Move.ASSIGN: "atribuir",
        Move.UNASSIGN: "deixar sem responsável",
        Move.PEND: "aguardar o cliente",
        Move.HOLD: "pôr em espera",
        Move.RESOLVE: "resolver",
        Move.CLOSE: "fechar",
        Move.REOPEN: "reabrir",
        Move.REPLY: "responder",
        Move.DRAFT: "guardar rascunho",
        Move.NOTE: "anotar",
        Move.CLIENT_MESSAGE: "registrar mensagem do cliente",
        Move.MERGE: "mesclar em outro chamado",
        Move.ABSORB: "receber outro chamado",
        Move.SPLIT: "dividir",
    }
)


class TicketNotFound(NotFound):
    """No such ticket in the actor's organization."""

    code = "TICKET_NOT_FOUND"
    message = "Chamado não encontrado. Confira o identificador."


class TicketMerged(Conflict):
    """The ticket was merged: what is to be done is to be done on the one that `details` name."""

    code = "TICKET_MERGED"
    message = "Este chamado foi mesclado em outro ({merged_into_id}). Continue por lá."


class IllegalTicketMove(Conflict):
    """The ticket's status does not allow it; `details` name the moves it does allow."""

    code = "ILLEGAL_TICKET_MOVE"
    message = "O chamado está {status}: não é possível {move}. Ações possíveis: {possible}."

    def __init__(self, status: TicketStatus, move: Move) -> None:
        legal = legal_moves(status)
        possible = ", ".join(_MOVE[other] for other in legal)
        super().__init__(status=_STATUS[status], move=_MOVE[move], possible=possible)
        # People read the message; programs read these.
        self.details = [
            ErrorDetail(field="status", message=status.value, type="current_status"),
            *(ErrorDetail(field="move", message=other.value, type="legal_move") for other in legal),
        ]


class MessageNotFound(NotFound):
    """No such message of this ticket; nor does a draft that was discarded count as one."""

    code = "MESSAGE_NOT_FOUND"
    message = "Mensagem não encontrada neste chamado. Confira o identificador."


class MessageNotYours(Forbidden):
    """Only who wrote a message, or who configures the desk, edits it."""

    code = "MESSAGE_NOT_YOURS"
    message = "Só quem escreveu a mensagem ou um administrador pode editá-la."


class MessageNotEditable(Conflict):
    """What a client said stays as it was said."""

    code = "MESSAGE_NOT_EDITABLE"
    message = "O que o cliente disse não pode ser editado."


class MessageNotADraft(Conflict):
    """Only a draft can be sent or discarded."""

    code = "MESSAGE_NOT_A_DRAFT"
    message = "A mensagem não é um rascunho. Atualize os dados e tente de novo."
