"""What can go wrong with field definitions."""

from chassis.web.errors import Conflict, NotFound


class FieldNotFound(NotFound):
    """No such field in the actor's organization."""

    code = "CUSTOM_FIELD_NOT_FOUND"
    message = "Campo não encontrado. Confira o identificador."


class FieldKeyTaken(Conflict):
    """The organization has a field with this key on the same entity, maybe archived."""

    code = "CUSTOM_FIELD_KEY_TAKEN"
    message = "Já existe um campo com esta chave. Use outra, ou reative o campo arquivado."


class TooManyFields(Conflict):
    """The organization has as many active fields of this entity as it may."""

    code = "CUSTOM_FIELD_LIMIT"
    message = "O limite de campos foi atingido. Arquive um campo antes de criar outro."
