"""Messages over HTTP: sent, streamed, resumed, stopped, made anew, judged."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Response, status
from starlette.requests import Request
from starlette.responses import StreamingResponse

from ai_svc.modules.chat import service
from ai_svc.modules.chat.asked import Asked, Begun
from ai_svc.modules.chat.exceptions import (
    ConversationBusy,
    ConversationFull,
    ConversationNotFound,
    ConversationReadOnly,
    MessageNotFound,
    NotAnAnswer,
    TooManyRuns,
)
from ai_svc.modules.chat.following import follow
from ai_svc.modules.chat.models import ConversationMessage, MessageStatus, Speaker
from ai_svc.modules.chat.opening import CurrentRuns
from ai_svc.modules.chat.repository import Conversations, Messages
from ai_svc.modules.chat.schemas import (
    MessageFeedbackInput,
    MessageFeedbackRead,
    MessageRead,
    MessageRegenerate,
    MessageSend,
)
from ai_svc.modules.chat.sending import MOST_MESSAGES, begin
from ai_svc.modules.chat.streaming import RunStream, heard_out
from ai_svc.modules.privacy.exceptions import ClientErased
from ai_svc.streams import wants_stream
from chassis.security.authentication import AccessToken, require
from chassis.web.dependencies import CurrentResources, ReadTx, Tx
from chassis.web.documentation import raises
from chassis.web.idempotency import REPLAYED_HEADER, IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.rate_limit import limited
from chassis.web.responses import success
from knowledge.access import reader_of
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

_PREFIX: Final = "/chat/conversations/{conversation_id}/messages"
router = APIRouter(prefix=_PREFIX, tags=["conversations"])
judging = APIRouter(prefix=_PREFIX, tags=["conversations"], route_class=IdempotentRoute)

Chatter = Annotated[Actor, Depends(require(Permission.CHAT_USE))]
Key = Annotated[
    str | None,
    Header(
        alias="idempotency-key",
        pattern=r"^[!-~]{1,255}$",
        description="Repeated with the same key and body, the request gets the answer it began the"
        " first time, also while it is being written",
    ),
]
Accept = Annotated[str, Header(include_in_schema=False)]
LastEventId = Annotated[
    int | None,
    Header(ge=0, le=2**31 - 1, description="The last `id` seen: resumes after it"),
]
_RATE: Final = limited("30/minute", scope="chat")
_EXAMPLE: Final = (
    'event: start\ndata: {"run_id":"0192a000-0000-7000-8000-0000000f0001",'
    '"conversation_id":"0192a000-0000-7000-8000-0000000c0001",'
    '"message_id":"0192a000-0000-7000-8000-0000000c0002"}\nid: 1\nretry: 1000\n\n'
    'event: agent\ndata: {"agent":"knowledge","confidence":0.93,"also":[]}\nid: 2\n\n'
    'event: citation\ndata: {"number":1,"quote":"A segunda via custa R$ 37,40."}\nid: 3\n\n'
    'event: delta\ndata: {"text":"A segunda via custa R$ 37,40. [1]"}\nid: 4\n\n: ping\n\n'
    'event: done\ndata: {"answer":{"text":"A segunda via custa R$ 37,40. [1]"}}\nid: 5\n\n'
)


def _streamed(code: int) -> dict[int | str, dict[str, Any]]:
    events = {"schema": {"type": "string"}, "example": _EXAMPLE}
    said = "Where asked for, server-sent events until the answer is finished"
    return {code: {"description": said, "content": {"text/event-stream": events}}}


_SENT: Final = (ConversationNotFound, ConversationReadOnly, ConversationBusy, ClientErased)
_SENT_ALSO: Final = (IdempotencyKeyReused, ConversationFull(limit=MOST_MESSAGES), TooManyRuns())


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Send a message",
    dependencies=[_RATE],
    response_model=Success[MessageRead],
    responses={**_streamed(200), **raises(*_SENT, *_SENT_ALSO)},
)
async def send_message(
    conversation_id: UUID,
    body: MessageSend,
    actor: Chatter,
    token: AccessToken,
    resources: CurrentResources,
    runs: CurrentRuns,
    request: Request,
    response: Response,
    key: Key = None,
    accept: Accept = "",
) -> Success[MessageRead] | Response:
    """The assistant's answer, once it is finished; `status` says whether it is whole.

    With `Accept: text/event-stream` it comes as events: `start`, `agent`, then `tool_call`,
    `tool_result`, `citation`, `delta`, `proposal` as they happen, `usage`, and `done` with the
    whole answer, or `error`. A comment every 10 seconds keeps the line open. A line that broke is
    resumed at `/messages/{message_id}/events`; when nobody listens for some seconds, the run ends.
    """
    asked = Asked(
        conversation_id=conversation_id,
        content=body.content,
        client_id=body.client_id,
        ticket_id=body.ticket_id,
        agent=body.agent,
        prompt_alias=body.prompt_alias,
        key=key,
    )
    service.may_name(actor, body.client_id)
    service.may_try(actor, body.prompt_alias)
    begun = await _begin(resources, runs, actor, token, asked)
    return await _answered(request, response, resources, runs, actor, begun, accept)


@router.post(
    "/{message_id}/regenerate",
    status_code=status.HTTP_201_CREATED,
    summary="Answer once more",
    dependencies=[_RATE],
    response_model=Success[MessageRead],
    responses={**_streamed(200), **raises(*_SENT, MessageNotFound, NotAnAnswer, *_SENT_ALSO)},
)
async def regenerate_message(
    conversation_id: UUID,
    message_id: UUID,
    body: MessageRegenerate,
    actor: Chatter,
    token: AccessToken,
    resources: CurrentResources,
    runs: CurrentRuns,
    request: Request,
    response: Response,
    key: Key = None,
    accept: Accept = "",
) -> Success[MessageRead] | Response:
    """Another answer to the same message, beside the old one; as in sending."""
    asked = Asked(
        conversation_id=conversation_id,
        regenerates=message_id,
        client_id=body.client_id,
        agent=body.agent,
        prompt_alias=body.prompt_alias,
        key=key,
    )
    service.may_name(actor, body.client_id)
    service.may_try(actor, body.prompt_alias)
    begun = await _begin(resources, runs, actor, token, asked)
    return await _answered(request, response, resources, runs, actor, begun, accept)


@router.get("", summary="Read what was said", responses=raises(ConversationNotFound))
async def list_messages(
    conversation_id: UUID, actor: Chatter, tx: ReadTx, page: ByCursor
) -> Success[list[MessageRead]]:
    """In the order it was said; answers to the same message stand side by side."""
    conversation = await Conversations(tx, actor).get(conversation_id)
    after = page.position(int)
    messages = Messages(tx, await reader_of(tx, actor), conversation.id)
    rows = await messages.list(limit=page.limit, after=after[0] if after else None)

    def read(row: Any) -> MessageRead:
        return MessageRead.of(row, actor.user_id)

    return page.answer(actor, rows, read, lambda row: (row[0].position,))


@router.get(
    "/{message_id}",
    summary="Read a message",
    responses=raises(ConversationNotFound, MessageNotFound),
)
async def read_message(
    conversation_id: UUID, message_id: UUID, actor: Chatter, tx: ReadTx
) -> Success[MessageRead]:
    """With the sources of an answer, and how far it is."""
    conversation = await Conversations(tx, actor).get(conversation_id)
    found = await Messages(tx, await reader_of(tx, actor), conversation.id).get(message_id)
    return success(actor, MessageRead.of(found, actor.user_id))


@router.get(
    "/{message_id}/events",
    summary="Follow an answer, live",
    response_class=StreamingResponse,  # FastAPI takes EventSourceResponse for a generator's
    responses={
        **_streamed(200),
        204: {"description": "All of it was seen: there is nothing to come back for"},
        **raises(ConversationNotFound, ConversationReadOnly, MessageNotFound, NotAnAnswer),
    },
)
async def follow_message(
    conversation_id: UUID,
    message_id: UUID,
    actor: Chatter,
    resources: CurrentResources,
    runs: CurrentRuns,
    last_event_id: LastEventId = None,
) -> Response:
    """From the beginning, or after `Last-Event-ID`, at any replica. What is not kept any more is
    left out: `done` holds the whole answer."""
    tenant = actor.organization_id
    async with resources.database.transaction(tenant, read_only=True) as session:
        conversation = await Conversations(session, actor).get(conversation_id)
        if conversation.owner_id != actor.user_id:
            raise ConversationReadOnly  # what it stands on is known when it is finished
        reader = await reader_of(session, actor)
        found = await Messages(session, reader, conversation.id).get(message_id)
    message: ConversationMessage = found[0]
    if message.role is not Speaker.ASSISTANT or message.run_id is None:
        raise NotAnAnswer
    after = last_event_id or 0
    if message.status is not MessageStatus.RUNNING and after >= message.event_count > 0:
        return Response(status_code=status.HTTP_204_NO_CONTENT)
    return RunStream(follow(runs, tenant, message.run_id, message.id, after))


@router.post(
    "/{message_id}/stop",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Stop an answer",
    responses=raises(ConversationNotFound, ConversationReadOnly, MessageNotFound),
)
async def stop_message(
    conversation_id: UUID,
    message_id: UUID,
    actor: Chatter,
    resources: CurrentResources,
    runs: CurrentRuns,
) -> Success[MessageRead]:
    """Whichever replica writes it. What was told of it so far is kept; one that is finished stays
    as it is."""
    async with resources.database.transaction(actor.organization_id) as session:
        found = await service.ask_to_stop(session, actor, conversation_id, message_id)
    message: ConversationMessage = found[0]
    if message.status is MessageStatus.RUNNING and message.run_id is not None:
        await runs.stop(message.run_id)
    return success(actor, MessageRead.of(found, actor.user_id))


@judging.post(
    "/{message_id}/feedback",
    status_code=status.HTTP_201_CREATED,
    summary="Judge an answer of a conversation",
    responses=raises(ConversationNotFound, MessageNotFound, NotAnAnswer),
)
async def judge_message(
    conversation_id: UUID, message_id: UUID, body: MessageFeedbackInput, actor: Chatter, tx: Tx
) -> Success[MessageFeedbackRead]:
    """Whoever may read it may judge it. What one says later replaces it."""
    feedback = await service.judge(tx, actor, conversation_id, message_id, body)
    return success(actor, MessageFeedbackRead.of(conversation_id, feedback))


async def _begin(
    resources: CurrentResources, runs: CurrentRuns, actor: Actor, token: AccessToken, asked: Asked
) -> Begun:
    """Committed, then started."""
    runs.make_room()
    async with resources.database.transaction(actor.organization_id) as session:
        begun = await begin(session, actor, asked)
    if not begun.is_replay:
        runs.start(actor, token, begun)
    return begun


async def _answered(
    request: Request,
    response: Response,
    resources: CurrentResources,
    runs: CurrentRuns,
    actor: Actor,
    begun: Begun,
    accept: str,
) -> Success[MessageRead] | Response:
    tenant = actor.organization_id
    told = follow(runs, tenant, begun.run_id, begun.message_id)
    if wants_stream(accept):
        return RunStream(told)
    if not await heard_out(request, told):
        return Response(status_code=status.HTTP_204_NO_CONTENT)  # nobody is there to read it
    async with resources.database.transaction(tenant, read_only=True) as session:
        messages = Messages(session, await reader_of(session, actor), begun.conversation_id)
        found = await messages.get(begun.message_id)
    if begun.is_replay:
        response.headers[REPLAYED_HEADER] = "true"
    where = f"/api/v1/chat/conversations/{begun.conversation_id}/messages/{begun.message_id}"
    response.headers["location"] = where
    return success(actor, MessageRead.of(found, actor.user_id))
