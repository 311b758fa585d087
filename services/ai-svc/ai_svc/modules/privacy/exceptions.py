"""What can go wrong with data about a person who was erased."""

from typing import Final

from chassis.web.errors import Conflict

ERASED_CLIENT: Final = "erased_client"
"""What the database calls it, as if it were a constraint."""


class ClientErased(Conflict):
    """Nothing new about this client is taken in. The database says so: `ai.guard_erased`."""

    code = "CLIENT_ERASED"
    message = (
        "Os dados deste cliente foram eliminados a pedido do titular. "
        "Nada mais pode ser registrado sobre ele."
    )


class NotErasedYet(Exception):
    """An erasure cannot go on now, and is tried again by itself."""

    code = "ERASURE_ERROR"
    message = "Ocorreu um erro na eliminação. Ela será tentada de novo."


class StorageSilent(NotErasedYet):
    """The object storage does not answer."""

    code = "ERASURE_STORAGE_UNAVAILABLE"
    message = "O armazenamento de arquivos não respondeu. A eliminação continua quando ele voltar."


class RedisSilent(NotErasedYet):
    """What is at hand cannot be reached."""

    code = "ERASURE_MEMORY_UNAVAILABLE"
    message = "A memória rápida não respondeu. A eliminação continua quando ela voltar."


class CoreSilent(NotErasedYet):
    """core-api does not say what the person is known by."""

    code = "ERASURE_VALUES_UNAVAILABLE"
    message = "O cadastro não respondeu. A eliminação continua quando ele voltar."


class StillAdding(NotErasedYet):
    """A worker may be storing a page it had begun to fetch."""

    code = "ERASURE_WAITS"
    message = "Um documento ainda estava sendo processado. A eliminação continua em instantes."


class StillCounting(NotErasedYet):
    """Somebody else counts the organization's words, and may have begun before the erasing."""

    code = "ERASURE_WAITS"
    message = "O índice de palavras está sendo refeito. A eliminação continua em instantes."


class StillThere(NotErasedYet):
    """Looked for again, something was found."""

    code = "ERASURE_NOT_PROVEN"
    message = "Parte dos dados foi encontrada depois de eliminada. A eliminação será repetida."
