"""Nothing leaves unchecked: each sentence with the quotes it stands on, or marked as alone.

A mark bears a sentence out when what it quotes is in the passage or result it names, letter by
letter; for a passage, when the stored version has it at these very offsets, and its reader may
still read it; and when the sentence has no figure that they do not have.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import structlog

from ai_svc.modules.agents import phrases
from ai_svc.modules.agents.builtin import rights
from ai_svc.modules.agents.events import Source
from ai_svc.modules.agents.marks import Mark, Sentence
from ai_svc.modules.rag.citations import Place, places_of
from ai_svc.modules.rag.evidence import terms_of
from ai_svc.modules.rag.quotes import Citation, locate
from ai_svc.modules.rag.sentences import sentences
from ai_svc.modules.skills.skill import Carried, Numbered, SkillResult
from ai_svc.workshop import Workshop
from knowledge.access import reader_of
from shared_schemas.actor import Actor

_log = structlog.get_logger(__name__)
_FIGURE: Final = re.compile(r"\d+")
_ORDINAL: Final = re.compile(r"^\s*(?:[-*•–—]\s*)?\(?\d{1,2}[.)]\s")
_QUOTED: Final = re.compile(r"[\"“«]([^\"”»]{3,})[\"”»]")
_LONG_QUOTATION: Final = 4
"""Words from which something in quotation marks claims to be somebody's own."""
_FEW_WORDS: Final = 3
_HEADING_WORDS: Final = 12
_OWN: Final = phrases.OWN | rights.OWN
_OWN_SENTENCES: Final = frozenset(
    phrase[each.start : each.end] for phrase in _OWN for each in sentences(phrase)
)


@dataclass(frozen=True, slots=True)
class Checked:
    """A sentence as it leaves. `sources` are those it is the first to cite."""

    text: str
    sources: tuple[Source, ...] = ()
    supported: bool = True
    """False: it is marked `unsupported`."""
    quotes: bool = False
    """A source or a result of a tool bears it out; what is merely harmless does not."""
    withheld: bool = False
    """It quotes what is not there any more, or not for this reader: it does not leave."""


