"""The four agents: what each may use, and how far it may go."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ai_svc.modules.agents.events import AgentName

RUN_SECONDS: Final = 60.0
"""Of a whole run, whatever it takes."""
_COMMON: Final = ("search_knowledge", "calculate", "current_date")


@dataclass(frozen=True, slots=True)
class Spec:
    """One agent. `tokens` are of all its requests together, in and out."""

    name: AgentName
    skills: tuple[str, ...]
    seconds: float
    steps: int = 8
    calls: int = 12
    tokens: int = 60_000

    @property
    def prompt_id(self) -> str:
        """Its file in `ai_svc.prompts`."""
        return f"agent_{self.name.value}"


ROSTER: Final[Mapping[AgentName, Spec]] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            Spec(AgentName.KNOWLEDGE, _COMMON, seconds=40.0),
            Spec(
                AgentName.SUPPORT,
                (
                    "get_ticket",
                    "list_tickets",
                    "find_clients",
                    "draft_reply",
                    "propose_triage",
                    "create_ticket",
                    *_COMMON,
                ),
                seconds=50.0,
            ),
            Spec(
                AgentName.CRM,
                ("find_clients", "get_client", "list_tickets", "current_date"),
                seconds=30.0,
            ),
            Spec(
                AgentName.PRIVACY,
                (
                    "find_clients",
                    "get_client",
                    "check_consent",
                    "open_privacy_request",
                    "search_knowledge",
                    "current_date",
                ),
                seconds=40.0,
            ),
        )
    }
)
