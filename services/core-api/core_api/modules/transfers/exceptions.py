"""What can go wrong with the register of transfers."""

from types import MappingProxyType
from typing import Final

from chassis.web.errors import Conflict, NotFound
from core_api.modules.transfers.models import TransferStatus

STATUS_NAMES: Final = MappingProxyType(
    {
        TransferStatus.DRAFT: "em elaboração",
        TransferStatus.AUTHORISED: "autorizada",
        TransferStatus.SUSPENDED: "suspensa",
        TransferStatus.ENDED: "encerrada",
    }
)


class TransferNotFound(NotFound):
    """No such entry in the actor's organization."""

    code = "TRANSFER_NOT_FOUND"
    message = "Transferência internacional não encontrada. Confira o identificador."


class TransferStanding(Conflict):
    """The provider is registered for this country."""

    code = "TRANSFER_STANDING"
    message = "Este fornecedor já está registrado para este país. Altere o registro que existe."


class TransferMoveRefused(Conflict):
    """Its status does not allow it."""

    code = "TRANSFER_MOVE_REFUSED"
    message = "A transferência está {status} e não permite esta ação."

    def __init__(self, status: TransferStatus) -> None:
        super().__init__(status=STATUS_NAMES[status])


class MechanismUnproven(Conflict):
    """Nobody said where the contract, clause or decision is that allows it."""

    code = "TRANSFER_MECHANISM_UNPROVEN"
    message = "Informe antes onde está o documento que ampara a transferência."


class TransferNotYetValid(Conflict):
    """Its first day is still to come: it is authorised on that day."""

    code = "TRANSFER_NOT_YET_VALID"
    message = "A transferência só pode ser autorizada a partir do primeiro dia de validade."
