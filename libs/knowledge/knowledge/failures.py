"""Why a document is refused, at the door or later by the worker: one code and sentence for both.

The same classes answer a request (the edge maps them to a status) and end a job (`retry` says
whether trying again can help).
"""

from typing import ClassVar, Final

from chassis.web.errors import DomainError, InvalidInput, PayloadTooLarge, UnsupportedMediaType
from knowledge.parsing.causes import Cause


class DocumentRefused(DomainError):
    """The document cannot be indexed. `message` is shown to the person who submitted it."""

    retry: ClassVar[bool] = False


class EmptyDocument(DocumentRefused, InvalidInput):
    """No bytes, or no words in them."""

    code = Cause.EMPTY
    message = "O documento não contém texto. Confira se o arquivo correto foi enviado."


class DocumentTooLarge(DocumentRefused, PayloadTooLarge):
    """More bytes than accepted."""

    code = "DOCUMENT_TOO_LARGE"
    message = "O arquivo passa do limite de {limit_mb} MB. Divida-o em partes menores."

    @classmethod
    def over(cls, limit_bytes: int) -> "DocumentTooLarge":
        """With the limit in megabytes."""
        return cls(limit_mb=limit_bytes // (1024 * 1024))


class DocumentTooLong(DocumentRefused, PayloadTooLarge):
    """More text or pages than one document may have."""

    code = Cause.TOO_LONG
    message = "O documento tem texto ou páginas demais. Divida-o em partes menores."


class UnsupportedType(DocumentRefused, UnsupportedMediaType):
    """The content is in none of the formats there is a parser for."""

    code = Cause.UNSUPPORTED_TYPE
    message = (
        "Tipo de arquivo não aceito. Envie PDF, DOCX, XLSX, PPTX, ODT, RTF, EPUB, HTML, Markdown, "
        "texto, CSV, e-mail (EML ou MSG), imagem (PNG, JPEG, TIFF ou WebP) ou um ZIP deles; "
        "o que vale é o conteúdo, não a extensão do nome."
    )


class LegacyOffice(DocumentRefused, UnsupportedMediaType):
    """An OLE container: Office 97-2003, or Office with a password."""

    code = Cause.LEGACY_OFFICE
    message = (
        "O arquivo está em um formato antigo do Office ou protegido por senha. "
        "Salve-o como DOCX, XLSX, PPTX ou PDF sem senha e envie de novo."
    )


class EncryptedDocument(DocumentRefused, InvalidInput):
    """Needs a password to be read."""

    code = Cause.ENCRYPTED
    message = "O documento está protegido por senha. Remova a senha e envie de novo."


class BrokenDocument(DocumentRefused, InvalidInput):
    """Does not follow its own format."""

    code = Cause.BROKEN
    message = "O arquivo está corrompido ou incompleto. Abra-o, salve de novo e reenvie."


class NeedsOcr(DocumentRefused, InvalidInput):
    """Pages are pictures."""

    code = Cause.NEEDS_OCR
    message = (
        "O documento contém apenas imagens, sem texto, e o reconhecimento de texto (OCR) não está "
        "instalado. Peça ao administrador que o instale, ou envie uma versão com texto."
    )


class ArchiveBomb(DocumentRefused, InvalidInput):
    """Unpacks to far more than it weighs."""

    code = Cause.ARCHIVE_BOMB
    message = "O arquivo compactado se expande além do limite e foi recusado por segurança."


class TooComplex(DocumentRefused, InvalidInput):
    """Parsing it takes more memory than one document is given."""

    code = Cause.TOO_COMPLEX
    message = "O documento é complexo demais para ser lido. Divida-o ou salve-o como PDF ou texto."


class TooSlow(DocumentRefused, InvalidInput):
    """Parsing it takes more time than one document is given."""

    code = Cause.TOO_SLOW
    message = "A leitura do documento demorou demais e foi interrompida. Divida-o em partes."


class ParserCrashed(DocumentRefused, InvalidInput):
    """The parser's process died of it."""

    code = Cause.PARSER_CRASHED
    message = "O arquivo não pôde ser lido: parece malformado. Salve-o de novo e reenvie."


class UrlRefused(DocumentRefused, InvalidInput):
    """The address is not one of the public Web."""

    code = "URL_BLOCKED"
    message = (
        "Este endereço não pode ser acessado: só são aceitos endereços públicos "
        "que começam com http:// ou https://."
    )


class UrlNotFound(DocumentRefused, InvalidInput):
    """The server says no, for good."""

    code = "URL_NOT_FOUND"
    message = "A página não existe ou não é pública (resposta {status}). Confira o endereço."


class UrlUnavailable(DocumentRefused):
    """The server cannot be reached, or not now."""

    code = "URL_UNAVAILABLE"
    message = "O endereço não respondeu. Confira se ele abre no navegador e tente mais tarde."
    retry = True


class TooManyRedirects(DocumentRefused, InvalidInput):
    """The address leads from one to the next."""

    code = "URL_TOO_MANY_REDIRECTS"
    message = "O endereço redireciona vezes demais. Use o endereço final da página."


class RobotsDisallowed(DocumentRefused, InvalidInput):
    """The site's robots.txt does not let us read the page."""

    code = "URL_ROBOTS_DISALLOWED"
    message = (
        "O site não permite que esta página seja lida por programas (robots.txt). "
        "Peça a liberação ao site ou envie o conteúdo como arquivo."
    )


class RobotsUnavailable(UrlUnavailable):
    """Nobody knows what the site allows: until it says so, nothing (RFC 9309 §2.3.1.4)."""

    code = "URL_ROBOTS_UNAVAILABLE"
    message = "O site não informou o que permite ler (robots.txt). Uma nova tentativa será feita."


class SitemapInvalid(DocumentRefused, InvalidInput):
    """Not a sitemap (https://www.sitemaps.org/protocol.html), or one made to harm."""

    code = "SITEMAP_INVALID"
    message = "O endereço não contém um sitemap válido. Confira se ele aponta para um arquivo XML."


class SitemapElsewhere(DocumentRefused, InvalidInput):
    """All it lists is another site's, which is not followed."""

    code = "SITEMAP_OF_ANOTHER_SITE"
    message = "O sitemap só lista páginas de outro site ({site}). Cadastre o sitemap daquele site."


class BucketRefused(DocumentRefused, InvalidInput):
    """The storage does not let us in."""

    code = "BUCKET_REFUSED"
    message = (
        "O armazenamento recusou o acesso. "
        "Confira a chave, o segredo e a permissão de listar e ler o prefixo."
    )


class BucketMissing(DocumentRefused, InvalidInput):
    """There is no such bucket."""

    code = "BUCKET_NOT_FOUND"
    message = "O bucket não foi encontrado. Confira o nome, a região e o endereço do serviço."


class BucketUnavailable(DocumentRefused):
    """The storage cannot be reached, or not now."""

    code = "BUCKET_UNAVAILABLE"
    message = "O armazenamento não respondeu. Uma nova tentativa será feita."
    retry = True


class CredentialsLost(DocumentRefused, InvalidInput):
    """What was sealed does not open any more."""

    code = "SOURCE_CREDENTIALS_LOST"
    message = "As credenciais guardadas não podem mais ser abertas. Informe-as de novo."


class EmbeddingUnavailable(DocumentRefused):
    """The provider of embeddings does not answer, or not now."""

    code = "EMBEDDING_UNAVAILABLE"
    message = "O serviço de embeddings não respondeu. Uma nova tentativa será feita."
    retry = True


class EmbeddingRefused(DocumentRefused):
    """The provider of embeddings refuses the request, the key or the model."""

    code = "EMBEDDING_REFUSED"
    message = "O serviço de embeddings recusou o pedido. Avise o administrador do sistema."


class OriginalMissing(DocumentRefused):
    """The object is not in the storage."""

    code = "DOCUMENT_ORIGINAL_MISSING"
    message = "O arquivo enviado não está mais no armazenamento. Envie-o de novo."


class IngestionInterrupted(DocumentRefused):
    """Every attempt ended with the worker."""

    code = "DOCUMENT_INTERRUPTED"
    message = "O processamento foi interrompido várias vezes. Divida o documento em partes."


class EditedMeanwhile(DocumentRefused):
    """People went on correcting its passages while it was processed."""

    code = "DOCUMENT_EDITED"
    message = "O documento foi corrigido enquanto era processado. Ele será processado de novo."
    retry = True


class IngestionError(DocumentRefused):
    """A defect or an outage on our side."""

    code = "DOCUMENT_INTERNAL_ERROR"
    message = "Ocorreu um erro interno ao processar o documento. Uma nova tentativa será feita."
    retry = True


_OF_CAUSE: Final[dict[Cause, type[DocumentRefused]]] = {
    Cause.EMPTY: EmptyDocument,
    Cause.TOO_LONG: DocumentTooLong,
    Cause.UNSUPPORTED_TYPE: UnsupportedType,
    Cause.LEGACY_OFFICE: LegacyOffice,
    Cause.ENCRYPTED: EncryptedDocument,
    Cause.BROKEN: BrokenDocument,
    Cause.NEEDS_OCR: NeedsOcr,
    Cause.ARCHIVE_BOMB: ArchiveBomb,
    Cause.TOO_COMPLEX: TooComplex,
    Cause.TOO_SLOW: TooSlow,
    Cause.PARSER_CRASHED: ParserCrashed,
}


def refused_for(cause: Cause) -> DocumentRefused:
    """What a parser's cause is to a person."""
    return _OF_CAUSE[cause]()
