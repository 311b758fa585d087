"""What a model says, on its way out: cut into sentences, checked, numbered, sent in order."""

from dataclasses import dataclass, field

from ai_svc.modules.agents.composing import Composed
from ai_svc.modules.agents.events import CitationEvent, DeltaEvent, RunEvent
from ai_svc.modules.agents.guard import Checked, Guard
from ai_svc.modules.agents.marks import Sentence, Sentences


@dataclass(slots=True)
class Speech:
    """The words of one agent. `must_quote`: nothing goes out before its first true quote."""

    guard: Guard
    composed: Composed
    must_quote: bool
    found_nothing: bool = False
    """The model has said so, by the mark for it."""
    _begun: int = field(init=False)
    _sentences: Sentences = field(default_factory=Sentences)
    _held: list[tuple[str, Checked]] = field(default_factory=list)
    _has_quoted: bool = False

    def __post_init__(self) -> None:
        self._begun = len(self.composed.text)

    @property
    def is_silent(self) -> bool:
        """Nothing was sent."""
        return len(self.composed.text) == self._begun

    @property
    def is_harmless(self) -> bool:
        """What is held back claims nothing."""
        return bool(self._held) and all(checked.supported for _, checked in self._held)

    async def add(self, text: str) -> list[RunEvent]:
        """What may be sent by now."""
        return await self._checked(self._sentences.add(text))

    async def end(self) -> list[RunEvent]:
        """What is left."""
        return await self._checked(self._sentences.end())

    def let_go(self) -> None:
        """What it has begun to say is not said: it was to look first."""
        self._sentences = Sentences()

    def start_over(self) -> None:
        """Another speaks, and nothing of this one was sent."""
        self.let_go()
        self._held.clear()
        self.found_nothing = self._has_quoted = False

    def own(self, phrase: str) -> list[RunEvent]:
        """In fixed words of ours."""
        self._held.append(("\n\n", Checked(phrase)))
        return self.released()

    def released(self) -> list[RunEvent]:
        """All that was held back."""
        events: list[RunEvent] = []
        for lead, checked in self._held:
            events += [CitationEvent(**source.model_dump()) for source in checked.sources]
            if self.is_silent:
                lead = "\n\n" if self._begun else ""  # noqa: PLW2901 - where this one begins
            events.append(DeltaEvent(text=self.composed.add(lead, checked)))
        self._held.clear()
        return events

    async def _checked(self, sentences: list[Sentence]) -> list[RunEvent]:
        for sentence in sentences:
            self.found_nothing |= any(mark.name == "NADA" for mark in sentence.marks)
            if sentence.text:
                checked = await self.guard.check(sentence)
                if checked.withheld:
                    continue
                self._has_quoted |= checked.quotes
                self._held.append((sentence.lead, checked))
        return self.released() if self._has_quoted or not self.must_quote else []
