"""HTML: what a reader sees, with headings, lists and table rows; without menus and scripts."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from knowledge.parsing.decoding import decode
from knowledge.parsing.extraction import Block, Extraction
from knowledge.parsing.tables import REPEAT_EVERY, row_line

# Python knows codecs that are no charsets (punycode, utf-7 …), some of them quadratic.
_CHARSET: Final = re.compile(
    r"(iso-?8859-?\d{1,2}|latin-?1|(windows-|cp)125\d|us-ascii|utf-?8|utf-?16(le|be)?|macintosh|"
    r"koi8-[ru]|gbk|gb2312|gb18030|big5|shift_jis|euc-(jp|kr))",
    re.IGNORECASE,
)
_META_CHARSET: Final = re.compile(
    rb"<meta[^>]{1,200}?charset=[\"']?([A-Za-z0-9_-]{2,30})", re.IGNORECASE
)

_NUMBER: Final = re.compile(r"[0-9]{1,6}")
_UNSEEN: Final = frozenset({
    "head", "script", "style", "template", "svg", "math", "iframe", "object", "canvas", "audio",
    "video", "select", "button", "textarea", "noscript", "dialog", "nav",
})  # fmt: skip
# Around the content; unless a <main> says where that is.
_FRAME: Final = frozenset({"footer", "aside"})
_BLOCKS: Final = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details",
    "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup",
    "hr", "html", "legend", "main", "ol", "p", "pre", "section", "summary", "ul",
})  # fmt: skip
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}


def extract_html(
    raw: bytes, *, charset: str | None = None, main_content: bool = False
) -> Extraction:
    """The blocks of a page. `charset` is what the HTTP header declared.

    With `main_content` only the article, without the portal around it; a page that has none, and a
    page somebody uploads, is read as a whole.
    """
    page = decode(raw, _charset(raw, charset))
    tree = LexborHTMLParser(page)
    node = tree.css_first("title")
    title = node.text() if node is not None else None
    if main_content:
        # Loaded by pages from the Web only: 40 MB.
        from knowledge.parsing.main_content import extract_main_content  # noqa: PLC0415

        article = extract_main_content(page)
        if article is not None:
            return replace(article, title=title or article.title)
    hidden = frozenset(node.mem_id for node in tree.css("[hidden]"))
    blocks: Iterator[Block] = iter(())
    if tree.body is not None:
        found = tree.css("main") or tree.css("article")
        if len(found) == 1:
            blocks = _Reader(hidden, _UNSEEN).read(found[0])
        else:
            blocks = _Reader(hidden, _UNSEEN | _FRAME).read(tree.body)
    return Extraction(blocks, title)


def _charset(raw: bytes, declared: str | None) -> str | None:
    """The header's charset, else the one of the page's meta element; only real charsets."""
    meta = _META_CHARSET.search(raw[:4096])
    for name in (declared, meta and meta[1].decode("ascii")):
        if name and _CHARSET.fullmatch(name):
            return name
    return None


def _counted_before(numbered: LexborNode) -> int:
    """A list may go on from another one."""
    start = numbered.attributes.get("start") or ""
    return max(int(start) - 1, 0) if _NUMBER.fullmatch(start) else 0


def _opens_an_answer(node: LexborNode) -> bool:
    """Accordions put their headings and questions into buttons."""
    parent = node.parent
    titles = parent is not None and (parent.tag in _HEADINGS or parent.tag in ("dt", "summary"))
    return titles or node.text().rstrip().endswith("?")


class _Reader:
    """Walks the tree without recursion (pages nest ten thousand deep) and cuts it into blocks."""

    def __init__(self, hidden: frozenset[int], unseen: frozenset[str]) -> None:
        self._hidden = hidden
        self._unseen = unseen
        self._text: list[str] = []
        self._level = 0
        self._marker = ""  # of the list item that has no text yet
        self._tight = False
        self._verbatim = 0
        self._row: list[str] | None = None  # cells of the current row, when it is one of data
        self._rows = 0
        self._header = ""
        self._lists: list[int] = []  # per open list the last number; -1 for bullets

    def read(self, root: LexborNode) -> Iterator[Block]:
        node: LexborNode | None = root
        depth = 0
        while node is not None:
            child = None
            if not self._skipped(node):
                yield from self._enter(node)
                child = node.child
            if child is not None:
                node, depth = child, depth + 1
                continue
            while node is not None:
                if not self._skipped(node):
                    yield from self._leave(node)
                if depth == 0:
                    node = None
                elif node.next is not None:
                    node = node.next
                    break
                else:
                    node, depth = node.parent, depth - 1
        yield from self._flush()

    def _skipped(self, node: LexborNode) -> bool:
        if node.tag == "button" and _opens_an_answer(node):
            return False
        return node.tag in self._unseen or (bool(self._hidden) and node.mem_id in self._hidden)

    def _enter(self, node: LexborNode) -> Iterator[Block]:
        tag = node.tag or ""
        if tag == "-text":
            self._text.append(node.text_content or "")
        elif tag == "br":
            self._text.append("\n" if self._verbatim else "\x00")
        elif tag in _HEADINGS:
            yield from self._leave_row()
            self._level = _HEADINGS[tag]
        elif tag == "button" and not self._level:
            yield from self._flush()
        elif tag == "table":
            yield from self._leave_row()
            self._rows = 0
        elif tag == "tr":
            yield from self._flush()
            self._row = []
        elif tag == "li":
            yield from self._begin_item()
        elif tag in _BLOCKS:
            yield from self._flush()
            if tag in ("ul", "ol"):
                self._lists.append(_counted_before(node) if tag == "ol" else -1)
            self._tight = tag == "dd" or bool(self._marker)  # a paragraph may be its item's first
            self._verbatim += tag == "pre"

    def _leave(self, node: LexborNode) -> Iterator[Block]:
        tag = node.tag or ""
        if tag in ("td", "th"):
            yield from self._end_cell()
        elif tag == "tr":
            yield from self._end_row()
        elif tag == "button" and not self._level:
            yield from self._flush()
        elif tag in _HEADINGS or tag == "li" or tag in _BLOCKS:
            yield from self._flush()
            self._level = 0
            if tag == "li":
                self._marker = ""  # of an item without words
            if tag in ("ul", "ol") and self._lists:
                self._lists.pop()
            self._verbatim -= tag == "pre"

    def _begin_item(self) -> Iterator[Block]:
        yield from self._flush()
        if self._row is not None:
            return  # a list within a cell stays in its row
        self._tight = True
        self._marker = "- "
        if self._lists and self._lists[-1] >= 0:
            self._lists[-1] += 1
            self._marker = f"{self._lists[-1]}. "

    def _end_cell(self) -> Iterator[Block]:
        if self._row is None:
            yield from self._flush()
        else:
            self._row.append(self._take().replace("\n", " ").strip())

    def _end_row(self) -> Iterator[Block]:
        row, self._row = self._row, None
        line = row_line(row or ())
        if not line.strip(" |"):
            return
        if self._rows == 0:
            self._header = line
        elif self._rows % REPEAT_EVERY == 0:
            yield Block(self._header, tight=True)
        yield Block(line, tight=self._rows > 0)
        self._rows += 1

    def _leave_row(self) -> Iterator[Block]:
        """A heading or a table inside a cell: the outer table is layout, its cells are blocks."""
        row, self._row = self._row, None
        for cell in row or ():
            if cell:
                yield Block(cell)
        yield from self._flush()

    def _flush(self) -> Iterator[Block]:
        if self._row is not None:
            self._text.append("\x00")  # a paragraph within a cell stays in its row
            return
        text = self._take()
        if text.strip():
            yield Block(self._marker + text, level=self._level, tight=self._tight)
            self._marker, self._tight = "", False

    def _take(self) -> str:
        """The text gathered so far, blanks counted once as on the screen; \\x00 is a line end."""
        text = "".join(self._text)
        self._text.clear()
        if self._verbatim:
            return text.replace("\x00", "\n").strip("\n")
        lines = (" ".join(line.split()) for line in text.split("\x00"))
        return "\n".join(line for line in lines if line)
