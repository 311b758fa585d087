"""A model's text as it comes, cut into sentences, each with the marks that say what bears it out.

    As férias são de 30 dias. [[S1|As férias são de 30 dias corridos por ano.]]
    O chamado aguarda o cliente. [[D|Aguardando cliente]]
    [[NADA]]

`S1` names a passage of the run, `D` any other result of a tool of it; behind the bar stands what
was copied from there, letter by letter. `NADA` says that nothing was found. Marks never leave.
"""

import re
from typing import Final, NamedTuple

from ai_svc.modules.rag.sentences import sentences

NOTHING: Final = "[[NADA]]"
LONGEST_MARK: Final = 3_000
"""Characters; what goes on longer without an end is no mark."""
LONGEST_SENTENCE: Final = 2_000
"""Characters; what goes on longer without an end is cut: a model that repeats itself never ends."""
_FIRST: Final = 0xE000  # private use: stands for a mark while sentences are cut
_PLACES: Final = 0x1900
_PRIVATE: Final = re.compile("[\ue000-\uf8ff]")
_MARK: Final = re.compile(r"\[\[\s*(S\d{1,3}|D|NADA)\s*(?:[|:]\s*(.*?))?\s*\]\]", re.DOTALL)
_DATA: Final = re.compile(r"</?dados\b[^<>]*>\n?")  # how its own earlier answers were shown to it
_ANY_MARK: Final = re.compile(r"\[\[.*?\]\]", re.DOTALL)
_MAY_END: Final = re.compile(r"[\s\]]")  # no sentence ends, and no mark, without one of these
_NUMBER: Final = re.compile(r"(?<!\s)\s*\[\d{1,3}\]")
_BEFORE_STOP: Final = re.compile(r"(?<![ \t])[ \t]+(?=[.,;:!?…])")
_ORDINAL: Final = re.compile(r"\(?\w{1,3}[.)]")  # of a list: no sentence of its own
_BLANKS: Final = re.compile(r"[ \t]{2,}")


class Mark(NamedTuple):
    """`name` is S and a number, D, or NADA; `quote` what was copied, if anything."""

    name: str
    quote: str


class Sentence(NamedTuple):
    """`lead` is the blank before it: none, one, or line breaks. The text has no marks."""

    lead: str
    text: str
    marks: tuple[Mark, ...]


class Sentences:
    """What has come so far and was not given out yet."""

    def __init__(self) -> None:
        self._held = ""
        self._begun = False
        self._unread = 0

    def add(self, piece: str) -> list[Sentence]:
        """The sentences that are complete by now: those after which another has begun."""
        new = self._held[-1:] + piece  # the next sentence may begin with it
        self._held += _PRIVATE.sub("", piece)
        self._unread += len(piece)
        if not _MAY_END.search(new) and self._unread < LONGEST_SENTENCE:
            return []
        self._unread = 0
        return self._cut(final=False)

    def end(self) -> list[Sentence]:
        """What is left."""
        return self._cut(final=True)

    def _cut(self, *, final: bool) -> list[Sentence]:
        settled, open_mark = _parted(self._held)
        if final:
            open_mark = ""
        elif len(open_mark) > LONGEST_MARK:
            settled, open_mark = settled + open_mark.replace("[[", ""), ""
        settled = _DATA.sub("", settled)
        marks: list[Mark] = []
        text = _with_places(settled, marks)
        ends = _ends(text)
        if not final and ends:
            ends[-1:] = _of_endless(text, *ends[-1])
        given = [self._sentence(text[start:end], marks) for start, end in ends]
        rest = text[ends[-1][1] :] if ends else text
        self._held = "" if final else _restored(rest, marks) + open_mark
        return [sentence for sentence in given if sentence.text or sentence.marks]

    def _sentence(self, raw: str, marks: list[Mark]) -> Sentence:
        blank = raw[: len(raw) - len(raw.lstrip())]
        lead = "\n" * min(2, blank.count("\n")) or (" " if self._begun else "")
        found = tuple(marks[ord(each) - _FIRST] for each in _PRIVATE.findall(raw))
        # A number in brackets is a citation to who reads it: only ours are.
        text = _NUMBER.sub("", _PRIVATE.sub("", raw))
        text = _BLANKS.sub(" ", _BEFORE_STOP.sub("", text)).strip()
        if text:
            lead, self._begun = (lead if self._begun else ""), True
        return Sentence(lead, text, found)


def _parted(held: str) -> tuple[str, str]:
    """What can be read, and the mark that has begun and not ended."""
    at = held.rfind("[[")
    if at >= 0 and "]]" not in held[at:]:
        return held[:at], held[at:]
    return (held[:-1], held[-1:]) if held.endswith("[") else (held, "")


def _with_places(text: str, marks: list[Mark]) -> str:
    """The text with a character for each mark. Behind the last end no mark is looked for."""
    end = text.rfind("]]") + 2 if "]]" in text else 0
    return _ANY_MARK.sub(lambda found: _placed(found.group(), marks), text[:end]) + text[end:]


def _placed(written: str, marks: list[Mark]) -> str:
    """A mark as one character, in blanks of its own; what only looks like one is gone."""
    read = _MARK.fullmatch(written)
    if read is None or len(marks) >= _PLACES:
        return " "
    marks.append(Mark(read.group(1), (read.group(2) or "").strip()))
    return f" {chr(_FIRST + len(marks) - 1)} "


def _restored(text: str, marks: list[Mark]) -> str:
    def written(found: re.Match[str]) -> str:
        mark = marks[ord(found.group()) - _FIRST]
        return f"[[{mark.name}|{mark.quote}]]" if mark.quote else f"[[{mark.name}]]"

    return _PRIVATE.sub(written, text)


def _ends(text: str) -> list[tuple[int, int]]:
    """Where each sentence begins, with the blank before it, and ends, with the marks behind it."""
    found: list[tuple[int, int]] = []
    start = 0
    for sentence in sentences(text):
        end = _after_marks(text, sentence.end)
        alone = not _words(text[start:end])  # marks: of the sentence before
        if found and (alone or _ORDINAL.fullmatch(text[slice(*found[-1])].strip())):
            found[-1] = (found[-1][0], end)
        elif end > start:
            found.append((start, end))
        start = max(start, end)
    return found


def _of_endless(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """What is given out of a sentence that has not ended yet: nothing, or all up to its last mark,
    or all but its last word."""
    if end - start < LONGEST_SENTENCE:
        return []
    if found := list(_PRIVATE.finditer(text, start, end)):
        return [(start, found[-1].end())]
    blank = max(text.rfind(" ", start, end), text.rfind("\n", start, end))
    return [(start, blank if blank > start else end)]


def _after_marks(text: str, at: int) -> int:
    """Past the marks that follow, and the blanks before each."""
    end = at
    while at < len(text) and (text[at] in " \t" or _PRIVATE.match(text[at])):
        at += 1
        if _PRIVATE.match(text[at - 1]):
            end = at
    return end


def _words(text: str) -> bool:
    return bool(_PRIVATE.sub("", text).strip())
