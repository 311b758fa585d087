"""RTF and EPUB through kreuzberg, whose document tree becomes blocks."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import kreuzberg

from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.containers import open_container, refuse_encrypted
from knowledge.parsing.extraction import Block, Extraction, Limits
from knowledge.parsing.sniffing import Format
from knowledge.parsing.tables import table_blocks

_CONFIG: Final = kreuzberg.ExtractionConfig(
    use_cache=False, enable_quality_processing=False, include_document_structure=True
)
_MAX_ROWS: Final = 200_000
# An escaped sign is no brace; `{\\header` and its like begin what is left out.
_RTF_GROUP: Final = re.compile(
    rb"\\[\\{}]|\{(?:\\\*)?\\(?:(?:header|footer)[lrf]?|pict|object)(?![a-z])|[{}]"
)
_BULLETS: Final = "•◦▪‣·"


def extract_structured(raw: bytes, form: Format, limits: Limits) -> Extraction:
    """The tree's headings, paragraphs, items and tables."""
    if form is not Format.RTF:
        with open_container(raw, limits) as archive:
            refuse_encrypted(archive)
    else:
        raw = _without_asides(raw)
    try:
        result = kreuzberg.extract_bytes_sync(raw, form.value, _CONFIG)
    except kreuzberg.KreuzbergError as error:
        raise ParsingFailure(Cause.BROKEN) from error
    if len(result.content) > limits.max_characters:
        raise ParsingFailure(Cause.TOO_LONG)
    tree: Mapping[str, Any] = result.document or {}
    title = (result.metadata or {}).get("title")
    # Of RTF it hands over the title with its escapes.
    named = isinstance(title, str) and "\\'" not in title
    return Extraction(_blocks(tree.get("nodes", ())), title if named else None)


def _without_asides(rtf: bytes) -> bytes:
    """Without headers, footers, pictures and objects, which kreuzberg takes for text or carries
    along. Group by group, in one pass: a group ends at the brace that closes it."""
    kept: list[bytes] = []
    depth, left_at, begin = 0, 0, 0
    for found in _RTF_GROUP.finditer(rtf):
        token = found[0]
        if token.startswith(b"{"):
            depth += 1
            if len(token) > 1 and not left_at:
                kept += (rtf[begin : found.start()], b"{}")  # ends the control word before it
                left_at = depth
        elif token == b"}":
            if depth == left_at:
                begin, left_at = found.end(), 0
            depth = max(depth - 1, 0)
    return b"".join(kept) + (b"}" if left_at else rtf[begin:])


def _blocks(nodes: Iterable[Mapping[str, Any]]) -> Iterator[Block]:
    item = False
    for node in nodes:
        content = node["content"]
        match content.get("node_type"):
            case "heading":
                yield Block(_text(content), level=min(max(int(content["level"]), 1), 6))
                item = False
            case "list_item":
                yield Block(f"- {_text(content).lstrip(_BULLETS).strip()}", tight=item)
                item = True
            case "table":
                yield from table_blocks(_rows(content["grid"]))
                item = False
            case "group" | "list" | "page_break" | "metadata_block" | "image":
                continue
            case _:
                text = _text(content)
                bullet = text[:1] in _BULLETS
                yield Block(f"- {text[1:].strip()}" if bullet else text, tight=bullet and item)
                item = bullet


def _text(content: Mapping[str, Any]) -> str:
    return str(content.get("text") or "").strip()


def _rows(grid: Mapping[str, Any]) -> list[list[str]]:
    """The grid's cells row by row; rows without cells are none, whatever the grid claims."""
    rows: dict[int, dict[int, str]] = {}
    for cell in grid["cells"]:
        rows.setdefault(int(cell["row"]), {})[int(cell["col"])] = str(cell["content"])
    if len(rows) > _MAX_ROWS:
        raise ParsingFailure(Cause.TOO_COMPLEX)
    return [[text for _, text in sorted(row.items())] for _, row in sorted(rows.items())]
