"""The tools of a run as they are used: told about, remembered, and never twice the same."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ai_svc.modules.agents.builtin.task import Seen
from ai_svc.modules.agents.composing import Composed
from ai_svc.modules.agents.events import (
    CarriedEvent,
    ProposalEvent,
    Proposed,
    RunEvent,
    ToolCallEvent,
    ToolResultEvent,
)
from ai_svc.modules.agents.guard import Guard
from ai_svc.modules.proposals.schemas import ProposalRead
from ai_svc.modules.skills.service import SKILLS
from ai_svc.modules.skills.skill import Carried, SkillResult

_NAME = 100


class Looped(Exception):
    """The model asks for what it was given already."""


@dataclass(slots=True)
class Ledger:
    """Every call of one agent, and what the run holds by them."""

    guard: Guard
    composed: Composed
    carried: Carried
    told: tuple[int, int] = (0, 0)
    _calls: dict[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    _keys: set[tuple[str, str]] = field(default_factory=set)
    seen: list[Seen] = field(default_factory=list)

    def called(self, call_id: str, skill: str, arguments: Mapping[str, Any]) -> ToolCallEvent:
        """A tool is about to be used. Raises Looped for the same once more."""
        key = skill, json.dumps(arguments, sort_keys=True, default=str)
        if key in self._keys:
            raise Looped
        self._keys.add(key)
        self._calls[call_id] = skill, arguments
        return ToolCallEvent(
            call_id=call_id, skill=skill[:_NAME], label=_label(skill), arguments=dict(arguments)
        )

    def answered(self, call_id: str, skill: str, result: SkillResult) -> list[RunEvent]:
        """What came of it; whose data it is goes first."""
        _, arguments = self._calls.get(call_id, (skill, {}))
        self.seen.append(Seen(skill, arguments, result))
        self.guard.learn(result)
        events = self.growth()
        events.append(
            ToolResultEvent(call_id=call_id, skill=skill[:_NAME], ok=result.ok, label=_label(skill))
        )
        if result.proposal is not None:
            events += self._proposed(result.proposal)
        return events

    def growth(self) -> list[RunEvent]:
        """Tells of it when the run holds more than it has told."""
        size = len(self.carried.client_ids), len(self.carried.document_ids)
        if size == self.told:
            return []
        self.told = size
        return [
            CarriedEvent(
                client_ids=sorted(self.carried.client_ids),
                document_ids=sorted(self.carried.document_ids),
            )
        ]

    def _proposed(self, proposal: ProposalRead) -> list[RunEvent]:
        if proposal.id in {each.proposal_id for each in self.composed.proposals}:
            return []
        proposed = Proposed(
            proposal_id=proposal.id,
            skill=proposal.skill,
            summary=proposal.summary or "",
            arguments=proposal.arguments or {},
            expires_at=proposal.expires_at,
        )
        self.composed.proposals.append(proposed)
        return [ProposalEvent(**proposed.model_dump())]


def _label(skill: str) -> str:
    known = SKILLS.get(skill)
    return known.label if known is not None else "Ferramenta desconhecida"
