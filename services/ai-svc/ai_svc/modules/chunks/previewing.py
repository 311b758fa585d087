"""Trying out how a text would be cut; the work of the processor, away from the event loop."""

from dataclasses import replace
from typing import Final

from ai_svc.modules.chunks.schemas import Passage, Preview
from knowledge.chunking import Cutting, cut, suited
from knowledge.chunking.laws import provisions
from knowledge.models import Chunking
from knowledge.outline import PATH_SEPARATOR, Outline
from knowledge.parsing.extraction import Limits
from knowledge.parsing.normalising import Heading, NormalisedText, normalise
from knowledge.parsing.plain_text import extract_text

LONGEST: Final = 500_000
"""Characters of a document that are cut: about 160 printed pages."""


def preview_text(text: str, title: str | None, cutting: Cutting, limit: int) -> Preview:
    """As the pipeline reads a text. Raises ParsingFailure for one without any."""
    limits = Limits()
    return _preview(normalise(extract_text(text, limits), limits), title, cutting, limit)


def preview_content(
    content: str, outline: Outline, title: str, cutting: Cutting, limit: int
) -> Preview:
    """As another version of the document would be cut."""
    text = _restored(content[:LONGEST], outline)
    shown = _preview(text, title, cutting, limit)
    return shown.model_copy(update={"truncated": len(content) > LONGEST})


def _preview(text: NormalisedText, title: str | None, cutting: Cutting, limit: int) -> Preview:
    passages = cut(text, cutting.strategy, cutting.sizes, title)
    return Preview(
        chunking=suited(text, cutting.strategy),
        chunk_count=len(passages),
        token_count=sum(passage.token_count for passage in passages),
        truncated=False,
        chunks=[Passage.model_validate(passage) for passage in passages[:limit]],
    )


def _restored(content: str, outline: Outline) -> NormalisedText:
    """The headings an outline was made from, but not those a law's cutting saw in it."""
    text = NormalisedText(content)
    seen = frozenset[int]()
    if suited(text, Chunking.AUTO) is Chunking.LAW:
        seen = frozenset(each.start for each in provisions(content))
    headings = [
        Heading(start, path.count(PATH_SEPARATOR) + 1, path.rpartition(PATH_SEPARATOR)[2])
        for start, path in zip(outline.heading_starts, outline.heading_paths, strict=True)
        if start < len(content) and start not in seen
    ]
    pages = tuple(start for start in outline.page_starts if start < len(content))
    return replace(text, headings=tuple(headings), page_starts=pages)
