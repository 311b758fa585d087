"""What can go wrong with an upload in parts, beside what `knowledge.failures` knows."""

from typing import Final

from chassis.web.errors import (
    Conflict,
    DomainError,
    NotFound,
    PayloadTooLarge,
    PreconditionFailed,
    UnsupportedMediaType,
)

CHECKSUM_MISMATCH_STATUS: Final = 460
"""tus 1.0.0, extension checksum."""


class UploadNotFound(NotFound):
    """No such upload of the caller's; or it has expired, or was given up."""

    code = "UPLOAD_NOT_FOUND"
    message = "Envio não encontrado ou expirado. Comece o envio de novo."


class OffsetConflict(Conflict):
    """The part does not begin where the upload stands: another request was faster, or a part got
    lost."""

    code = "UPLOAD_OFFSET_CONFLICT"
    message = "O envio está no byte {offset}. Consulte a posição e continue dali."


class PartBeyondEnd(PayloadTooLarge):
    """More bytes than were announced."""

    code = "UPLOAD_BEYOND_END"
    message = "A parte passa do fim do arquivo, anunciado com {size} bytes."


class TooManyUploads(Conflict):
    """The caller has begun many and ended none."""

    code = "TOO_MANY_UPLOADS"
    message = "Há {most} envios em andamento. Conclua ou cancele um deles e tente de novo."


class PartTypeRefused(UnsupportedMediaType):
    """A part has a media type of its own."""

    code = "UPLOAD_PART_TYPE"
    message = "Envie a parte com Content-Type: application/offset+octet-stream."


class ProtocolVersionRefused(PreconditionFailed):
    """Another version of the protocol."""

    code = "TUS_VERSION_UNSUPPORTED"
    message = "Este endereço fala a versão 1.0.0 do protocolo tus (cabeçalho Tus-Resumable)."


class ChecksumMismatch(DomainError):
    """What arrived is not what was sent. Answered with tus' own status."""

    code = "UPLOAD_CHECKSUM_MISMATCH"
    message = "O conteúdo chegou diferente do que foi enviado. Envie-o de novo."
