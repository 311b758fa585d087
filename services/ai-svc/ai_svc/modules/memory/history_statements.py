"""The statements of `history`, compiled once: every question asks them, and building them took
longer than answering them."""

from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.data.compiled import CompiledStatement
from knowledge.access import purposes_in_force
from knowledge.models import SCHEMA

WINDOW: Final = 50
"""Messages that are recalled word by word."""
PREVIEW: Final = 100
"""Characters of an older one."""
_OLDER: Final = 200
_EARLIER_CONVERSATIONS: Final = 20
_EARLIER_QUESTIONS: Final = 100

TENANT: Final = sa.bindparam("organization_id", type_=sa.Uuid())
_USER: Final = sa.bindparam("user_id", type_=sa.Uuid())
_CONVERSATION: Final = sa.bindparam("conversation_id", type_=sa.Uuid())


def _table(name: str, **columns: Any) -> sa.TableClause:
    ids = sa.column("organization_id", sa.Uuid())
    return sa.table(name, ids, *(sa.column(*each) for each in columns.items()), schema=SCHEMA)


_conversations: Final = _table(
    "conversations", id=sa.Uuid(), owner_id=sa.Uuid(), active_at=sa.DateTime(timezone=True)
).c
MESSAGES: Final = _table(
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
CLIENTS: Final = _table("message_clients", message_id=sa.Uuid(), client_id=sa.Uuid()).c
_documents: Final = _table("message_documents", message_id=sa.Uuid(), document_id=sa.Uuid()).c


@cache
def latest(*, is_before: bool) -> CompiledStatement:
    """The messages of a conversation, newest first; with `is_before` those before that one."""
    said = MESSAGES.c
    statement = (
        sa.select(
            said.id,
            said.role,
            sa.func.left(said.content, PREVIEW).label("preview"),
            said.created_at,
            _held(CLIENTS.client_id, CLIENTS).label("client_ids"),
            _held(_documents.document_id, _documents).label("document_ids"),
        )
        .where(*_recallable())
        .order_by(said.position.desc())
        .limit(WINDOW + _OLDER)
    )
    if is_before:
        answered = MESSAGES.alias("answered").c
        here = sa.select(answered.position).where(
            answered.organization_id == TENANT,
            answered.id == sa.bindparam("before", type_=sa.Uuid()),
        )
        statement = statement.where(said.position < here.scalar_subquery())
    return CompiledStatement(statement)


@cache
def contents() -> CompiledStatement:
    """The words of some messages."""
    said = MESSAGES.c
    wanted = sa.any_(_ids("message_ids"))
    return CompiledStatement(
        sa.select(said.id, said.content).where(*_recallable(), said.id == wanted)
    )


@cache
def elsewhere() -> CompiledStatement:
    """What was asked in other conversations about some clients, or nobody."""
    said = MESSAGES.c
    mine = (
        sa.select(_conversations.id)
        .where(
            _conversations.organization_id == TENANT,
            _conversations.owner_id == _USER,
            _conversations.id.is_distinct_from(_CONVERSATION),
        )
        .order_by(_conversations.active_at.desc(), _conversations.id.desc())
        .limit(_EARLIER_CONVERSATIONS)
    )
    of_others = sa.exists().where(
        CLIENTS.organization_id == said.organization_id,
        CLIENTS.message_id == said.id,
        CLIENTS.client_id != sa.all_(_ids("client_ids")),
    )
    return CompiledStatement(
        sa.select(
            said.conversation_id,
            sa.func.left(said.content, PREVIEW).label("preview"),
            said.created_at,
            _held(CLIENTS.client_id, CLIENTS).label("client_ids"),
        )
        .where(
            said.organization_id == TENANT,
            said.conversation_id.in_(mine),
            said.role == "user",
            said.content.is_not(None),
            sa.not_(of_others),
        )
        .order_by(said.id.desc())
        .limit(_EARLIER_QUESTIONS)
    )


def _recallable() -> tuple[sa.ColumnElement[bool], ...]:
    """Said, not answered once more since, and about nobody whose data may not be used now."""
    said, later = MESSAGES.c, MESSAGES.alias("later").c
    owned = sa.exists().where(
        _conversations.organization_id == TENANT,
        _conversations.id == _CONVERSATION,
        _conversations.owner_id == _USER,
    )
    replaced = sa.exists().where(
        later.organization_id == said.organization_id,
        later.in_reply_to == said.in_reply_to,
        later.position > said.position,
        _was_said(later),
        later.content.is_not(None),
    )
    carries = sa.exists().where(
        CLIENTS.organization_id == said.organization_id,
        CLIENTS.message_id == said.id,
        CLIENTS.client_id.in_(_unusable()),
    )
    return (
        said.organization_id == TENANT,
        said.conversation_id == _CONVERSATION,
        _was_said(said),
        said.content.is_not(None),
        owned,
        sa.not_(replaced),
        sa.not_(carries),
    )


def _unusable() -> sa.Select[Any]:
    """Clients of the conversation without any purpose in force; each is looked at once."""
    inside = MESSAGES.alias("inside").c
    everybody = (
        sa.select(CLIENTS.client_id)
        .where(
            CLIENTS.organization_id == TENANT,
            inside.organization_id == CLIENTS.organization_id,
            inside.id == CLIENTS.message_id,
            inside.conversation_id == _CONVERSATION,
        )
        .distinct()
        .cte("everybody")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    in_force = sa.func.cardinality(purposes_in_force(TENANT, everybody.c.client_id))
    return sa.select(everybody.c.client_id).where(in_force == 0)


def _was_said(message: Any) -> sa.ColumnElement[bool]:
    return sa.or_(message.status == "done", message.status == "stopped")


def _ids(name: str) -> sa.ColumnElement[Any]:
    return sa.cast(sa.bindparam(name, type_=ARRAY(sa.Uuid())), ARRAY(sa.Uuid()))


def _held(ids: Any, links: Any) -> sa.ColumnElement[Any]:
    """Whose data, or which documents, a message holds."""
    found = sa.select(sa.func.array_agg(ids)).where(
        links.organization_id == MESSAGES.c.organization_id,
        links.message_id == MESSAGES.c.id,
    )
    return sa.func.coalesce(
        found.correlate(MESSAGES).scalar_subquery(), sa.cast([], ARRAY(sa.Uuid()))
    )
