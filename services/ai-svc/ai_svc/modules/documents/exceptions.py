"""What can go wrong with a document, beside what `knowledge.failures` knows."""

from chassis.web.errors import (
    Conflict,
    Gone,
    NotFound,
    PayloadTooLarge,
    UnsupportedMediaType,
)


class DocumentNotFound(NotFound):
    """No such document in the caller's organization."""

    code = "DOCUMENT_NOT_FOUND"
    message = "Documento não encontrado. Confira o identificador."


class DocumentDeleted(Gone):
    """There was such a document in the caller's organization."""

    code = "DOCUMENT_DELETED"
    message = "Este documento foi excluído e não pode mais ser consultado."


class ExternalIdTaken(Conflict):
    """Another document of the organization is called so already."""

    code = "EXTERNAL_ID_TAKEN"
    message = "Já existe um documento com este external_id. Envie uma nova versão dele."


class LegalBasisMissing(Conflict):
    """The client's data may not be used for this purpose now (LGPD Art. 7)."""

    code = "LEGAL_BASIS_MISSING"
    message = (
        "A finalidade {purpose_code} não tem base legal em vigor para este cliente, ou não permite "
        "o uso pela assistente. Registre o consentimento ou confira a finalidade e os bloqueios."
    )


class VersionNotFound(NotFound):
    """The document has no version of this number."""

    code = "VERSION_NOT_FOUND"
    message = "O documento não tem esta versão. Consulte a lista de versões."


class ContentNotReady(Conflict):
    """The document has no normalised text (yet)."""

    code = "DOCUMENT_CONTENT_NOT_READY"
    message = "O texto só fica disponível depois que o documento, ou a versão, é indexado."


class SubmissionTypeRefused(UnsupportedMediaType):
    """The request is neither a form with a file nor JSON."""

    code = "SUBMISSION_TYPE_UNSUPPORTED"
    message = "Envie um formulário multipart com o campo file, ou JSON com text ou url."


class SubmissionTooLarge(PayloadTooLarge):
    """A text sent as JSON is longer than JSON may be."""

    code = "SUBMISSION_TOO_LARGE"
    message = "O texto enviado como JSON passa de {limit_mb} MB. Envie-o como arquivo."
