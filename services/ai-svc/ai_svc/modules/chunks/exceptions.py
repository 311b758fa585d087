"""What can go wrong with a passage, beside what `knowledge.editing` knows."""

from chassis.web.errors import NotFound


class ChunkNotFound(NotFound):
    """The document has no such chunk (any more): a new version has chunks of its own."""

    code = "CHUNK_NOT_FOUND"
    message = "Trecho não encontrado. O documento pode ter mudado: consulte de novo seus trechos."


class EditNotFound(NotFound):
    """The document has no such edit."""

    code = "CHUNK_EDIT_NOT_FOUND"
    message = "Edição não encontrada. Consulte a lista de edições do documento."
