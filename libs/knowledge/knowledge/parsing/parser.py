"""One call for every format. Only the sandbox's child imports this, and with it the parsers."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING
from zipfile import ZipFile

from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.containers import kind_of, open_container
from knowledge.parsing.decoding import decode
from knowledge.parsing.extraction import Block, Extraction, Limits
from knowledge.parsing.html import extract_html
from knowledge.parsing.members import Member, member_blocks, zip_members
from knowledge.parsing.normalising import NormalisedText, normalise
from knowledge.parsing.plain_text import extract_text
from knowledge.parsing.records import extract_csv
from knowledge.parsing.sniffing import CONTAINERS, HEAD_BYTES, PICTURES, Format, sniff

if TYPE_CHECKING:
    from knowledge.parsing.recognition import Recogniser


def parse(
    raw: bytes,
    form: Format,
    limits: Limits,
    *,
    charset: str | None = None,
    recognise: bool = False,
    main_content: bool = False,
) -> NormalisedText:
    """The normalised text of a file. Raises ParsingFailure, on hostile files anything.

    `recognise` lets pictures be read; `main_content` leaves out what surrounds a page's article.
    """
    reading = _Reading(limits, recognise=recognise)
    extraction = reading.extract(raw, form, charset=charset, main_content=main_content)
    text = normalise(extraction, limits)
    return replace(text, unread_pages=reading.unread)


class _Reading:
    """One file under way, with all that is within it. Parsers are loaded by the first file of
    their format: a process that reads PDFs does not carry spreadsheets."""

    def __init__(self, limits: Limits, *, recognise: bool) -> None:
        self._limits = limits
        self._recognise = recognise
        self._recogniser: Recogniser | None = None
        self._depth = 0
        self._members = 0
        self._unpacked = 0

    @property
    def unread(self) -> int:
        """Pictures nobody has read."""
        return self._recogniser.unread if self._recogniser else 0

    @property
    def _pictures(self) -> "Recogniser":
        if self._recogniser is None:
            from knowledge.parsing.recognition import Recogniser  # noqa: PLC0415

            self._recogniser = Recogniser(self._limits, allowed=self._recognise)
        return self._recogniser

    def extract(
        self, raw: bytes, form: Format, *, charset: str | None, main_content: bool = False
    ) -> Extraction:
        """The blocks of the file, of whichever archive it really is."""
        if form in CONTAINERS:
            return self._container(raw)
        if form in PICTURES:
            from knowledge.parsing.pictures import extract_picture  # noqa: PLC0415

            return extract_picture(raw, self._limits, self._pictures)
        match form:
            case Format.HTML:
                return extract_html(raw, charset=charset, main_content=main_content)
            case Format.CSV:
                return extract_csv(decode(raw, charset), self._limits)
            case Format.TEXT | Format.MARKDOWN:
                return extract_text(decode(raw, charset), self._limits)
            case _:
                return self._document(raw, form)

    def _document(self, raw: bytes, form: Format) -> Extraction:
        match form:
            case Format.PDF:
                from knowledge.parsing.pdf import extract_pdf  # noqa: PLC0415

                return extract_pdf(raw, self._limits, self._pictures)
            case Format.EML:
                from knowledge.parsing.mail import extract_mail  # noqa: PLC0415

                return extract_mail(raw, self._nested)
            case Format.MSG:
                from knowledge.parsing.outlook import extract_outlook  # noqa: PLC0415

                return extract_outlook(raw, self._limits, self._nested)
            case Format.RTF:
                return self._structured(raw, form)
        raise ParsingFailure(Cause.UNSUPPORTED_TYPE)

    def _container(self, raw: bytes) -> Extraction:
        archive = open_container(raw, self._limits)
        match kind_of(archive):
            case Format.DOCX:
                from knowledge.parsing.docx import extract_docx  # noqa: PLC0415

                return self._or_pictures(extract_docx(raw, self._limits), archive)
            case Format.XLSX:
                from knowledge.parsing.spreadsheet import extract_xlsx  # noqa: PLC0415

                return extract_xlsx(raw, self._limits)
            case Format.PPTX:
                from knowledge.parsing.slides import extract_pptx  # noqa: PLC0415

                return self._or_pictures(extract_pptx(raw, self._limits), archive)
            case Format.ODT:
                from knowledge.parsing.odt import extract_odt  # noqa: PLC0415

                return self._or_pictures(extract_odt(raw, self._limits), archive)
            case Format.EPUB:
                return self._structured(raw, Format.EPUB)
            case _:
                return Extraction(member_blocks(self._counted(zip_members(archive)), self._nested))

    def _or_pictures(self, extraction: Extraction, archive: ZipFile) -> Extraction:
        """Photographs of pages are pasted into documents that say nothing else."""
        return replace(extraction, blocks=self._said_or_pictured(extraction.blocks, archive))

    def _said_or_pictured(self, blocks: Iterator[Block], archive: ZipFile) -> Iterator[Block]:
        said = False
        for block in blocks:
            said = said or bool(block.text.strip())
            yield block
        if not said:
            from knowledge.parsing.pictures import pasted_pictures  # noqa: PLC0415

            yield from pasted_pictures(archive, self._limits, self._pictures)

    def _structured(self, raw: bytes, form: Format) -> Extraction:
        from knowledge.parsing.structured import extract_structured  # noqa: PLC0415

        return extract_structured(raw, form, self._limits)

    def _counted(self, members: Iterator[Member]) -> Iterator[Member]:
        for member in members:
            self._members += 1
            if self._members > self._limits.max_members:
                raise ParsingFailure(Cause.ARCHIVE_BOMB)
            yield member

    def _nested(self, raw: bytes) -> Extraction:
        """A file within the file: one level deeper, from the same allowance."""
        return Extraction(self._deeper(raw))

    def _deeper(self, raw: bytes) -> Iterator[Block]:
        self._unpacked += len(raw)
        too_much = self._unpacked > self._limits.max_unpacked_bytes
        if too_much or self._depth >= self._limits.max_depth:
            raise ParsingFailure(Cause.ARCHIVE_BOMB)
        self._depth += 1
        try:
            yield from self.extract(raw, sniff(raw[:HEAD_BYTES]), charset=None).blocks
        finally:
            self._depth -= 1
