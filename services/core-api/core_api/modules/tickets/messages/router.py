"""What is said about tickets, over HTTP."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Response, status

from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.etag import set_etag, versioned
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from core_api.blocked_clients import ClientBlocked
from core_api.documentation import raises
from core_api.modules.attachments.service import AttachmentService, AttachmentUnusable
from core_api.modules.organizations.service import MemberUnknown
from core_api.modules.tickets.contents import AccessReasonRequired, ContentsReader
from core_api.modules.tickets.dependencies import ILLEGAL, MERGED, TicketId, Writer
from core_api.modules.tickets.exceptions import (
    MessageNotADraft,
    MessageNotEditable,
    MessageNotFound,
    MessageNotYours,
    TicketNotFound,
)
from core_api.modules.tickets.messages.models import TicketMessage
from core_api.modules.tickets.messages.repository import (
    OLDEST_MESSAGE_FIRST,
    OLDEST_REVISION_FIRST,
    Messages,
)
from core_api.modules.tickets.messages.schemas import (
    MessageCreate,
    MessageRead,
    MessageUpdate,
    RevisionRead,
)
from core_api.modules.tickets.service import TicketService
from shared_schemas.envelope import Success

router = APIRouter(
    prefix="/tickets/{ticket_id}/messages", tags=["tickets"], route_class=IdempotentRoute
)

MessageId = Annotated[UUID, Path(description="The message's id")]
_NOT_HERE: Final = (TicketNotFound, MessageNotFound)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Add a message",
    responses=raises(
        TicketNotFound,
        ClientBlocked,
        MemberUnknown,
        AttachmentUnusable,
        ILLEGAL,
        MERGED,
        IdempotencyKeyReused,
    ),
)
async def create_message(
    ticket_id: TicketId, given: MessageCreate, actor: Writer, tx: Tx, response: Response
) -> Success[MessageRead]:
    """Adds a reply, an internal note, a draft, or what the client said.

    What the client says brings a ticket back to open that was pending, or done for no longer than
    the desk's settings allow. Of one done for longer a follow-up is opened, with a number of its
    own: `ticket_id` of the answer is that ticket, `follow_up_of` the one in the path.
    """
    said = await TicketService(tx, actor).say(ticket_id, given)
    if given.attachment_ids:
        attachments = AttachmentService(tx, actor)
        await attachments.bind(ticket_id, said.message.id, given.attachment_ids)
    set_etag(response, said.message.version)
    read = MessageRead.model_validate(said.message)
    return success(actor, read.model_copy(update={"follow_up_of": said.follow_up_of}))


@router.get(
    "",
    summary="List a ticket's messages",
    responses=raises(TicketNotFound, AccessReasonRequired),
)
async def list_messages(
    ticket_id: TicketId, actor: ContentsReader, tx: ReadTx, page: ByCursor
) -> Success[list[MessageRead]]:
    """Everything said about the ticket and those merged into it, oldest first."""
    messages = await Messages(tx, actor.organization_id).list(ticket_id, page)

    def read(message: TicketMessage) -> MessageRead:
        return MessageRead.within(ticket_id, message)

    return page.answer(actor, messages, read, OLDEST_MESSAGE_FIRST.position)


@router.get(
    "/{message_id}",
    summary="Show a message",
    responses=raises(*_NOT_HERE, AccessReasonRequired),
)
async def get_message(
    ticket_id: TicketId,
    message_id: MessageId,
    actor: ContentsReader,
    tx: ReadTx,
    response: Response,
) -> Success[MessageRead]:
    """One message, with its version as `ETag`."""
    message = await Messages(tx, actor.organization_id).get(ticket_id, message_id)
    return versioned(actor, response, MessageRead.within(ticket_id, message))


@router.patch(
    "/{message_id}",
    summary="Edit a message",
    responses=raises(*_NOT_HERE, MemberUnknown, MessageNotYours, MessageNotEditable),
)
async def edit_message(
    ticket_id: TicketId,
    message_id: MessageId,
    given: MessageUpdate,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[MessageRead]:
    """By its author, or by who configures the desk; a draft by anybody who works on tickets.

    What it said before stays readable as a revision. What a client said is never edited.
    """
    message = await TicketService(tx, actor).edit_message(
        ticket_id, message_id, given, seen_version
    )
    return versioned(actor, response, MessageRead.within(ticket_id, message))


@router.get(
    "/{message_id}/revisions",
    summary="List what a message said before",
    responses=raises(*_NOT_HERE, AccessReasonRequired),
)
async def list_revisions(
    ticket_id: TicketId, message_id: MessageId, actor: ContentsReader, tx: ReadTx, page: ByCursor
) -> Success[list[RevisionRead]]:
    """The first version first. What it says now is the message itself."""
    messages = Messages(tx, actor.organization_id)
    message = await messages.get(ticket_id, message_id)
    revisions = await messages.revisions(message.id, page)
    return page.answer(
        actor, revisions, RevisionRead.model_validate, OLDEST_REVISION_FIRST.position
    )


@router.post(
    "/{message_id}/send",
    summary="Send a draft",
    responses=raises(*_NOT_HERE, MessageNotADraft, ILLEGAL, MERGED, IdempotencyKeyReused),
)
async def send_draft(
    ticket_id: TicketId,
    message_id: MessageId,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[MessageRead]:
    """Makes the draft a reply of whoever sends it. Nothing but this call ever sends one."""
    message = await TicketService(tx, actor).send_draft(ticket_id, message_id, seen_version)
    return versioned(actor, response, MessageRead.within(ticket_id, message))


@router.delete(
    "/{message_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Discard a draft",
    responses=raises(*_NOT_HERE, MessageNotADraft),
)
async def discard_draft(
    ticket_id: TicketId, message_id: MessageId, actor: Writer, tx: Tx, seen_version: IfMatch
) -> None:
    """Takes a draft out of sight. What was said cannot be taken back."""
    await TicketService(tx, actor).discard_draft(ticket_id, message_id, seen_version)