@dataclass(slots=True)
class Guard:
    """The checks of one run. `given` is what the person wrote: its figures may be repeated."""

    workshop: Workshop
    actor: Actor
    carried: Carried
    given: str = ""
    sources: list[Source] = field(default_factory=list)
    _results: list[str] = field(default_factory=list)

    def learn(self, result: SkillResult) -> None:
        """What a tool has answered may be quoted from now on."""
        if result.passages:
            return  # quoted as what they are, and looked up in the version
        if result.told:
            self._results.append(result.told)
        self._results += _texts(result.data)

    def know(self, texts: Iterable[str]) -> None:
        """What is remembered may be quoted as well."""
        self._results += texts

    async def check(self, sentence: Sentence) -> Checked:
        """The sentence with the numbers of its sources behind it."""
        passages = [mark for mark in sentence.marks if mark.name.startswith("S")]
        located = self._located(passages)
        cited = await self._verified(located)
        if len(cited) < len(located):
            _log.warning("quote_gone", marks=len(sentence.marks), gone=len(located) - len(cited))
            return Checked("", withheld=True)
        results = [mark.quote for mark in sentence.marks if mark.name == "D" and self._told(mark)]
        quotes = [citation.quote for _, citation, _ in cited]
        if len(quotes) + len(results) < len(
            [mark for mark in sentence.marks if mark.name != "NADA"]
        ):
            _log.warning(
                "quote_not_borne_out", marks=len(sentence.marks), held=len(quotes) + len(results)
            )
        if (quotes or results) and self._follows(sentence.text, quotes, results):
            new, numbers = self._numbered(cited)
            text = "".join([sentence.text, *(f" [{number}]" for number in numbers)])
            return Checked(text, new, quotes=True)
        return Checked(sentence.text, supported=self._harmless(sentence.text))

    def _located(self, marks: Sequence[Mark]) -> list[tuple[Numbered, Citation]]:
        by_label = {each.label: each for each in self.carried.passages}
        found = []
        for mark in marks:
            numbered = by_label.get(mark.name)
            span = locate(mark.quote, numbered.passage.content) if numbered else None
            if numbered is None or span is None:
                continue
            start, end = (numbered.passage.char_start + edge for edge in span)
            found.append((numbered, Citation(numbered.passage, start, end)))
        return found

    async def _verified(
        self, located: Sequence[tuple[Numbered, Citation]]
    ) -> list[tuple[Numbered, Citation, Place]]:
        """Those that the stored versions bear out, for the reader as of now."""
        if not located:
            return []
        tenant = self.actor.organization_id
        found: list[tuple[Numbered, Citation, Place]] = []
        async with self.workshop.database.transaction(tenant, read_only=True) as session:
            reader = await reader_of(session, self.actor)
            for client_id in _in_order(numbered.client_id for numbered, _ in located):
                mine = [each for each in located if each[0].client_id == client_id]
                citations = [citation for _, citation in mine]
                places = await places_of(session, reader, citations, client_id=client_id)
                found += [
                    (numbered, citation, place)
                    for (numbered, citation), place in zip(mine, places, strict=True)
                    if place is not None
                ]
        return found

    def _numbered(
        self, cited: Sequence[tuple[Numbered, Citation, Place]]
    ) -> tuple[tuple[Source, ...], list[int]]:
        """New sources get the next numbers; one that was cited before keeps its own."""
        new: list[Source] = []
        numbers: list[int] = []
        for _, citation, place in cited:
            source = next((each for each in self.sources if _same(each, citation)), None)
            if source is None:
                source = _source(len(self.sources) + 1, citation, place)
                self.sources.append(source)
                new.append(source)
            if source.number not in numbers:
                numbers.append(source.number)
        return tuple(new), numbers

    def _told(self, mark: Mark) -> bool:
        return any(locate(mark.quote, text) is not None for text in self._results)

    def _follows(self, text: str, quotes: Sequence[str], results: Sequence[str]) -> bool:
        """Whether the sentence may be read off its quotes: no figure, no word of another's."""
        # The question's own figures prove nothing: "são 45 dias, não são?" is no source of 45.
        said_by_person = [self.given] if results else []
        known = " ".join([*said_by_person, *quotes, *self._results])
        if not _figures(text) <= _figures(known) or not self._quotations_true(text, quotes):
            return False
        said = set(terms_of(text).tolist())
        if results or len(said) < _FEW_WORDS:
            return True  # what is written "pending" there is told in words of our language
        return bool(said & set(terms_of(" ".join(quotes)).tolist()))

    def _quotations_true(self, text: str, quotes: Sequence[str]) -> bool:
        sources = [self.given, *quotes, *self._results]
        return all(
            any(locate(said, source) is not None for source in sources)
            for said in _QUOTED.findall(text)
            if len(said.split()) >= _LONG_QUOTATION
        )

    def _harmless(self, text: str) -> bool:
        """What claims nothing: our own words, a question, the line above a list."""
        if text in _OWN_SENTENCES or text in _OWN or not any(map(str.isalnum, text)):
            return True
        if not _figures(text) <= _figures(" ".join([self.given, *self._results])):
            return False
        return text.endswith("?") or (text.endswith(":") and len(text.split()) <= _HEADING_WORDS)


def _texts(data: Any) -> Iterator[str]:
    """Every text in what a tool gave, as it was before it became JSON."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for value in data.values():
            yield from _texts(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from _texts(value)
    elif data is not None and not isinstance(data, bool):
        yield str(data)


def _figures(text: str) -> set[str]:
    return {each.lstrip("0") or "0" for each in _FIGURE.findall(_ORDINAL.sub("", text))}


def _in_order(client_ids: Iterable[UUID | None]) -> list[UUID | None]:
    return list(dict.fromkeys(client_ids))


def _same(source: Source, citation: Citation) -> bool:
    passage = citation.passage
    return (source.document_id, source.version, source.char_start, source.char_end) == (
        passage.document_id,
        passage.version,
        citation.char_start,
        citation.char_end,
    )


def _source(number: int, citation: Citation, place: Place) -> Source:
    passage = citation.passage
    return Source(
        number=number,
        document_id=passage.document_id,
        version=passage.version,
        title=passage.title,
        page=place.page,
        heading=place.heading,
        quote=citation.quote,
        char_start=citation.char_start,
        char_end=citation.char_end,
        similarity=passage.similarity,
    )
