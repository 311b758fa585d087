"""What somebody asks the assistant for, and the run that is begun for it."""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from ai_svc.modules.agents.events import AgentName
from ai_svc.modules.prompts.service import Alias


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for. `regenerates`: another answer to what that one answered."""

    conversation_id: UUID
    content: str = ""
    regenerates: UUID | None = None
    client_id: UUID | None = None
    ticket_id: UUID | None = None
    agent: AgentName | None = None
    prompt_alias: Alias = Alias.PRODUCTION
    key: str | None = None

    @property
    def fingerprint(self) -> str:
        """The same for the same request."""
        said = (self.conversation_id, self.content, self.regenerates, self.client_id)
        tried = () if self.prompt_alias is Alias.PRODUCTION else (self.prompt_alias,)
        text = "\n".join(map(str, (*said, self.ticket_id, self.agent, *tried)))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A run that may start: both rows are there. `is_replay`: it was begun by an earlier request
    with the same key."""

    conversation_id: UUID
    question_id: UUID
    message_id: UUID
    run_id: UUID
    content: str
    position: int = 0
    """Of the answer, within the conversation."""
    client_id: UUID | None = None
    client_ids: frozenset[UUID] = frozenset()
    """Whose data the conversation has held so far."""
    ticket_id: UUID | None = None
    agent: AgentName | None = None
    prompt_alias: Alias = Alias.PRODUCTION
    is_replay: bool = False
