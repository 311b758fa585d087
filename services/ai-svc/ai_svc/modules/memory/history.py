"""What was said in conversations, as far as its author may be reminded of it now.

The tables are chat's, which remembers through this context: they are read by their names, and never
written. PostgreSQL decides what is recalled; what is at hand in Redis only spares reading it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.memory import history_statements as statements
from ai_svc.modules.memory.history_statements import CLIENTS, MESSAGES, PREVIEW, WINDOW
from ai_svc.modules.memory.recalled import Preview
from chassis.data.compiled import rows
from shared_schemas.actor import Actor

__all__ = ["PREVIEW", "WINDOW", "Message", "Preview"]
__all__ += ["clients_around", "contents", "earlier", "messages"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message without its words, but for the beginning."""

    id: UUID
    role: Any  # "user" or "assistant": a CHECK says so
    preview: str
    client_ids: tuple[UUID, ...]
    document_ids: tuple[UUID, ...]
    at: datetime


async def messages(
    session: AsyncSession, actor: Actor, conversation_id: UUID, before: UUID | None
) -> list[Message]:
    """The latest of the actor's own conversation, newest first: the window, and what is older."""
    asked = _whose(actor, conversation_id) | {"before": before}
    return [
        Message(
            row.id,
            row.role,
            row.preview,
            tuple(row.client_ids),
            tuple(row.document_ids),
            row.created_at,
        )
        for row in await rows(session, statements.latest(is_before=before is not None), asked)
    ]


async def contents(
    session: AsyncSession, actor: Actor, conversation_id: UUID, message_ids: Collection[UUID]
) -> dict[UUID, str]:
    """The words of those that may be recalled now."""
    asked = _whose(actor, conversation_id) | {"message_ids": list(message_ids)}
    return {row.id: row.content for row in await rows(session, statements.contents(), asked)}


async def clients_around(session: AsyncSession, actor: Actor, message_id: UUID) -> set[UUID]:
    """Whose data a question holds, or answering it came to: it may be about them by name."""
    said = MESSAGES.c
    found = await session.scalars(
        sa.select(CLIENTS.client_id)
        .where(
            CLIENTS.organization_id == actor.organization_id,
            said.organization_id == CLIENTS.organization_id,
            said.id == CLIENTS.message_id,
            sa.or_(said.id == message_id, said.in_reply_to == message_id),
        )
        .distinct()
    )
    return set(found)


async def earlier(
    session: AsyncSession,
    actor: Actor,
    conversation_id: UUID | None,
    client_ids: Collection[UUID],
) -> Sequence[Preview]:
    """What the actor asked in other conversations, newest first: about these clients or nobody."""
    asked = _whose(actor, conversation_id) | {"client_ids": list(client_ids)}
    return [
        Preview(row.conversation_id, row.preview, row.created_at, tuple(row.client_ids))
        for row in await rows(session, statements.elsewhere(), asked)
    ]


def _whose(actor: Actor, conversation_id: UUID | None) -> dict[str, Any]:
    return {
        "organization_id": actor.organization_id,
        "user_id": actor.user_id,
        "conversation_id": conversation_id,
    }
