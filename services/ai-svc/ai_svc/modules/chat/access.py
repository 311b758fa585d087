"""Who may read which conversation, and what of it is withheld from whom.

    private       its owner
    organization  everybody with chat:use; only the owner writes

A shared message says no more than its sources would: it is withheld from who may not read a
document it stands on, not see clients or what tickets say, and, where it holds a client's data,
once that may no longer be used.
"""

from typing import Final

import sqlalchemy as sa

from ai_svc.modules.chat.models import (
    Conversation,
    ConversationMessage,
    MessageClient,
    MessageDocument,
    Sharing,
)
from knowledge.access import Reader, purposes_in_force, readable
from knowledge.models import Document
from shared_schemas.actor import Actor
from shared_schemas.permissions import Permission

_SUPPORT: Final = "support"
"""The agent whose answers say what tickets say."""


def visible(actor: Actor | Reader) -> sa.ColumnElement[bool]:
    """Which rows of `conversations` the actor may read."""
    return sa.and_(
        Conversation.organization_id == actor.organization_id,
        sa.or_(
            Conversation.owner_id == actor.user_id,
            Conversation.visibility == Sharing.ORGANIZATION,
        ),
    )


def withheld(reader: Reader) -> sa.ColumnElement[bool]:
    """Of which messages of visible conversations the reader may not see the words. Needs both
    tables in the statement."""
    message = ConversationMessage
    hidden: list[sa.ColumnElement[bool]] = [_unreadable(reader), _about_clients(reader)]
    if Permission.TICKETS_CONTENT not in reader.permissions:
        hidden += [
            message.ticket_id.is_not(None),
            Conversation.ticket_id.is_not(None),
            sa.func.coalesce(message.agent == _SUPPORT, sa.false()),
        ]
    return sa.and_(Conversation.owner_id != reader.user_id, sa.or_(*hidden))


def _unreadable(reader: Reader) -> sa.ColumnElement[bool]:
    may_read = sa.select(Document.id).where(readable(reader, None))
    return _exists(MessageDocument, MessageDocument.document_id.not_in(may_read))


def _about_clients(reader: Reader) -> sa.ColumnElement[bool]:
    if Permission.CLIENTS_READ not in reader.permissions:
        return _exists(MessageClient, sa.true())
    in_force = purposes_in_force(MessageClient.organization_id, MessageClient.client_id)
    return _exists(MessageClient, sa.func.cardinality(in_force) == 0)


def _exists(
    link: type[MessageClient] | type[MessageDocument], which: sa.ColumnElement[bool]
) -> sa.ColumnElement[bool]:
    return sa.exists(
        sa.select(link.message_id)
        .where(
            link.organization_id == ConversationMessage.organization_id,
            link.message_id == ConversationMessage.id,
            which,
        )
        .correlate(ConversationMessage)
    )
