"""What can go wrong with erasures and legal holds."""

from chassis.web.errors import Conflict, InvalidInput, NotFound


class ErasureNotFound(NotFound):
    """No such erasure in the actor's organization."""

    code = "ERASURE_NOT_FOUND"
    message = "Eliminação não encontrada. Confira o identificador."


class ErasureUnderWay(Conflict):
    """One at a time."""

    code = "ERASURE_UNDER_WAY"
    message = "A eliminação dos dados deste titular já está em andamento. Acompanhe a que existe."


class AlreadyErased(Conflict):
    """There is nothing left of them."""

    code = "CLIENT_ALREADY_ERASED"
    message = "Os dados deste titular já foram eliminados."


class LegalHoldStands(Conflict):
    """What must be kept for now cannot be erased (LGPD Art. 16 I, Art. 7 VI)."""

    code = "LEGAL_HOLD_STANDS"
    message = (
        "Há uma suspensão legal sobre os dados deste titular, com revisão até {review_on}. "
        "Encerre a suspensão antes de eliminar."
    )


class HoldNotFound(NotFound):
    """No such legal hold in the actor's organization."""

    code = "LEGAL_HOLD_NOT_FOUND"
    message = "Suspensão legal não encontrada. Confira o identificador."


class HoldLifted(Conflict):
    """It is over; place another one."""

    code = "LEGAL_HOLD_LIFTED"
    message = "Esta suspensão legal já foi encerrada. Crie outra, se for o caso."


class ReviewInThePast(InvalidInput):
    """A hold is reviewed some day to come."""

    code = "LEGAL_HOLD_REVIEW_PAST"
    message = "A data de revisão deve ser futura e de no máximo {days} dias a partir de hoje."
