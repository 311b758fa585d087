"""What can go wrong with canned replies and macros."""

from chassis.web.errors import Conflict, DomainError, Forbidden, InvalidInput, NotFound
from shared_schemas.errors import ErrorDetail


class CannedReplyNotFound(NotFound):
    """No such text: absent, somebody else's own, or another organization's."""

    code = "CANNED_REPLY_NOT_FOUND"
    message = "Resposta pronta não encontrada. Confira o identificador."


class CannedReplyNotShared(InvalidInput):
    """A shared macro names a text that not everybody who may apply it can see."""

    code = "CANNED_REPLY_NOT_SHARED"
    message = "Uma macro compartilhada só usa respostas prontas compartilhadas. Escolha outra."


class CannedReplyNameTaken(Conflict):
    """You, or everybody together, have a text of this name already."""

    code = "CANNED_REPLY_NAME_TAKEN"
    message = "Já existe uma resposta pronta com este nome. Use outro."


class CannedReplyInUse(Conflict):
    """Macros use the text."""

    code = "CANNED_REPLY_IN_USE"
    message = "Há macros que usam esta resposta pronta. Altere-as antes."


class MacroNotFound(NotFound):
    """No such macro: absent, somebody else's own, or another organization's."""

    code = "MACRO_NOT_FOUND"
    message = "Macro não encontrada. Confira o identificador."


class MacroNameTaken(Conflict):
    """You, or everybody together, have a macro of this name already."""

    code = "MACRO_NAME_TAKEN"
    message = "Já existe uma macro com este nome. Use outro."


class SharedForbidden(Forbidden):
    """What is shared is for who configures the desk to make, change and delete."""

    code = "SHARED_FORBIDDEN"
    message = "Só quem configura o atendimento altera o que é compartilhado."


class TextTooLong(InvalidInput):
    """With its variables filled in the text does not fit into a message."""

    code = "TEXT_TOO_LONG"
    message = "Com as variáveis preenchidas, o texto fica longo demais para uma mensagem."


class TextEmpty(InvalidInput):
    """With its variables filled in nothing is left to say."""

    code = "TEXT_EMPTY"
    message = "Com as variáveis preenchidas, o texto fica vazio."


class MacroRefused(Conflict):
    """An action cannot be done with this ticket, so none was; `details` say which and why."""

    code = "MACRO_REFUSED"
    message = "A ação {number} da macro não é possível: {cause} Nada foi alterado."

    def __init__(self, number: int, cause: DomainError) -> None:
        super().__init__(number=number, cause=str(cause))
        self.details = [
            ErrorDetail(field=f"actions.{number - 1}", message=str(cause), type=cause.code),
            *cause.details,
        ]
