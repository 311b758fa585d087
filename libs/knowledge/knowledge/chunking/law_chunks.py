"""Cutting laws: an article is a chunk; a long one is cut between its provisions, never in one.

A part of an article says in its heading what it goes on from (the divisions, the caput, the
paragraph) and last the label one cites: "Título II > Todos são iguais perante a lei … > CF, Art.
5º, XXIII a XXXI".
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final

from knowledge.chunking.law_names import law_name
from knowledge.chunking.laws import Provision, Rank, provisions
from knowledge.chunking.passage import Cut, Span
from knowledge.chunking.splitting import runs, trimmed
from knowledge.outline import PATH_SEPARATOR
from knowledge.parsing.normalising import Heading, NormalisedText

_CONTEXT: Final = 160
"""Characters of a caput in the heading of its parts."""
_LONGEST_RUBRIC: Final = 100
_FEWEST_ARTICLES: Final = 4
_LONGEST_ARTICLE: Final = 4_000
"""On average, in characters: a report that quotes some articles is no law."""
_LONGEST_PROVISION: Final = 500
_LOOKED_AT: Final = 200_000
_BEGINS_ARTICLE: Final = re.compile(r"^[#*_> \t]*A(?:rt|RT)", re.MULTILINE)
_MARK: Final = re.compile(
    r"[#*_> \t]*(?:Art\S*[ \t]*[\d.]+\S*|§[ \t]*\S+|Par\S+[ \t]+único\.?|[IVXLCDM]+)[\s.–—*_-]*"
)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A provision, the span of its own text, and the divisions it stands under."""

    span: Span
    provision: Provision
    above: tuple[str, ...]


def looks_like_law(text: str) -> bool:
    """Whether a text is plainly a law: articles from beginning to end, and much divided."""
    text = text[:_LOOKED_AT]
    # Nearly every text is none, and is told so fast.
    if sum(1 for _ in islice(_BEGINS_ARTICLE.finditer(text), _FEWEST_ARTICLES)) < _FEWEST_ARTICLES:
        return False
    found = [each for each in provisions(text) if not each.divides]
    articles = sum(each.rank is Rank.ARTICLE for each in found)
    if articles < _FEWEST_ARTICLES or found[0].start > len(text) // 4:
        return False
    return len(text) <= articles * _LONGEST_ARTICLE and len(text) <= len(found) * _LONGEST_PROVISION


def law_headings(text: NormalisedText, title: str | None) -> tuple[Heading, ...]:
    """A heading per division and provision: whatever the offset, the outline knows its label."""
    name = law_name(title or text.title, text.text)
    return tuple(
        # From the article down each label is whole: it replaces the one before it in the path.
        Heading(each.start, min(each.rank, Rank.ARTICLE), _cited(name, each))
        for each in provisions(text.text)
    )


def cut_law(text: NormalisedText, title: str | None, most: int) -> Iterator[Cut]:
    """The chunks of a law, of up to `most` tokens; none of a text that has no article.

    Short articles under the same divisions share a chunk: alone they lose against longer ones.
    """
    found = provisions(text.text)
    groups = list(_articles(text.text, found))
    if not groups:
        return
    name = law_name(title or text.title, text.text)
    preamble = list(runs(text.text, 0, groups[0][0], most))
    if sum(span.tokens for span in preamble) < most // 8:
        groups[0] = (0, groups[0][1])  # the law's name in a line: no passage of its own
    else:
        yield from (Cut(span, None) for span in preamble)
    gathered: list[_Piece] = []
    for pieces in _with_divisions(text.text, groups):
        if gathered and not _belong(gathered, pieces, most):
            yield from _whole(text.text, gathered, name, most)
            gathered = []
        if _tokens(pieces) > most:
            yield from _parts(text.text, pieces, name, most)
        else:
            gathered = gathered + pieces
    if gathered:
        yield from _whole(text.text, gathered, name, most)


def _belong(gathered: Sequence[_Piece], pieces: Sequence[_Piece], most: int) -> bool:
    return (
        _tokens(gathered) < most // 2
        and _tokens(gathered) + _tokens(pieces) <= most
        and gathered[0].above == pieces[0].above
    )


def _whole(text: str, pieces: list[_Piece], name: str | None, most: int) -> Iterator[Cut]:
    """One article or several, each with all its provisions."""
    articles = [piece.provision for piece in pieces if piece.provision.rank is Rank.ARTICLE]
    label = _cited(name, articles[0])
    if len(articles) > 1:
        between = " e " if len(articles) == 2 else " a "
        label = label.replace("Art. ", "Arts. ", 1) + between + articles[-1].names[0][5:]
    for span in _fitting(text, pieces, most):
        yield Cut(span, PATH_SEPARATOR.join([*pieces[0].above, label]))


def _parts(text: str, pieces: list[_Piece], name: str | None, most: int) -> Iterator[Cut]:
    """A long article, cut between its provisions."""
    within: dict[tuple[str, ...], _Piece] = {}
    for piece in pieces:
        within.setdefault(piece.provision.names, piece)
    for part in _packed(pieces, most):
        context = _context(text, within, part[0])
        heading = PATH_SEPARATOR.join([*part[0].above, *context, _range(name, part, pieces)])
        for span in _fitting(text, part, most):
            yield Cut(span, heading)


