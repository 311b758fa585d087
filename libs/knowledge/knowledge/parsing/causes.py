"""Why a document's bytes could not become text."""

from enum import StrEnum


class Cause(StrEnum):
    """Codes a person meets; `knowledge.failures` holds the sentence for each."""

    EMPTY = "DOCUMENT_EMPTY"
    TOO_LONG = "DOCUMENT_TOO_LONG"
    UNSUPPORTED_TYPE = "DOCUMENT_TYPE_UNSUPPORTED"
    LEGACY_OFFICE = "DOCUMENT_LEGACY_OFFICE"
    ENCRYPTED = "DOCUMENT_ENCRYPTED"
    BROKEN = "DOCUMENT_BROKEN"
    NEEDS_OCR = "DOCUMENT_NEEDS_OCR"
    ARCHIVE_BOMB = "DOCUMENT_ARCHIVE_BOMB"
    TOO_COMPLEX = "DOCUMENT_TOO_COMPLEX"
    TOO_SLOW = "DOCUMENT_TOO_SLOW"
    PARSER_CRASHED = "DOCUMENT_PARSER_CRASHED"


class ParsingFailure(Exception):
    """A document is refused for `cause`. Parsers raise nothing else on bad input."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.value)
        self.cause = cause
