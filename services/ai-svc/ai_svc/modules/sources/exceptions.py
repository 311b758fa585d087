"""What can go wrong with a source."""

from chassis.web.errors import Conflict, NotFound


class SourceNotFound(NotFound):
    """No such source in the caller's organization."""

    code = "SOURCE_NOT_FOUND"
    message = "Fonte não encontrada. Confira o identificador."


class SourceNameTaken(Conflict):
    """Two sources of one organization have different names."""

    code = "SOURCE_NAME_TAKEN"
    message = "Já existe uma fonte com este nome. Escolha outro."


class SyncUnderWay(Conflict):
    """One look at a time."""

    code = "SOURCE_SYNC_UNDER_WAY"
    message = "A fonte já está sendo sincronizada. Aguarde o fim e tente de novo."


class CredentialsNotKept(Conflict):
    """The operator has configured no key to seal with."""

    code = "SOURCE_CREDENTIALS_NOT_KEPT"
    message = (
        "Este sistema não está configurado para guardar credenciais (SOURCE_KEYS). "
        "Avise o administrador do sistema."
    )
