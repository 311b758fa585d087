"""What can go wrong with saved views."""

from chassis.web.errors import Conflict, Forbidden, NotFound


class ViewNotFound(NotFound):
    """No such view: absent, somebody else's own, or another organization's."""

    code = "VIEW_NOT_FOUND"
    message = "Visão não encontrada. Confira o identificador."


class ViewNameTaken(Conflict):
    """You, or everybody together, have a view of this name already."""

    code = "VIEW_NAME_TAKEN"
    message = "Já existe uma visão com este nome. Use outro."


class SharedViewForbidden(Forbidden):
    """Shared views are for who configures the desk to make, change and delete."""

    code = "SHARED_VIEW_FORBIDDEN"
    message = "Só quem configura o atendimento altera visões compartilhadas."


class ViewOutdated(Conflict):
    """What is stored is no longer a valid filter, order or list of columns; `details` say what."""

    code = "VIEW_OUTDATED"
    message = "A visão usa critérios que não existem mais. Edite-a e salve de novo."
