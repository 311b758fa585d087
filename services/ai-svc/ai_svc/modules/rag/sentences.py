"""Where the sentences of a passage begin and end. Portuguese and English, prose and lists."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

# After these a full stop ends no sentence.
_ABBREVIATED: Final = """
a art arts av cap cf cia dec dr dra etc ex fig fl fls fs h inc incs jr lt ltda mr mrs ms n no num
p par pág pag pp prof profa r ref res s sec séc sr sra srs st tel v vol vs
"""
_ABBREVIATIONS: Final = frozenset(_ABBREVIATED.split())
# A run of stops is tried once, from its first: otherwise it takes the square of its length.
_END: Final = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*(?=\s)")
_BLOCK: Final = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*•–—|#>]|\(?\w{1,3}[.)]\s))")
_MARKED_HEADING: Final = re.compile(r"\s*#{1,6}[ \t]+\S[^\n]*")
_LAST_WORD: Final = re.compile(r"[^\W_]+$")
_HEADING_WORDS: Final = 14


class Sentence(NamedTuple):
    """`text[start:end]` without blanks at its ends."""

    start: int
    end: int
    is_heading: bool


def sentences(text: str) -> Iterator[Sentence]:
    """In reading order. A line break inside a paragraph ends nothing."""
    start = 0
    for block_end in [*(match.start() for match in _BLOCK.finditer(text)), len(text)]:
        yield from _of_block(text, start, block_end)
        start = block_end


def _of_block(text: str, start: int, end: int) -> Iterator[Sentence]:
    # All of a marked line is the heading: the question of a curated answer may be two sentences.
    if heading := _MARKED_HEADING.match(text, start, end):
        yield from _trimmed(text, start, heading.end(), is_heading=True)
        start = heading.end()
    begin = start
    found = 0
    for match in _END.finditer(text, start, end):
        if _ends_sentence(text, match, end):
            yield from _trimmed(text, begin, match.end(), is_heading=False)
            begin = match.end()
            found += 1
    rest = text[begin:end].strip()
    yield from _trimmed(text, begin, end, is_heading=not found and _looks_like_heading(rest))


def _ends_sentence(text: str, match: re.Match[str], end: int) -> bool:
    following = text[match.end() : end].lstrip()[:1]
    if following.islower():
        return False
    if match.group()[0] != ".":
        return True
    word = _LAST_WORD.search(text, max(0, match.start() - 12), match.start())
    if word is None:
        return True
    last = word.group()
    # "Art. 18", "Sr. Silva", and the initials of "J. P. Souza".
    return not (last.lower() in _ABBREVIATIONS or (len(last) == 1 and last.isupper()))


def _looks_like_heading(text: str) -> bool:
    return (
        len(text.split()) <= _HEADING_WORDS
        and text[-1:] not in tuple(".:;!?|")
        and not text.startswith(("-", "*", "•", "–", "|"))
        and not any(char.isdigit() for char in text)
    )


def _trimmed(text: str, start: int, end: int, *, is_heading: bool) -> Iterator[Sentence]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield Sentence(start, end, is_heading)
