"""What can go wrong with requests of data subjects."""

from chassis.web.errors import Conflict, InvalidInput, NotFound
from core_api.modules.privacy.kinds import RequestStatus
from core_api.modules.privacy.wording import STATUS_NAMES


class RequestNotFound(NotFound):
    """No such request in the actor's organization."""

    code = "PRIVACY_REQUEST_NOT_FOUND"
    message = "Pedido do titular não encontrado. Confira o identificador."


class MessageNotFound(NotFound):
    """The request has no such message."""

    code = "PRIVACY_MESSAGE_NOT_FOUND"
    message = "Mensagem não encontrada neste pedido. Confira o identificador."


class RequestMoveRefused(Conflict):
    """Its status does not allow it."""

    code = "PRIVACY_REQUEST_MOVE_REFUSED"
    message = "O pedido está {status} e não permite esta ação."

    def __init__(self, status: RequestStatus) -> None:
        super().__init__(status=STATUS_NAMES[status])


class DestructionUnderWay(Conflict):
    """An erasure or an anonymisation of this client is open: there is one at a time."""

    code = "PRIVACY_DESTRUCTION_UNDER_WAY"
    message = (
        "Já existe um pedido de exclusão ou anonimização em aberto para este cliente. "
        "Acompanhe o que existe."
    )


class ClientAlreadyErased(Conflict):
    """Nothing is held about this person any more."""

    code = "CLIENT_ALREADY_ERASED"
    message = "Os dados deste cliente já foram excluídos. Não há mais o que atender."


class ClientAlreadyAnonymised(Conflict):
    """What is held no longer says whose it was."""

    code = "CLIENT_ALREADY_ANONYMISED"
    message = "Os dados deste cliente já foram anonimizados. Não há mais o que atender."


class IdentityNotProven(Conflict):
    """The policy of the type asks for a better check."""

    code = "PRIVACY_IDENTITY_NOT_PROVEN"
    message = "Confira antes a identidade de quem pede: este tipo de pedido exige o nível {level}."


class RepresentationNotProven(Conflict):
    """Somebody asks for the subject and nobody has checked by what right."""

    code = "PRIVACY_REPRESENTATION_NOT_PROVEN"
    message = "Confira antes a prova de representação de quem pede em nome do titular."


class MethodTooWeak(InvalidInput):
    """The method cannot prove that level."""

    code = "PRIVACY_METHOD_TOO_WEAK"
    message = "O meio de conferência informado não comprova este nível de identidade."


class AlreadyExtended(Conflict):
    """Once is all there is."""

    code = "PRIVACY_REQUEST_ALREADY_EXTENDED"
    message = "O prazo deste pedido já foi prorrogado. Só é possível uma vez."


class NotExtensible(Conflict):
    """The policy of the type, or the law, allows no extension."""

    code = "PRIVACY_REQUEST_NOT_EXTENSIBLE"
    message = "O prazo deste tipo de pedido não pode ser prorrogado."


class ExtensionTooLong(InvalidInput):
    """More than the policy allows."""

    code = "PRIVACY_EXTENSION_TOO_LONG"
    message = "A prorrogação deste pedido é de no máximo {days} dias."


class ExtensionTooLate(Conflict):
    """What is late stays late: an extension is decided while there is time."""

    code = "PRIVACY_EXTENSION_TOO_LATE"
    message = "O prazo deste pedido já venceu e não pode mais ser prorrogado. Responda ao titular."


class NoExecutor(Conflict):
    """No context executes this type."""

    code = "PRIVACY_NO_EXECUTOR"
    message = "Este tipo de pedido não tem execução automática nesta versão."


class RequestLinkUsed(Conflict):
    """A link opens one request; the first one stands."""

    code = "PRIVACY_REQUEST_LINK_USED"
    message = "Um pedido já foi aberto por este link. Peça um novo link para abrir outro."


class PolicyAgainstLaw(InvalidInput):
    """The law sets this deadline; an organization can only be faster."""

    code = "PRIVACY_POLICY_AGAINST_LAW"
    message = (
        "O prazo legal deste tipo de pedido é de {days} dias corridos: não pode ser maior, contado "
        "em dias úteis nem prorrogado."
    )
