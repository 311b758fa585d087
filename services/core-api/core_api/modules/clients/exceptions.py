"""What can go wrong with a client."""

from chassis.web.errors import Conflict, NotFound


class ClientNotFound(NotFound):
    """No such client in the actor's organization, or deleted."""

    code = "CLIENT_NOT_FOUND"
    message = "Cliente não encontrado. Confira o identificador."


class ClientMerged(Conflict):
    """The client went into another one, which answers for both and is the one to change."""

    code = "CLIENT_MERGED"
    message = "Este cliente foi unido a outro. Altere o cliente {merged_into_id}."


class ExternalIdTaken(Conflict):
    """Another client of the organization has this external id."""

    code = "CLIENT_EXTERNAL_ID_TAKEN"
    message = "Já existe um cliente com este identificador externo. Use outro."


class ClientHasRelations(Conflict):
    """A person who belongs to a company, or a company with people, stays what it is."""

    code = "CLIENT_HAS_RELATIONS"
    message = "O cliente tem vínculos e não pode mudar de tipo. Remova os vínculos antes."


class NoteNotFound(NotFound):
    """The client has no such note."""

    code = "CLIENT_NOTE_NOT_FOUND"
    message = "Anotação não encontrada. Confira o identificador."


class RelationNotFound(NotFound):
    """The client has no such relation."""

    code = "CLIENT_RELATION_NOT_FOUND"
    message = "Vínculo não encontrado. Confira o identificador."


class RelationExists(Conflict):
    """The person belongs to the company already."""

    code = "CLIENT_RELATION_EXISTS"
    message = "Esta pessoa já está vinculada a esta empresa. Altere o vínculo que existe."


class RelationNeedsBothKinds(Conflict):
    """A relation is between a person and a company."""

    code = "CLIENT_RELATION_KINDS"
    message = "Um vínculo liga uma pessoa a uma empresa. Escolha um cliente do outro tipo."
