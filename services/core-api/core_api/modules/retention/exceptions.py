"""What can go wrong with retention."""

from chassis.web.errors import Conflict, NotFound


class RunNotFound(NotFound):
    """No such run in the actor's organization."""

    code = "RETENTION_RUN_NOT_FOUND"
    message = "Execução da retenção não encontrada. Confira o identificador."


class RetentionUnderWay(Conflict):
    """One run at a time."""

    code = "RETENTION_UNDER_WAY"
    message = "Já existe uma execução da retenção em andamento. Acompanhe a que existe."
