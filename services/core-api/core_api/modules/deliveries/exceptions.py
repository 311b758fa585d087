"""What can go wrong with deliveries."""

from chassis.web.errors import Conflict, NotFound


class DeliveryNotFound(NotFound):
    """No such delivery in this organization."""

    code = "DELIVERY_NOT_FOUND"
    message = "Envio não encontrado. Confira o identificador."


class DeliveryLeaseLost(Conflict):
    """Another worker sends it by now, or it has ended."""

    code = "LEASE_LOST"
    message = "O envio não está mais com este processo."


class DeliveryNotFailed(Conflict):
    """Only what failed, and was not tried again already, is tried again."""

    code = "DELIVERY_NOT_FAILED"
    message = "Este envio não falhou, ou já há outro em seu lugar."
