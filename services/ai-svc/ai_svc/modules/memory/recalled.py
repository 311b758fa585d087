"""What is remembered for one question."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ai_svc.modules.memory.models import FactSource
from ai_svc.turns import Turn


@dataclass(frozen=True, slots=True)
class KnownFact:
    """A fact the person told the assistant to keep."""

    id: UUID
    text: str
    source: FactSource
    confidence: float
    client_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """The beginning of what the person asked in another conversation."""

    conversation_id: UUID
    text: str
    at: datetime
    client_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Recalled:
    """Everything that is remembered for one question; all of it data, none of it instruction."""

    turns: Sequence[Turn] = ()  # the latest 50 of this conversation, oldest first
    summary: str | None = None  # what was said in it before those
    summary_client_ids: tuple[UUID, ...] = ()
    facts: Sequence[KnownFact] = ()
    earlier: Sequence[Preview] = ()

    @property
    def client_ids(self) -> frozenset[UUID]:
        """Whose data it holds."""
        held: list[Turn | KnownFact | Preview] = [*self.turns, *self.facts, *self.earlier]
        return frozenset(self.summary_client_ids).union(*(each.client_ids for each in held))

    @property
    def document_ids(self) -> frozenset[UUID]:
        """Which documents' words it holds."""
        return frozenset[UUID]().union(*(turn.document_ids for turn in self.turns))
