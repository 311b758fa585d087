"""What is boxed on the picture of a page. Apart from the drawing, which only the sandbox loads."""

from dataclasses import dataclass


class NoSuchPage(LookupError):
    """The document has fewer pages."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of a page's text, `page_text[start:end]`; the text as `parse` normalised it."""

    page_text: str
    start: int
    end: int
