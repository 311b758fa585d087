"""Conversations over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response, status

from ai_svc.desk import CurrentDesk
from ai_svc.modules.chat import service
from ai_svc.modules.chat.exceptions import ConversationNotFound, ConversationReadOnly
from ai_svc.modules.chat.exporting import markdown
from ai_svc.modules.chat.models import Conversation
from ai_svc.modules.chat.opening import CurrentRuns
from ai_svc.modules.chat.repository import Conversations, Messages
from ai_svc.modules.chat.schemas import (
    ConversationChange,
    ConversationCreate,
    ConversationExport,
    ConversationRead,
    FoundConversation,
    MessageRead,
)
from ai_svc.modules.chat.searching import found_in
from ai_svc.modules.chat.sending import MOST_MESSAGES
from ai_svc.modules.chat.writing import GONE
from ai_svc.modules.memory import service as memory
from ai_svc.modules.privacy.exceptions import ClientErased
from chassis.data.columns import utc_now
from chassis.security.authentication import require
from chassis.web.dependencies import CurrentResources, IfMatch, ReadTx, Tx
from chassis.web.documentation import raises
from chassis.web.errors import PreconditionFailed
from chassis.web.etag import versioned
from chassis.web.idempotency import IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from knowledge.access import reader_of
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(
    prefix="/chat/conversations", tags=["conversations"], route_class=IdempotentRoute
)

Chatter = Annotated[Actor, Depends(require(Permission.CHAT_USE))]
_MARKDOWN: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "All that the caller may read of it",
        "content": {"text/markdown": {"schema": {"type": "string"}, "example": "# Prazos\n"}},
    }
}


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Begin a conversation",
    responses=raises(ClientErased),
)
async def create_conversation(
    body: ConversationCreate, actor: Chatter, tx: Tx, response: Response
) -> Success[ConversationRead]:
    """The caller's own. Without a title it gets one from its first message."""
    conversation = await service.create(tx, actor, body)
    response.headers["location"] = f"/api/v1/chat/conversations/{conversation.id}"
    return versioned(actor, response, ConversationRead.of(conversation, actor.user_id))


@router.get("", summary="List conversations")
async def list_conversations(
    actor: Chatter,
    tx: ReadTx,
    page: ByCursor,
    scope: Annotated[
        Literal["own", "shared"],
        Query(description="`shared`: what others share with the organization"),
    ] = "own",
) -> Success[list[ConversationRead]]:
    """Those in which something was said last come first."""
    after = page.position(datetime.fromisoformat, UUID)
    rows = await Conversations(tx, actor).list(
        shared=scope == "shared", limit=page.limit, after=(after[0], after[1]) if after else None
    )

    def read(row: Conversation) -> ConversationRead:
        return ConversationRead.of(row, actor.user_id)

    return page.answer(actor, rows, read, lambda row: (row.active_at, row.id))


@router.get("/search", summary="Find conversations by what was said")
async def search_conversations(
    actor: Chatter,
    tx: ReadTx,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=200,
            description="Words, in any order, form and spelling of"
            " accents; all of them have to be in one message",
        ),
    ],
    limit: Annotated[int, Query(ge=1, le=100, description="Most conversations")] = 20,
) -> Success[list[FoundConversation]]:
    """One's own and shared ones, the newest message with the words first."""
    rows = await Conversations(tx, actor).search(await reader_of(tx, actor), q, limit)
    return success(actor, [found_in(row, q, actor.user_id) for row in rows])


@router.get(
    "/{conversation_id}", summary="Read a conversation", responses=raises(ConversationNotFound)
)
async def read_conversation(
    conversation_id: UUID, actor: Chatter, tx: ReadTx, response: Response
) -> Success[ConversationRead]:
    """What was said in it is under `/messages`."""
    conversation = await Conversations(tx, actor).get(conversation_id)
    return versioned(actor, response, ConversationRead.of(conversation, actor.user_id))


@router.patch(
    "/{conversation_id}",
    summary="Rename or share a conversation",
    responses=raises(ConversationNotFound, ConversationReadOnly, PreconditionFailed),
)
async def change_conversation(
    conversation_id: UUID,
    body: ConversationChange,
    actor: Chatter,
    tx: Tx,
    expected: IfMatch,
    response: Response,
) -> Success[ConversationRead]:
    """Shared with the organization, others read it as far as they may read what it stands on."""
    conversation = await service.change(tx, actor, conversation_id, body, expected)
    return versioned(actor, response, ConversationRead.of(conversation, actor.user_id))


@router.delete(
    "/{conversation_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a conversation",
    responses=raises(ConversationNotFound, ConversationReadOnly),
)
async def delete_conversation(
    conversation_id: UUID,
    actor: Chatter,
    resources: CurrentResources,
    runs: CurrentRuns,
    desk: CurrentDesk,
) -> None:
    """With all that was said, judged and proposed in it. An answer being written is stopped."""
    async with resources.database.transaction(actor.organization_id) as session:
        run_ids = await service.delete(session, actor, conversation_id)
    await runs.forget(actor.organization_id, run_ids, GONE)
    await memory.forget_conversations(desk, actor.organization_id, [conversation_id])


@router.get(
    "/{conversation_id}/export",
    summary="Export a conversation",
    response_model=Success[ConversationExport],
    responses={**_MARKDOWN, **raises(ConversationNotFound)},
)
async def export_conversation(
    conversation_id: UUID,
    actor: Chatter,
    tx: ReadTx,
    format: Annotated[  # noqa: A002 - what it is called on the wire
        Literal["json", "markdown"], Query(description="`markdown`: to be read by people")
    ] = "json",
) -> Success[ConversationExport] | Response:
    """All of it that the caller may read, with the sources of each answer."""
    conversation = await Conversations(tx, actor).get(conversation_id)
    messages = Messages(tx, await reader_of(tx, actor), conversation.id)
    rows = await messages.list(limit=MOST_MESSAGES, after=None)
    export = ConversationExport(
        exported_at=utc_now(),
        conversation=ConversationRead.of(conversation, actor.user_id),
        messages=[MessageRead.of(row, actor.user_id) for row in rows],
    )
    if format == "json":
        return success(actor, export)
    headers = {"content-disposition": f'attachment; filename="conversa-{conversation.id}.md"'}
    return Response(markdown(export), media_type="text/markdown; charset=utf-8", headers=headers)
