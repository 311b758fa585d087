"""What can go wrong with a ticket."""

from chassis.web.errors import Conflict, Forbidden, NotFound
from core_api.modules.tickets.moves import Move, TicketStatus, legal_moves
from core_api.modules.tickets.wording import MOVE_NAMES, STATUS_NAMES
from shared_schemas.errors import ErrorDetail


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
        possible = ", ".join(MOVE_NAMES[other] for other in legal)
        super().__init__(status=STATUS_NAMES[status], move=MOVE_NAMES[move], possible=possible)
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


class TicketWithItself(Conflict):
    """A ticket is neither linked with itself nor merged into itself."""

    code = "TICKET_WITH_ITSELF"
    message = "Escolha outro chamado: este é o mesmo."


class MergeAcrossClients(Conflict):
    """What one client said must not be shown as another's."""

    code = "MERGE_ACROSS_CLIENTS"
    message = "Só se mesclam chamados do mesmo cliente. Vincule-os, ou mescle antes os clientes."


class LinkNotFound(NotFound):
    """No such link of this ticket."""

    code = "TICKET_LINK_NOT_FOUND"
    message = "Vínculo não encontrado neste chamado. Confira o identificador."


class LinkExists(Conflict):
    """The two tickets are linked like that already."""

    code = "TICKET_LINK_EXISTS"
    message = "Os dois chamados já têm este vínculo."


class TicketHasParent(Conflict):
    """A ticket has one parent."""

    code = "TICKET_HAS_PARENT"
    message = "O chamado já tem um chamado-pai. Desfaça antes aquele vínculo."


class LinkMakesCircle(Conflict):
    """A ticket cannot be above itself."""

    code = "TICKET_LINK_MAKES_CIRCLE"
    message = "O outro chamado já está abaixo deste. Um chamado não pode ficar acima de si mesmo."


class LinkIsHistory(Conflict):
    """How a ticket came about stays with it."""

    code = "TICKET_LINK_IS_HISTORY"
    message = "Este vínculo conta de onde veio o chamado e não pode ser desfeito."


class WatcherNotFound(NotFound):
    """The member does not watch the ticket."""

    code = "TICKET_WATCHER_NOT_FOUND"
    message = "Esta pessoa não acompanha o chamado."
