"""Recalling and remembering, as conversations and agents ask for it."""

from collections.abc import Collection, Sequence
from uuid import UUID

from ai_svc.desk import Desk
from ai_svc.modules.memory.models import FactSource
from ai_svc.modules.memory.recalled import KnownFact, Preview, Recalled
from ai_svc.turns import Turn
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId

__all__ = ["FactSource", "KnownFact", "Preview", "Recalled", "forget_conversation", "recall"]
__all__ += ["remember_fact", "remember_turn"]


async def recall(
    desk: Desk,
    *,
    actor: Actor,
    conversation_id: UUID | None,
    client_id: UUID | None,
    question: str,
    before: UUID | None = None,
) -> Recalled:
    """What is remembered for the question: nothing of a client whose data may not be used now.

    `before`: the id of the message that is being answered; it is not its own history.
    """
    return Recalled()


async def remember_turn(
    desk: Desk, *, actor: Actor, conversation_id: UUID, message_id: UUID, turn: Turn
) -> Sequence[UUID]:
    """A message that is committed: kept at hand, and what its author asks to be remembered becomes
    a fact. Returns those facts' ids. Raises nothing for a memory that is down."""
    return ()


async def remember_fact(
    desk: Desk,
    *,
    actor: Actor,
    text: str,
    source: FactSource,
    confidence: float = 1.0,
    client_ids: Collection[UUID] = (),
    conversation_id: UUID | None = None,
    message_id: UUID | None = None,
) -> UUID | None:
    """Keeps it for who told it; None where the data of one of the clients may not be used now."""
    return None


async def forget_conversation(
    desk: Desk, organization_id: OrganizationId, conversation_id: UUID
) -> None:
    """Lets go of what is at hand of a conversation that was deleted or changed."""
