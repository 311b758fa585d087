"""What can go wrong with an attachment."""

from chassis.web.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    PayloadTooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)


class AttachmentNotFound(NotFound):
    """No such attachment of this ticket."""

    code = "ATTACHMENT_NOT_FOUND"
    message = "Anexo não encontrado. Confira o identificador."


class AttachmentTooLarge(PayloadTooLarge):
    """The file is larger than one may be."""

    code = "ATTACHMENT_TOO_LARGE"
    message = "O arquivo passa do limite de {limit_mb} MB. Reduza-o ou divida-o em partes."


class AttachmentEmpty(InvalidInput):
    """The file has no bytes."""

    code = "ATTACHMENT_EMPTY"
    message = "O arquivo está vazio. Confira se o arquivo correto foi enviado."


class AttachmentTypeRefused(UnsupportedMediaType):
    """A program, a script, or nothing we know: by content, whatever the name says."""

    code = "ATTACHMENT_TYPE_REFUSED"
    message = (
        "Este tipo de arquivo não é aceito; o que vale é o conteúdo, não a extensão do nome. "
        "Envie documentos, planilhas, imagens, áudio, vídeo, texto ou ZIP sem programas."
    )


class AttachmentInfected(InvalidInput):
    """The virus scanner found something; the file was not kept."""

    code = "ATTACHMENT_INFECTED"
    message = "O antivírus encontrou uma ameaça neste arquivo. Ele foi recusado e apagado."


class ScannerUnavailable(Unavailable):
    """The virus scanner does not answer; the file was not kept."""

    code = "ATTACHMENT_SCANNER_UNAVAILABLE"
    message = "O antivírus não respondeu; o arquivo não foi guardado. Envie-o de novo em instantes."


class TicketFull(Conflict):
    """The ticket's attachments would be more, or larger, than all of them may be."""

    code = "TICKET_ATTACHMENTS_FULL"
    message = (
        "Os anexos deste chamado atingiram o limite de {limit_files} arquivos ou {limit_mb} MB. "
        "Apague os que não são mais necessários."
    )


class AttachmentHeld(Conflict):
    """A legal hold stands on the client: nothing of theirs is destroyed."""

    code = "ATTACHMENT_HELD"
    message = (
        "Há uma suspensão legal sobre os dados deste cliente: o anexo não pode ser apagado. "
        "Fale com o encarregado de dados."
    )


class AttachmentIsEvidence(Conflict):
    """A receipt of a consent rests on it."""

    code = "ATTACHMENT_IS_EVIDENCE"
    message = "Este anexo comprova um consentimento e não pode ser apagado."


class AttachmentUnusable(InvalidInput):
    """Some of the attachments are not pending on this ticket."""

    code = "ATTACHMENT_NOT_PENDING"
    message = "Há anexos que não existem neste chamado ou já pertencem a outra mensagem."


class LinkInvalid(Unauthenticated):
    """The link was changed, has expired, or its holder may no longer read tickets."""

    code = "DOWNLOAD_LINK_INVALID"
    message = "Este link expirou ou não é válido. Abra o chamado e baixe o anexo de novo."
