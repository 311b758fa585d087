"""What the built-in model is asked, what it has seen, and what it does next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from ai_svc.modules.agents.events import AgentName
from ai_svc.modules.agents.weighing import Weighed
from ai_svc.modules.skills.skill import SkillResult


class Seen(NamedTuple):
    """A call of a tool, and what came of it."""

    skill: str
    arguments: Mapping[str, Any]
    result: SkillResult


class Use(NamedTuple):
    """A tool to be used next."""

    skill: str
    arguments: dict[str, Any]


Step = Use | str
"""A tool, or the answer with its marks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One question for one agent. `before` is what the person wrote last, for "e o dela?"."""

    agent: AgentName
    question: str
    before: str = ""
    client_id: UUID | None = None
    ticket_id: UUID | None = None
    is_remembered: bool = False
    """It was said in a conversation, to which the memory listens."""
    seen: Sequence[Seen] = ()
    """What was looked up before the model was asked."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What is known by now. `weighed` is of the last search in the documents."""

    task: Task
    seen: Sequence[Seen]
    weighed: Weighed | None
    tools: frozenset[str]

    def result(self, skill: str) -> SkillResult | None:
        """What the last call of the skill gave."""
        return next((each.result for each in reversed(self.seen) if each.skill == skill), None)