def _with_divisions(
    text: str, groups: Sequence[tuple[int, list[Provision]]]
) -> Iterator[list[_Piece]]:
    """The provisions of each article, under the divisions it stands in."""
    ends = [start for start, _ in groups[1:]] + [len(text)]
    above: dict[int, str] = {}
    for (start, members), end in zip(groups, ends, strict=True):
        for division in (each for each in members if each.divides):
            above = {rank: label for rank, label in above.items() if rank < division.rank}
            above[division.rank] = division.label
        yield _pieces(text, start, end, members, tuple(above.values()))


def _cited(name: str | None, provision: Provision) -> str:
    return f"{name}, {provision.label}" if name and not provision.divides else provision.label


def _articles(text: str, found: Sequence[Provision]) -> Iterator[tuple[int, list[Provision]]]:
    """Each article with its provisions, and where it begins: divisions and rubric before it
    belong to it."""
    starts = frozenset(each.start for each in found)
    group: list[Provision] = []
    for each in found:
        complete = any(member.rank is Rank.ARTICLE for member in group)
        if complete and each.rank <= Rank.ARTICLE:
            yield _with_rubric(text, group[0].start, starts), group
            group = []
        group.append(each)
    if any(member.rank is Rank.ARTICLE for member in group):
        yield _with_rubric(text, group[0].start, starts), group


def _with_rubric(text: str, start: int, starts: frozenset[int]) -> int:
    """A short line without a full stop right above, "Homicídio simples", names the article."""
    end = len(text[max(0, start - 2) : start].rstrip()) + max(0, start - 2)
    begin = text.rfind("\n", max(0, end - _LONGEST_RUBRIC), end) + 1
    rubric = text[begin:end]
    if begin < 2 or text[begin - 2] != "\n" or begin in starts:
        return start
    return begin if rubric[:1].isupper() and rubric[-1:].isalpha() else start


def _pieces(
    text: str, start: int, end: int, members: Sequence[Provision], above: tuple[str, ...]
) -> list[_Piece]:
    """Divisions and rubric are of the article's own text."""
    provisioned = [each for each in members if not each.divides]
    bounds = [start, *(each.start for each in provisioned[1:]), end]
    spans = (trimmed(text, begin, stop) for begin, stop in pairwise(bounds))
    return [
        _Piece(span, each, above)
        for span, each in zip(spans, provisioned, strict=True)
        if span is not None
    ]


def _packed(pieces: list[_Piece], most: int) -> Iterator[list[_Piece]]:
    """Neighbouring units together as long as they fit."""
    part: list[_Piece] = []
    for unit in _units(pieces, most):
        if part and _tokens(part) + _tokens(unit) > most:
            yield part
            part = []
        part = part + unit
    if part:
        yield part


def _units(pieces: list[_Piece], most: int) -> Iterator[list[_Piece]]:
    """The largest provisions that fit, with all they contain; else their parts."""
    if len(pieces) == 1 or _tokens(pieces) <= most:
        yield pieces
        return
    highest = min(piece.provision.rank for piece in pieces[1:])
    begins = [n for n, piece in enumerate(pieces) if n == 0 or piece.provision.rank == highest]
    for begin, stop in pairwise([*begins, len(pieces)]):
        if begin == 0 and stop == len(pieces):  # cannot be: something of `highest` is behind it
            yield pieces
        else:
            yield from _units(pieces[begin:stop], most)


def _fitting(text: str, part: Sequence[_Piece], most: int) -> Iterator[Span]:
    """One span; of a single provision that is too long, as many as it needs."""
    span = Span(part[0].span.start, part[-1].span.end, _tokens(part))
    if span.tokens <= most:
        yield span
    else:
        yield from runs(text, span.start, span.end, most)


def _tokens(pieces: Sequence[_Piece]) -> int:
    return sum(piece.span.tokens for piece in pieces)


def _context(text: str, within: Mapping[tuple[str, ...], _Piece], part: _Piece) -> Iterator[str]:
    """What a part goes on from: the beginnings of the provisions it is in."""
    names = part.provision.names
    for depth in range(1, len(names)):
        piece = within.get(names[:depth])
        if piece is not None:
            start, stop = piece.provision.start, piece.span.end
            own = text[start : min(stop, start + 3 * _CONTEXT)]
            mark = _MARK.match(own)
            yield _shortened(" ".join(own[mark.end() if mark else 0 :].split()))


def _shortened(words: str) -> str:
    if len(words) <= _CONTEXT:
        return words.rstrip(" :;.")
    return words[: words.rfind(" ", 0, _CONTEXT)].rstrip(" ,:;.") + " …"


def _range(name: str | None, part: Sequence[_Piece], pieces: Sequence[_Piece]) -> str:
    """ "CF, Art. 5º", "CF, Art. 5º, XXIII a XXXI", "CF, Art. 14, caput a § 2º"."""
    first, last = part[0].provision, part[-1].provision
    if len(part) == len(pieces) or last.names[: len(first.names)] == first.names != last.names[:1]:
        return _cited(name, first)
    if len(part) == 1:
        return _cited(name, first) + (", caput" if first.rank is Rank.ARTICLE else "")
    if first.rank is Rank.ARTICLE:
        return f"{_cited(name, first)}, caput a {last.names[1]}"
    depth = len(first.names)
    return f"{_cited(name, first)} a {', '.join(last.names[depth - 1 : depth])}"
