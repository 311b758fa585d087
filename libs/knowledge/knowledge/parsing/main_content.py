"""A fetched page's main content through trafilatura: the article without the portal around it."""

from collections.abc import Iterator
from typing import Any, Final

import trafilatura

from knowledge.parsing.extraction import Block, Extraction
from knowledge.parsing.tables import table_blocks

_ENOUGH: Final = 200
"""Characters; with fewer, the page is no article and is read whole."""
_INLINE: Final = frozenset({"hi", "ref", "lb", "del", "code", "span"})


def extract_main_content(page: str) -> Extraction | None:
    """The blocks of the article, None where the page has none."""
    found: Any = trafilatura.bare_extraction(
        page,
        include_comments=False,
        include_tables=True,
        include_formatting=True,
        with_metadata=True,
    )
    if found is None or found.body is None or len(found.text or "") < _ENOUGH:
        return None
    return Extraction(_blocks(found.body), found.title or None)


def _blocks(body: Any) -> Iterator[Block]:
    """Trafilatura's tree (TEI's names) cut into blocks, without recursion."""
    waiting = [iter(body)]
    while waiting:
        node = next(waiting[-1], None)
        if node is None:
            waiting.pop()
        elif node.tag == "head":
            yield Block(_line(node), level=_level(node))
        elif node.tag == "table":
            rows = [[_line(cell) for cell in row.iter("cell")] for row in node.iter("row")]
            yield from table_blocks(rows)
        elif node.tag == "list":
            yield from _items(node)
        elif node.tag in ("p", "quote", "item") and not _has_blocks(node):
            yield Block(_line(node))
        elif node.tag == "code":
            yield Block("".join(node.itertext()))
        else:
            if (node.text or "").strip():
                yield Block(" ".join((node.text or "").split()))
            waiting.append(iter(node))


def _items(found: Any) -> Iterator[Block]:
    ordered = found.get("rend") == "ol"
    for number, item in enumerate(found.iter("item"), start=1):
        text = _line(item)
        if text:
            yield Block(f"{number}. {text}" if ordered else f"- {text}", tight=number > 1)


def _has_blocks(node: Any) -> bool:
    return any(child.tag not in _INLINE for child in node)


def _level(node: Any) -> int:
    rend = str(node.get("rend") or "h2")
    return int(rend[1]) if rend[1:2].isdigit() and 1 <= int(rend[1]) <= 6 else 2


def _line(node: Any) -> str:
    for line_break in node.iter("lb"):
        line_break.text = "\n"
    lines = "".join(node.itertext()).split("\n")
    return "\n".join(" ".join(line.split()) for line in lines if line.strip())
