"""One call for every format. Only the sandbox's child imports this, and with it the parsers."""

from knowledge.parsing.decoding import decode
from knowledge.parsing.docx import extract_docx
from knowledge.parsing.extraction import Extraction, Limits
from knowledge.parsing.html import extract_html
from knowledge.parsing.normalising import NormalisedText, normalise
from knowledge.parsing.pdf import extract_pdf
from knowledge.parsing.plain_text import extract_text
from knowledge.parsing.sniffing import Format


def parse(raw: bytes, form: Format, limits: Limits, *, charset: str | None) -> NormalisedText:
    """The normalised text of a file. Raises ParsingFailure, on hostile files anything."""
    return normalise(_extract(raw, form, limits, charset), limits)


def _extract(raw: bytes, form: Format, limits: Limits, charset: str | None) -> Extraction:
    match form:
        case Format.PDF:
            return extract_pdf(raw, limits)
        case Format.DOCX:
            return extract_docx(raw, limits)
        case Format.HTML:
            return extract_html(raw, charset=charset)
        case Format.TEXT | Format.MARKDOWN:
            return extract_text(decode(raw, charset), limits)
