"""What can go wrong with a batch as a whole."""

from chassis.web.errors import NotFound


class BatchNotFound(NotFound):
    """No such batch of the caller's."""

    code = "BATCH_NOT_FOUND"
    message = "Lote não encontrado. Confira o identificador."
