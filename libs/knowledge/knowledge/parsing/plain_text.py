"""Plain text and Markdown: the text is kept as it is; headings and pages are only noted."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.extraction import Block, Extraction, Limits

_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")
_ATX: Final = re.compile(r" {0,3}(#{1,6})[ \t]+(\S.*)")
_LINK: Final = re.compile(r"!?\[[^\]\n]{1,200}\]\([^)\n]{1,500}\)")
_STRANGE: Final = "\ufffd" + "".join(map(chr, set(range(32)) - {9, 10, 11, 12, 13, 26, 27}))
_LINE_BREAK: Final = re.compile(r"\r\n|\r|\n")
_EMPHASIS: Final = str.maketrans("", "", "*`")
_FRONT_MATTER: Final = re.compile(r"\A---\n.{0,20000}?\n---\n", re.DOTALL)


def looks_like_markdown(text: str) -> bool:
    """Whether headings, fences or links of Markdown occur. Only the beginning is looked at."""
    beginning = text[:50_000]
    if len(_LINK.findall(beginning)) >= 2:
        return True
    return any(_ATX.match(line) or _FENCE.match(line) for line in beginning.splitlines())


def extract_text(text: str, limits: Limits) -> Extraction:
    """One block per run of lines between headings; a form feed begins a page (RFC 678)."""
    if len(text) > limits.max_characters:
        raise ParsingFailure(Cause.TOO_LONG)
    if _mostly_unreadable(text):
        raise ParsingFailure(Cause.UNSUPPORTED_TYPE)
    markdown = looks_like_markdown(text)
    return Extraction(_blocks(text, markdown=markdown), _title(text) if markdown else None)


def _mostly_unreadable(text: str) -> bool:
    """Binary data that began like text decodes to replacement and control characters."""
    sample = text[:100_000]
    strange = sum(sample.count(character) for character in _STRANGE)
    return strange > max(8, len(sample) // 50)


def _title(text: str) -> str | None:
    """The first heading, past a front matter."""
    for line in _FRONT_MATTER.sub("", text[:50_000]).splitlines():
        match = _ATX.match(line)
        if match:
            return _plain(match[2])
    return None


def _plain(title: str) -> str:
    """A heading's words: closing hashes (CommonMark 4.2) and emphasis removed."""
    return title.rstrip().rstrip("#").strip().translate(_EMPHASIS)


def _blocks(text: str, *, markdown: bool) -> Iterator[Block]:
    pages = text.split("\f")
    for number, page in enumerate(pages, start=1):
        for index, block in enumerate(_markdown_blocks(page) if markdown else [Block(page)]):
            paged = len(pages) > 1
            yield replace(block, page=number, tight=block.tight and index > 0) if paged else block


def _markdown_blocks(text: str) -> Iterator[Block]:
    """Headings are blocks of their own; all between two headings is one block, verbatim."""
    body: list[str] = []
    fence: str | None = None
    for line in _LINE_BREAK.split(text):
        marker = _FENCE.match(line)
        if marker:
            fence = _toggle(fence, marker[1])
        heading = None if fence else _ATX.match(line)
        if heading:
            yield from _run(body)
            close = not body or bool(body[-1].strip())
            body = []
            yield Block(line, level=len(heading[1]), heading=_plain(heading[2]), tight=close)
        else:
            body.append(line)
    yield from _run(body)


def _run(lines: list[str]) -> Iterator[Block]:
    if any(line.strip() for line in lines):
        yield Block("\n".join(lines), tight=bool(lines[0].strip()))


def _toggle(fence: str | None, marker: str) -> str | None:
    """A fence is closed by its own character, at least as long (CommonMark 4.5)."""
    if fence is None:
        return marker
    closes = marker[0] == fence[0] and len(marker) >= len(fence)
    return None if closes else fence
