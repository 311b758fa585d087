"""What can go wrong with automated decisions and their reviews."""

from chassis.web.errors import Conflict, NotFound


class DecisionNotFound(NotFound):
    """No such decision in the actor's organization."""

    code = "AUTOMATED_DECISION_NOT_FOUND"
    message = "Decisão automatizada não encontrada. Confira o identificador."


class ReviewNotFound(NotFound):
    """No such review in the actor's organization."""

    code = "DECISION_REVIEW_NOT_FOUND"
    message = "Pedido de revisão não encontrado. Confira o identificador."


class ReviewOpen(Conflict):
    """Somebody has asked already, and a person has not answered yet."""

    code = "DECISION_REVIEW_OPEN"
    message = "Já há um pedido de revisão em aberto para esta decisão."


class ReviewAnswered(Conflict):
    """A person has answered; whoever disagrees asks again."""

    code = "DECISION_REVIEW_ANSWERED"
    message = "Este pedido de revisão já foi respondido."
