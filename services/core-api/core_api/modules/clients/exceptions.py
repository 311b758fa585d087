"""What can go wrong with a client."""

from chassis.web.errors import Conflict, NotFound


class ClientNotFound(NotFound):
    """No such client in the actor's organization, or deleted."""

    code = "CLIENT_NOT_FOUND"
    message = "Cliente não encontrado. Confira o identificador."


class ExternalIdTaken(Conflict):
    """Another client of the organization has this external id."""

    code = "CLIENT_EXTERNAL_ID_TAKEN"
    message = "Já existe um cliente com este identificador externo. Use outro."
