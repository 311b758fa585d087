"""Brazilian legal texts: which line begins which provision, and what it is called.

The marks are those of Lei Complementar 95/1998, Art. 10: the article is the unit, divided into
paragraphs (§) and incisos (I), incisos into alíneas (a), alíneas into itens (1); articles are
gathered in subseções, seções, capítulos, títulos, livros and partes.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Rank(IntEnum):
    """Depth of a provision; divisions of a law stand above its articles."""

    PART = 1
    BOOK = 2
    TITLE = 3
    CHAPTER = 4
    SECTION = 5
    SUBSECTION = 6
    ARTICLE = 7
    PARAGRAPH = 8
    INCISO = 9
    ALINEA = 10
    ITEM = 11


@dataclass(frozen=True, slots=True)
class Provision:
    """What stands from `start` to the next provision. `names` lead to it: "Art. 5º", "XI"."""

    start: int
    rank: Rank
    names: tuple[str, ...]

    @property
    def label(self) -> str:
        """As one cites it: "Art. 5º, XI"."""
        return ", ".join(self.names)

    @property
    def divides(self) -> bool:
        """Whether it gathers articles: a título, a capítulo."""
        return self.rank < Rank.ARTICLE


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    text: str
    opens: bool
    """Whether something may begin here, not just go on after a line's end."""


_DIVISIONS: Final = {
    "parte": Rank.PART, "anexo": Rank.PART, "ato": Rank.PART, "livro": Rank.BOOK,
    "título": Rank.TITLE, "titulo": Rank.TITLE, "capítulo": Rank.CHAPTER, "capitulo": Rank.CHAPTER,
    "seção": Rank.SECTION, "secao": Rank.SECTION, "secção": Rank.SECTION,
    "subseção": Rank.SUBSECTION, "subsecao": Rank.SUBSECTION, "subsecção": Rank.SUBSECTION,
}  # fmt: skip
_MARKUP: Final = "#*_> \t"
_DIVISION: Final = re.compile(
    r"(PARTE|LIVRO|T[ÍI]TULO|CAP[ÍI]TULO|SE[CÇ]?[CÇ][ÃA]O|SUBSE[CÇ]?[CÇ][ÃA]O|ANEXO)[ \t]+"
    r"([IVXLC]{1,8}(?:-[A-Z])?|[ÚU]NIC[OA]|GERAL|ESPECIAL|COMPLEMENTAR|\d{1,3})\b[ºª°]?"
    r"[ \t]*[-–—.:]?[ \t]*(.{0,160})$",
    re.IGNORECASE,
)
_TRANSITORY: Final = re.compile(r"ATO DAS DISPOSIÇÕES CONSTITUCIONAIS TRANSITÓRIAS", re.IGNORECASE)
# A comma behind the number is a reference at the start of a line: "Art. 5º, XI, da Constituição".
_ARTICLE: Final = re.compile(
    r"(?:Art|ART)(?:igo|IGO)?\.?[ \t]*(\d{1,4}|\d\.\d{3})[ \t]?(?:[ºª°]|o(?=[\s.\-–—]))?"
    r"(-[A-Z]{1,2}(?![a-z]))?[*_]{0,3}(?=[.\s–—-]|$)(?![.\s]*(?:d[aoe]s?|e|c/c)\s)"
)
_PARAGRAPH: Final = re.compile(
    r"§[ \t]*(\d{1,3})[ \t]?(?:[ºª°]|o(?=[\s.\-–—]))?(-[A-Z](?![a-z]))?[*_]{0,3}(?=[.\s–—-]|$)"
)
_SOLE_PARAGRAPH: Final = re.compile(r"(?:§[ \t]*|par[áa]grafo[ \t]+)[úu]nico\b", re.IGNORECASE)
_INCISO: Final = re.compile(r"([IVXLCDM]{1,10})(-[A-Z])?[*_]{0,3}[ \t]*[-–—‒.)](?=[\s*_]|$)")
_ALINEA: Final = re.compile(r"([a-z]{1,2})[ \t]?\)[*_]{0,3}(?=\s|$)")
_ITEM: Final = re.compile(r"(\d{1,2})[ \t]?[.)–-](?=\s|$)")
_QUOTED: Final = re.compile(r"[“\"]\s*(?:Art\b|ART\b|§|[IVXL]{1,6}\s*[-–—]|[a-z]\))")
_END_OF_QUOTE: Final = re.compile(r"[”\"]\s*(?:\(NR\))?[.;,]?\s*$|\(NR\)[.;”\"]*\s*$")
_ENDS: Final = re.compile(r"(?:[.;:,!?)”\"’*_]|;\s*(?:e|ou|e/ou))$")
_ROMAN: Final = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_VALUES: Final = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
MOST_PROVISIONS: Final = 20_000
"""The Civil Code has some 6,000. What comes after them is of the last one."""
_DIVISIONS_BEGIN: Final = frozenset("PLTCSAplctsa")
_LARGEST_GAP: Final = 30
"""Between an article or inciso and the one before it: provisions are revoked, not a hundred."""
_LONGEST_QUOTE: Final = 400
"""In lines; a quotation that never ends is a slip of the typist, and ends here."""
_LONGEST_TITLE: Final = 160


def provisions(text: str) -> list[Provision]:
    """Every division and provision of a law, in reading order. Nothing for other texts."""
    return list(itertools.islice(_Reader(text).read(), MOST_PROVISIONS))


