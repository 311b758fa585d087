"""A fetched page's main content through trafilatura: the article without the portal around it."""

from collections import Counter
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
    waiting = [_parts(body)]
    while waiting:
        part = next(waiting[-1], None)
        if part is None:
            waiting.pop()
        elif isinstance(part, str):
            yield Block(_lines(part))
        elif part.tag == "head":
            yield Block(_line(part), level=_level(part))
        elif part.tag == "table":
            rows = [[_line(cell) for cell in row.iter("cell")] for row in part.iter("row")]
            yield from table_blocks(rows)
        elif part.tag == "list":
            yield from _items(part)
        elif part.tag in ("p", "quote", "item") and not _has_blocks(part):
            yield Block(_line(part))
        elif part.tag == "code":
            yield Block("".join(part.itertext()))
        else:
            waiting.append(_parts(part))


def _parts(node: Any) -> Iterator[Any]:
    """The blocks within it, and as strings what it says before, between and after them."""
    _break_lines(node)
    said = node.text or ""
    for child in node:
        if child.tag in _INLINE and not _stands_alone(child):
            said += "".join(child.itertext(with_tail=False))
        else:
            if said.strip():
                yield said
            yield child
            said = ""
        said += child.tail or ""
    if said.strip():
        yield said


def _stands_alone(node: Any) -> bool:
    """Code with nothing beside it is a block."""
    beside = node.getprevious()
    before = node.getparent().text if beside is None else beside.tail
    return node.tag == "code" and not (before or "").strip() and not (node.tail or "").strip()


def _items(found: Any) -> Iterator[Block]:
    """Those of lists within it, too, each a line of its own and counted in its own list."""
    counted: Counter[Any] = Counter()
    tight = False
    for item in found.iter("item"):
        around = item.getparent()
        counted[around] += 1
        text = _lines(_own_text(item))
        if text:
            marker = f"{counted[around]}. " if around.get("rend") == "ol" else "- "
            yield Block(marker + text, tight=tight)
            tight = True


def _own_text(item: Any) -> str:
    """Without what the lists within it say."""
    _break_lines(item)
    parts = [item.text or ""]
    for child in item:
        if child.tag != "list":
            parts += child.itertext(with_tail=False)
        if child.tag not in _INLINE:
            parts.append("\n")
        parts.append(child.tail or "")
    return "".join(parts)


def _has_blocks(node: Any) -> bool:
    return any(child.tag not in _INLINE for child in node)


def _level(node: Any) -> int:
    rend = str(node.get("rend") or "h2")
    return int(rend[1]) if rend[1:2].isdigit() and 1 <= int(rend[1]) <= 6 else 2


def _line(node: Any) -> str:
    _break_lines(node)
    return _lines("".join(node.itertext()))


def _break_lines(node: Any) -> None:
    for line_break in node.iter("lb"):
        line_break.text = "\n"


def _lines(text: str) -> str:
    return "\n".join(" ".join(line.split()) for line in text.split("\n") if line.strip())
