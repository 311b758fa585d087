"""What was said in conversations, as far as its author may be reminded of it now.

The tables are chat's, which remembers through this context: they are read by their names, and never
written. PostgreSQL decides what is recalled; what is at hand in Redis only spares reading it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.memory.recalled import Preview
from knowledge.access import purposes_in_force
from knowledge.models import SCHEMA
from shared_schemas.actor import Actor

WINDOW: Final = 50
"""Messages that are recalled word by word."""
PREVIEW: Final = 100
"""Characters of an older one."""
_OLDER: Final = 200
_EARLIER_CONVERSATIONS: Final = 20
_EARLIER_QUESTIONS: Final = 100


def _table(name: str, **columns: Any) -> sa.TableClause:
    ids = sa.column("organization_id", sa.Uuid())
    return sa.table(name, ids, *(sa.column(*each) for each in columns.items()), schema=SCHEMA)


_conversations: Final = _table(
    "conversations", id=sa.Uuid(), owner_id=sa.Uuid(), active_at=sa.DateTime(timezone=True)
).c
_messages: Final = _table(
    "conversation_messages",
    id=sa.Uuid(),
    conversation_id=sa.Uuid(),
    position=sa.Integer(),
    role=sa.Text(),
    status=sa.Text(),
    content=sa.Text(),
    in_reply_to=sa.Uuid(),
    created_at=sa.DateTime(timezone=True),
)
_clients: Final = _table("message_clients", message_id=sa.Uuid(), client_id=sa.Uuid()).c
_documents: Final = _table("message_documents", message_id=sa.Uuid(), document_id=sa.Uuid()).c
_SAID: Final = ("done", "stopped")


@dataclass(frozen=True, slots=True)
class Message:
    """One message without its words, but for the beginning."""

    id: UUID
    role: Any  # "user" or "assistant": a CHECK says so
    preview: str
    client_ids: tuple[UUID, ...]
    document_ids: tuple[UUID, ...]


async def messages(
    session: AsyncSession, actor: Actor, conversation_id: UUID, before: UUID | None
) -> list[Message]:
    """The latest of the actor's own conversation, newest first: the window, and what is older."""
    said = _messages.c
    statement = (
        sa.select(
            said.id,
            said.role,
            sa.func.left(said.content, PREVIEW).label("preview"),
            _held(_clients.client_id, _clients).label("client_ids"),
            _held(_documents.document_id, _documents).label("document_ids"),
        )
        .where(*_recallable(actor, conversation_id))
        .order_by(said.position.desc())
        .limit(WINDOW + _OLDER)
    )
    if before is not None:
        answered = _messages.alias("answered").c
        here = sa.select(answered.position).where(
            answered.organization_id == actor.organization_id, answered.id == before
        )
        statement = statement.where(said.position < here.scalar_subquery())
    return [
        Message(row.id, row.role, row.preview, tuple(row.client_ids), tuple(row.document_ids))
        for row in await session.execute(statement)
    ]


async def contents(
    session: AsyncSession, actor: Actor, conversation_id: UUID, message_ids: Collection[UUID]
) -> dict[UUID, str]:
    """The words of those that may be recalled now."""
    said = _messages.c
    wanted = sa.any_(sa.cast(list(message_ids), ARRAY(sa.Uuid())))
    rows = await session.execute(
        sa.select(said.id, said.content).where(
            *_recallable(actor, conversation_id), said.id == wanted
        )
    )
    return {row.id: row.content for row in rows}


async def clients_around(session: AsyncSession, actor: Actor, message_id: UUID) -> set[UUID]:
    """Whose data a question holds, or answering it came to: it may be about them by name."""
    said = _messages.c
    found = await session.scalars(
        sa.select(_clients.client_id)
        .where(
            _clients.organization_id == actor.organization_id,
            said.organization_id == _clients.organization_id,
            said.id == _clients.message_id,
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
    said = _messages.c
    mine = (
        sa.select(_conversations.id)
        .where(
            _conversations.organization_id == actor.organization_id,
            _conversations.owner_id == actor.user_id,
            _conversations.id.is_distinct_from(conversation_id),
        )
        .order_by(_conversations.active_at.desc(), _conversations.id.desc())
        .limit(_EARLIER_CONVERSATIONS)
    )
    of_others = sa.exists().where(
        _clients.organization_id == said.organization_id,
        _clients.message_id == said.id,
        _clients.client_id != sa.all_(sa.cast(list(client_ids), ARRAY(sa.Uuid()))),
    )
    rows = await session.execute(
        sa.select(
            said.conversation_id,
            sa.func.left(said.content, PREVIEW).label("preview"),
            said.created_at,
            _held(_clients.client_id, _clients).label("client_ids"),
        )
        .where(
            said.organization_id == actor.organization_id,
            said.conversation_id.in_(mine),
            said.role == "user",
            said.content.is_not(None),
            sa.not_(of_others),
        )
        .order_by(said.id.desc())
        .limit(_EARLIER_QUESTIONS)
    )
    return [
        Preview(row.conversation_id, row.preview, row.created_at, tuple(row.client_ids))
        for row in rows
    ]


def _recallable(actor: Actor, conversation_id: UUID) -> tuple[sa.ColumnElement[bool], ...]:
    """Said, not answered once more since, and about nobody whose data may not be used now."""
    said, later = _messages.c, _messages.alias("later").c
    owned = sa.exists().where(
        _conversations.organization_id == actor.organization_id,
        _conversations.id == conversation_id,
        _conversations.owner_id == actor.user_id,
    )
    replaced = sa.exists().where(
        later.organization_id == said.organization_id,
        later.in_reply_to == said.in_reply_to,
        later.position > said.position,
        later.status.in_(_SAID),
        later.content.is_not(None),
    )
    carries = sa.exists().where(
        _clients.organization_id == said.organization_id,
        _clients.message_id == said.id,
        _clients.client_id.in_(_unusable(actor, conversation_id)),
    )
    return (
        said.organization_id == actor.organization_id,
        said.conversation_id == conversation_id,
        said.status.in_(_SAID),
        said.content.is_not(None),
        owned,
        sa.not_(replaced),
        sa.not_(carries),
    )


def _unusable(actor: Actor, conversation_id: UUID) -> sa.Select[Any]:
    """Clients of the conversation without any purpose in force; each is looked at once."""
    inside = _messages.alias("inside").c
    everybody = (
        sa.select(_clients.client_id)
        .where(
            _clients.organization_id == actor.organization_id,
            inside.organization_id == _clients.organization_id,
            inside.id == _clients.message_id,
            inside.conversation_id == conversation_id,
        )
        .distinct()
        .cte("everybody")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    tenant = sa.literal(actor.organization_id, sa.Uuid())
    in_force = sa.func.cardinality(purposes_in_force(tenant, everybody.c.client_id))
    return sa.select(everybody.c.client_id).where(in_force == 0)


def _held(ids: Any, links: Any) -> sa.ColumnElement[Any]:
    """Whose data, or which documents, a message holds."""
    found = sa.select(sa.func.array_agg(ids)).where(
        links.organization_id == _messages.c.organization_id,
        links.message_id == _messages.c.id,
    )
    return sa.func.coalesce(
        found.correlate(_messages).scalar_subquery(), sa.cast([], ARRAY(sa.Uuid()))
    )