class _Reader:
    """Goes through the lines and keeps where it is: article, paragraph, inciso, alínea."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._path: dict[Rank, tuple[int, str]] = {}  # number and name of what is open
        self._quoted = 0

    def read(self) -> Iterator[Provision]:
        for line in _lines(self._text):
            if self._in_quotation(line) or not line.opens:
                continue
            mark = line.text.lstrip(_MARKUP)
            found = self._division(line, mark) or self._provision(line.start, mark)
            if found is not None:
                yield found

    def _in_quotation(self, line: _Line) -> bool:
        """Articles of another law, quoted by the one that changes it, are text of the latter."""
        if not self._quoted and line.opens and self._path and _QUOTED.match(line.text):
            self._quoted = _LONGEST_QUOTE
        elif not self._quoted:
            return False
        self._quoted = 0 if _END_OF_QUOTE.search(line.text) else self._quoted - 1
        return True

    def _division(self, line: _Line, mark: str) -> Provision | None:
        if mark[:1] not in _DIVISIONS_BEGIN:
            return None
        if _TRANSITORY.match(mark):
            label = mark[:_LONGEST_TITLE].rstrip(_MARKUP).title()
            return self._open_division(line.start, Rank.PART, label)
        match = _DIVISION.match(mark.rstrip(_MARKUP))
        if match is None:
            return None
        rank = _DIVISIONS[match[1].lower()]
        title = match[3].strip(_MARKUP) or self._title_below(line)
        name = f"{match[1].capitalize()} {match[2]}"
        return self._open_division(line.start, rank, f"{name} – {title}" if title else name)

    def _open_division(self, start: int, rank: Rank, label: str) -> Provision:
        self._path = {} if rank is Rank.PART else self._last_article()
        return Provision(start, rank, (label,))

    def _last_article(self) -> dict[Rank, tuple[int, str]]:
        """Articles are numbered through a law, whatever chapter they are in."""
        article = self._path.get(Rank.ARTICLE)
        return {Rank.ARTICLE: article} if article else {}

    def _title_below(self, line: _Line) -> str:
        below = self._text[line.end + 1 : line.end + 2 * _LONGEST_TITLE].split("\n")
        for candidate in below[:2]:
            title = candidate.strip(_MARKUP)
            if title:
                begins = any(p.match(title) for p in (_DIVISION, _ARTICLE, _PARAGRAPH, _INCISO))
                return "" if begins or len(title) > _LONGEST_TITLE else title
        return ""

    def _provision(self, start: int, mark: str) -> Provision | None:
        match = _ARTICLE.match(mark)
        if match:
            return self._article(start, int(match[1].replace(".", "")), match[2] or "")
        if Rank.ARTICLE not in self._path:
            return None
        if match := _PARAGRAPH.match(mark):
            number = int(match[1])
            name = f"§ {_ordinal(number)}{match[2] or ''}"
            return self._open(start, Rank.PARAGRAPH, number, name)
        if _SOLE_PARAGRAPH.match(mark):
            return self._open(start, Rank.PARAGRAPH, 1, "parágrafo único")
        if (match := _INCISO.match(mark)) and _ROMAN.fullmatch(match[1]):
            number = _roman(match[1])
            if number <= self._number(Rank.INCISO) + _LARGEST_GAP:
                return self._open(start, Rank.INCISO, number, f"{match[1]}{match[2] or ''}")
        if match := _ALINEA.match(mark):
            return self._open(start, Rank.ALINEA, 0, match[1])
        if (match := _ITEM.match(mark)) and int(match[1]) <= self._number(Rank.ITEM) + 1:
            return self._open(start, Rank.ITEM, int(match[1]), match[1])
        return None

    def _article(self, start: int, number: int, letter: str) -> Provision | None:
        last = self._number(Rank.ARTICLE)
        # An excerpt of a code begins anywhere; an annex begins anew.
        if number == 1 or Rank.ARTICLE not in self._path or 0 <= number - last <= _LARGEST_GAP:
            return self._open(start, Rank.ARTICLE, number, f"Art. {_ordinal(number)}{letter}")
        return None

    def _number(self, rank: Rank) -> int:
        return self._path.get(rank, (0, ""))[0]

    def _open(self, start: int, rank: Rank, number: int, name: str) -> Provision:
        self._path = {above: kept for above, kept in self._path.items() if above < rank}
        self._path[rank] = (number, name)
        return Provision(start, rank, tuple(name for _, name in self._path.values()))


def _lines(text: str) -> Iterator[_Line]:
    """One at a time: a text may have millions."""
    start = 0
    before = ""
    titled = False  # the line before is a division's, or another that ends without a full stop
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        line = text[start:end]
        opens = not before or titled or _ENDS.search(before) is not None
        yield _Line(start, end, line, opens)
        before = line.rstrip()
        mark = before.lstrip(_MARKUP)
        titled = bool(_DIVISION.match(mark)) or (mark.isupper() and len(mark) <= _LONGEST_TITLE)
        start = end + 1


def _ordinal(number: int) -> str:
    """Ordinal up to nine, cardinal from ten on (Lei Complementar 95/1998, Art. 10, I and III)."""
    return f"{number}º" if number < 10 else f"{number}"


def _roman(numeral: str) -> int:
    total = 0
    for letter, after in zip(numeral, numeral[1:] + " ", strict=True):
        value = _VALUES[letter]
        total += -value if value < _VALUES.get(after, 0) else value
    return total
