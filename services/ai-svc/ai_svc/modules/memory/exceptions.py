"""What can go wrong with something that is remembered."""

from chassis.web.errors import Conflict, NotFound


class MemoryNotFound(NotFound):
    """No such fact of the caller's, or one that may not be used now."""

    code = "MEMORY_NOT_FOUND"
    message = "Lembrança não encontrada. Confira o identificador."


class MemoryKnown(Conflict):
    """The caller has told the same already."""

    code = "MEMORY_KNOWN"
    message = "A assistente já guarda essa mesma lembrança. Esqueça uma das duas."
