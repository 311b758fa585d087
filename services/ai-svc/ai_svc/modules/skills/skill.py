"""What a skill is, what it is called with, and what it gives back."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, SecretStr

from ai_svc.modules.proposals.schemas import ProposalRead
from ai_svc.workshop import Workshop
from knowledge.search import Found, Passage
from shared_schemas.actor import Actor
from shared_schemas.permissions import Permission

MOST_PASSAGES: Final = 60
"""Of one run: what comes after is found, and not shown."""


class Arguments(BaseModel):
    """What a model says with a call. What it was not asked for is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Declined(Exception):
    """The skill does not do it; the message is one line in pt-BR, for the person and the model.

    `choices`: names the organization uses, which are data.
    """

    def __init__(self, why: str, *, choices: Sequence[str] = ()) -> None:
        super().__init__(why)
        self.choices = choices


@dataclass(frozen=True, slots=True)
class Numbered:
    """A passage a run has seen: `S{number}` in what the model is told."""

    number: int
    passage: Passage
    client_id: UUID | None  # in whose name it was looked for: what it takes to read it again

    @property
    def label(self) -> str:
        """As the model cites it."""
        return f"S{self.number}"


@dataclass(slots=True)
class Carried:
    """Whose data and which documents a run holds by now. Grows with every call, never shrinks."""

    client_ids: set[UUID] = field(default_factory=set)
    document_ids: set[UUID] = field(default_factory=set)
    passages: list[Numbered] = field(default_factory=list)
    searches: list[tuple[str, Found]] = field(default_factory=list)
    """What was asked of the documents, and all that was found: by it an answer is judged."""
    proposal_ids: list[UUID] = field(default_factory=list)

    def of_client(self, client_id: UUID | None) -> None:
        """From now on the run holds something about the client."""
        if client_id is not None:
            self.client_ids.add(client_id)

    def number(self, passages: Sequence[Passage], client_id: UUID | None) -> list[Numbered]:
        """The passages with their numbers in this run; one that was seen before keeps its own."""
        known = {(each.passage.chunk_id, each.passage.version): each for each in self.passages}
        numbered = []
        for passage in passages:
            key = passage.chunk_id, passage.version
            if key not in known:
                if len(self.passages) >= MOST_PASSAGES:
                    break
                known[key] = Numbered(len(self.passages) + 1, passage, client_id)
                self.passages.append(known[key])
                self.document_ids.add(passage.document_id)
            numbered.append(known[key])
        return numbered


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillContext:
    """On whose behalf skills are called, and within which run."""

    actor: Actor
    token: SecretStr  # the asker's own: core-api authenticates it again
    workshop: Workshop
    run_id: UUID
    carried: Carried
    conversation_id: UUID | None = None
    message_id: UUID | None = None
    client_id: UUID | None = None
    """Whom the conversation is about. Nothing about anybody else is read then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillResult:
    """What a call came to. `data` is for programs, `told` for the model: marked as data."""

    ok: bool
    data: Any = None
    told: str = ""
    passages: tuple[Numbered, ...] = ()
    proposal: ProposalRead | None = None


A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill(Generic[A]):
    """A tool. `run` raises Declined where it does not do it; `service.call` catches that."""

    name: str
    label: str  # to a person, while it runs
    description: str  # to the model
    arguments: type[A]
    permissions: frozenset[Permission]
    run: Callable[[SkillContext, A], Awaitable[SkillResult]]
    proposes: bool = False
