"""What cannot be shown."""

from chassis.web.errors import Conflict, NotFound, Unavailable


class PassageNotFound(NotFound):
    """The chunk is not of the document's current version, or the offsets are not in the text."""

    code = "PASSAGE_NOT_FOUND"
    message = (
        "Trecho não encontrado. Para uma citação antiga, informe version, start e end como ela diz."
    )


class PageNotFound(NotFound):
    """The document has no such page."""

    code = "PAGE_NOT_FOUND"
    message = "Página não encontrada. Confira o número da página."


class NoPageImages(Conflict):
    """Only pages of PDF files are pictures."""

    code = "PAGE_IMAGE_UNAVAILABLE"
    message = "Só documentos PDF têm imagem de página. Consulte o texto do documento."


class PageNotDrawn(Conflict):
    """The page is too large or too damaged to be drawn."""

    code = "PAGE_IMAGE_FAILED"
    message = "Não foi possível desenhar esta página. Consulte o texto do documento."


class TooManyPages(Unavailable):
    """More pages wait to be drawn than may."""

    message = "Muitas páginas estão sendo desenhadas agora. Tente de novo em instantes."
