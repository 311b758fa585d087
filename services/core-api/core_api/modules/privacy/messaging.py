"""What is said to the subject, and by them, about a request; and whether it arrived."""

from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.web.etag import check_version
from core_api.changes import Change
from core_api.modules.deliveries.service import (
    DeliveryKind,
    call_back,
    call_off,
    came_back,
    enqueue,
)
from core_api.modules.privacy.content import BODY
from core_api.modules.privacy.destruction import locked_intact, require_words
from core_api.modules.privacy.journal import Journal
from core_api.modules.privacy.kinds import (
    DeliveryState,
    MessageDirection,
    RequestChannel,
    StepKind,
)
from core_api.modules.privacy.models import PrivacyMessage, PrivacyRequest
from core_api.modules.privacy.repository import Requests
from core_api.recording import Recorder
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id

_ARRIVED: Final = DeliveryState.DELIVERED


class Messaging:
    """The commands on messages, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.organization_id = actor.organization_id
        self.requests = Requests(tx, actor.organization_id)
        self.journal = Journal(tx, Recorder.member(actor))

    async def record(
        self,
        request_id: UUID,
        direction: MessageDirection,
        channel: RequestChannel,
        body: str,
    ) -> PrivacyMessage:
        """Keeps a message. Of who is being erased, or was, nothing new is kept:
        DestructionUnderWay, ClientAlreadyErased, ClientAlreadyAnonymised."""
        request = await locked_intact(self.tx, self.organization_id, request_id)
        require_words(request)
        return await keep(self.journal, request, direction, channel, body)

    async def delivered(
        self, request_id: UUID, message_id: UUID, state: DeliveryState, seen_version: int | None
    ) -> PrivacyMessage:
        """How far the message has come, as a person knows it: what waits to go out by e-mail does
        not any more. Pending again, one by e-mail is sent again."""
        tenant, kind = self.organization_id, DeliveryKind.PRIVACY_MESSAGE
        if state is DeliveryState.PENDING:
            await call_back(self.tx, tenant, kind, message_id)
        else:
            await call_off(self.tx, tenant, kind, [message_id])
        if state is DeliveryState.FAILED:
            await came_back(self.tx, tenant, kind, message_id)
        request = await self.requests.get_for_update(request_id)
        message = await self.requests.message_for_update(request_id, message_id)
        check_version(message.version, seen_version)
        if message.delivery is state:
            return message
        before = message.delivery
        message.delivery, message.delivery_at = state, utc_now()
        await self.journal.enter(
            request,
            StepKind.MESSAGE_DELIVERY,
            details={"message_id": str(message.id), "delivery": state.value},
            changes={"delivery": Change(before, state)},
        )
        if state is DeliveryState.PENDING:
            await _to_be_sent(self.tx, message)
        return message


async def keep(
    journal: Journal,
    request: PrivacyRequest,
    direction: MessageDirection,
    channel: RequestChannel,
    body: str,
) -> PrivacyMessage:
    """A message of a request that the caller has locked."""
    actor, message_id = journal.recorder.actor, new_id()
    incoming = direction is MessageDirection.FROM_SUBJECT
    message = PrivacyMessage(
        id=message_id,
        organization_id=request.organization_id,
        request_id=request.id,
        client_id=request.client_id,
        direction=direction,
        channel=channel,
        body_sealed=await journal.texts.seal(request.client_id, message_id, BODY, body),
        delivery=_ARRIVED if incoming else DeliveryState.PENDING,
        delivery_at=utc_now() if incoming else None,
        recorded_by=None if actor is None else actor.user_id,
    )
    journal.tx.add(message)
    await journal.enter(
        request,
        StepKind.MESSAGE_RECORDED,
        details={
            "message_id": str(message_id),
            "direction": direction.value,
            "channel": channel.value,
        },
    )
    await _to_be_sent(journal.tx, message)
    return message


async def _to_be_sent(tx: AsyncSession, message: PrivacyMessage) -> None:
    """By e-mail we can; by other channels somebody does."""
    to_subject = message.direction is MessageDirection.TO_SUBJECT
    if to_subject and message.channel is RequestChannel.EMAIL:
        await enqueue(
            tx,
            message.organization_id,
            DeliveryKind.PRIVACY_MESSAGE,
            message.id,
            message.client_id,
        )
