"""The names programs call our models by."""

from dataclasses import dataclass
from typing import ClassVar, Final

from ai_svc.modules.agents.events import AgentName
from chassis.web.errors import NotFound

ASSISTANT: Final = "cogep-assistant"
"""Whoever of the agents the question is for, with citations."""
PLAIN: Final = "cogep-model"
"""The organization's model without our agents: the caller brings instructions and tools."""
EMBEDDING: Final = "cogep-embedding"
AGENTS: Final = {f"cogep-{agent}": agent for agent in AgentName}


class ModelNotFound(NotFound):
    """No model of that name."""

    code: ClassVar[str] = "MODEL_NOT_FOUND"
    message = "O modelo {model} não existe. Consulte GET /api/v1/ai/v1/models."


@dataclass(frozen=True, slots=True)
class ModelNames:
    """`embedder` is the true name of the one in use, which `EMBEDDING` stands for."""

    embedder: str

    def all(self) -> list[str]:
        """As `GET /models` lists them."""
        return [ASSISTANT, *AGENTS, PLAIN, EMBEDDING, self.embedder]

    def agent_of(self, model: str) -> AgentName | None:
        """The agent a chat model's name asks for; None: none in particular, or no agent at all."""
        if model not in (ASSISTANT, PLAIN) and model not in AGENTS:
            raise ModelNotFound(model=model)
        return AGENTS.get(model)

    def check_embedding(self, model: str) -> None:
        """ModelNotFound when it is not the embedder."""
        if model not in (EMBEDDING, self.embedder):
            raise ModelNotFound(model=model)
