"""Whose ticket it is: the rules of assignment, without input or output."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from core_api.modules.teams.models import AssignmentMode
from shared_schemas.ids import UserId

WHY: Final = MappingProxyType(
    {
        AssignmentMode.ROUND_ROBIN: "auto: round robin",
        AssignmentMode.LEAST_LOADED: "auto: least loaded",
    }
)
"""What the audit log gives as the reason."""


@dataclass(slots=True, kw_only=True)
class Candidate:
    """A member of a team who is available now. `load` and `last_turn` go up as tickets come."""

    member_id: UserId
    capacity: int
    joined_at: datetime
    skills: frozenset[str]
    load: int = 0
    last_turn: int = 0  # who never had one is next

    @property
    def is_free(self) -> bool:
        """Whether one more ticket fits."""
        return self.load < self.capacity

    def take(self, turn: int) -> None:
        """One more ticket, at the team's turn number `turn`."""
        self.load += 1
        self.last_turn = turn


def next_of(
    mode: AssignmentMode, candidates: Iterable[Candidate], needed: frozenset[str]
) -> Candidate | None:
    """Who gets a ticket that needs these skills; None when it has to wait.

    In turn: who has waited longest since their last one, so that who comes back from an absence
    gets one ticket and no more than that ahead of the others. By load: the fewest, then in turn.
    """
    able = [one for one in candidates if one.is_free and needed <= one.skills]
    by_load = mode is AssignmentMode.LEAST_LOADED
    return min(
        able,
        key=lambda one: (
            one.load if by_load else 0,
            one.last_turn,
            one.joined_at,
            one.member_id,
        ),
        default=None,
    )
