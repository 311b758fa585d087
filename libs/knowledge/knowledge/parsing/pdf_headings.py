"""Headings of a PDF without bookmarks: lines in letters larger than those of its text."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import groupby
from typing import Final

import pypdfium2 as pdfium

_PAGES_LOOKED_AT: Final = 2_000
_LARGER: Final = 1.15
_LEVELS: Final = 4
_LONGEST: Final = 200
_OFTEN: Final = 3
_SHARE: Final = 0.2
"""More of the document than this in larger letters is no heading."""

Headings = dict[int, list[tuple[int, str]]]
"""Page index → its headings as (level, title), in order."""
_Line = tuple[int, float, str]


def large_lines(document: pdfium.PdfDocument) -> Headings:
    """Lines at least 15 % higher than the letters most of the text is in; larger is a higher
    level, at most four. Lines of one size that follow each other are one heading."""
    lines = [
        line
        for index in range(min(len(document), _PAGES_LOOKED_AT))
        for line in _lines(document, index)
    ]
    heights: Counter[float] = Counter()
    for _, height, text in lines:
        heights[height] += len(text)
    if not heights:
        return {}
    body = heights.most_common(1)[0][0]
    large = {height for height in heights if height >= body * _LARGER}
    if sum(heights[height] for height in large) > _SHARE * heights.total():
        return {}
    levels = {height: level for level, height in enumerate(sorted(large, reverse=True), start=1)}
    headings: Headings = defaultdict(list)
    for (page, height), run in groupby(lines, key=lambda line: line[:2]):
        if height in levels:
            text = " ".join(line[2] for line in run)
            if len(text) <= _LONGEST and any(map(str.isalpha, text)):
                headings[page].append((min(levels[height], _LEVELS), text))
    return _without_running_titles(headings, len(document))


def _without_running_titles(headings: Headings, pages: int) -> Headings:
    """What stands in large letters on every page is its head, not a heading."""
    places = Counter(title for found in headings.values() for title in {text for _, text in found})
    most = max(_OFTEN, pages * _SHARE)
    return {
        page: [(level, title) for level, title in found if places[title] <= most]
        for page, found in headings.items()
    }


def _lines(document: pdfium.PdfDocument, index: int) -> Iterator[_Line]:
    """The page's lines with the height of their letters, to a half point."""
    try:
        page = document[index]
        text_page = page.get_textpage()
        text = text_page.get_text_range()
        # Only where characters and their boxes are numbered alike.
        at = 0 if len(text) == text_page.count_chars() else len(text)
        for line in text.split("\r\n") if at == 0 else ():
            stripped = line.strip()
            if stripped:
                first = at + len(line) - len(line.lstrip())
                _, bottom, _, top = text_page.get_charbox(first, loose=True)
                yield index, round((top - bottom) * 2) / 2, " ".join(stripped.split())
            at += len(line) + 2
        text_page.close()
        page.close()
    except pdfium.PdfiumError:
        return
