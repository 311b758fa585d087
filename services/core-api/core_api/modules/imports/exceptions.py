"""What can go wrong with an import of clients."""

from chassis.web.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    PayloadTooLarge,
    UnsupportedMediaType,
)


class ClientImportNotFound(NotFound):
    """No such import in the actor's organization."""

    code = "CLIENT_IMPORT_NOT_FOUND"
    message = "Importação não encontrada. Confira o identificador."


class ImportFileTooLarge(PayloadTooLarge):
    """The file exceeds the limit."""

    code = "CLIENT_IMPORT_TOO_LARGE"
    message = "O arquivo é grande demais. Envie até {megabytes} MB por vez."

    def __init__(self, *, megabytes: int = 50) -> None:
        super().__init__(megabytes=megabytes)


class NotACsvFile(UnsupportedMediaType):
    """The file is no CSV, whatever its name says."""

    code = "CLIENT_IMPORT_NOT_CSV"
    message = (
        "O arquivo não é um CSV. Se for uma planilha, salve-a como CSV (separado por vírgulas ou "
        "ponto e vírgula) e envie de novo."
    )


class ImportFormExpected(UnsupportedMediaType):
    """The route reads a form with a file and got something else."""

    message = "Envie um formulário multipart/form-data com o campo file."


class HeaderUnusable(InvalidInput):
    """The first row cannot name columns."""

    code = "CLIENT_IMPORT_HEADER"
    message = "A primeira linha deve ter os nomes das colunas: até 200, sem células enormes."


class ImportUnderWay(Conflict):
    """A run of this import is waiting or running."""

    code = "CLIENT_IMPORT_UNDER_WAY"
    message = "Esta importação já está em andamento. Espere que termine, ou cancele-a."


class ImportNotUnderWay(Conflict):
    """Nothing is waiting or running that could be cancelled."""

    code = "CLIENT_IMPORT_NOT_UNDER_WAY"
    message = "Esta importação não está em andamento."


class ImportFileGone(Conflict):
    """The file and what shows its rows were deleted: they are kept for a limited time."""

    code = "CLIENT_IMPORT_FILE_GONE"
    message = "O arquivo já foi apagado. Envie-o de novo."


class ImportLeaseLost(Conflict):
    """The run is not this worker's any more: cancelled, finished, or taken over."""

    code = "CLIENT_IMPORT_LEASE_LOST"
    message = "A importação não está mais com este processo."


class BatchOutOfTurn(Conflict):
    """A batch came before the one it follows."""

    code = "CLIENT_IMPORT_BATCH_OUT_OF_TURN"
    message = "O lote chegou antes do anterior."
