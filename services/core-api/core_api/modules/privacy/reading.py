"""Requests with their words, opened for who may read them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage
from core_api.modules.audit import service as audit
from core_api.modules.clients.service import ClientNotFound, family_of
from core_api.modules.deliveries.service import DeliveryKind, DeliveryRead, mails_of
from core_api.modules.privacy.content import (
    BODY,
    CONTENT,
    REPRESENTATIVE,
    STEP,
    Representative,
    RequestContent,
)
from core_api.modules.privacy.kinds import (
    DeliveryState,
    MessageDirection,
    RequestChannel,
    StepKind,
)
from core_api.modules.privacy.models import PrivacyMessage, PrivacyRequest
from core_api.modules.privacy.repository import RequestFilter, Requests
from core_api.modules.privacy.sealed_texts import Sealed, SubjectTexts
from shared_schemas.actor import Actor


@dataclass(frozen=True, slots=True)
class WordedStep:
    """What happened, with its reason or notes."""

    id: UUID
    kind: StepKind
    occurred_at: datetime
    actor_id: UUID | None
    details: dict[str, Any]
    text: str | None


@dataclass(frozen=True, slots=True)
class WordedMessage:
    """What was said."""

    id: UUID
    direction: MessageDirection
    channel: RequestChannel
    delivery: DeliveryState
    delivery_at: datetime | None
    recorded_by: UUID | None
    created_at: datetime
    version: int
    body: str | None
    mail: DeliveryRead | None


class PrivacyReading:
    """What one actor reads, in a fixed number of statements. That words were read is noted."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.requests = Requests(tx, actor.organization_id)
        self.texts = SubjectTexts(tx, actor.organization_id)

    async def request(
        self, request_id: UUID
    ) -> tuple[PrivacyRequest, RequestContent, Representative | None]:
        """A request, what it says, and who asks for the subject; RequestNotFound."""
        request = await self.requests.get(request_id)
        content, representative = await self.texts.open(
            [
                Sealed(request.id, CONTENT, request.content_sealed),
                Sealed(request.id, REPRESENTATIVE, request.representative_sealed),
            ]
        )
        await self._note(request, content, representative)
        return request, RequestContent.read(content), Representative.read(representative)

    async def steps(self, request_id: UUID, page: CursorPage) -> Sequence[WordedStep]:
        """A page of what happened; RequestNotFound."""
        request = await self.requests.get(request_id)
        steps = await self.requests.steps(request_id, page)
        texts = await self.texts.open([Sealed(step.id, STEP, step.text_sealed) for step in steps])
        await self._note(request, *texts)
        return [
            WordedStep(
                id=step.id,
                kind=step.kind,
                occurred_at=step.occurred_at,
                actor_id=step.actor_id,
                details=step.details,
                text=text,
            )
            for step, text in zip(steps, texts, strict=True)
        ]

    async def messages(self, request_id: UUID, page: CursorPage) -> Sequence[WordedMessage]:
        """A page of what was said; RequestNotFound."""
        request = await self.requests.get(request_id)
        messages = await self.requests.messages(request_id, page)
        bodies = await self.texts.open(
            [Sealed(message.id, BODY, message.body_sealed) for message in messages]
        )
        await self._note(request, *bodies)
        mails = await mails_of_messages(self.tx, messages)
        return [
            WordedMessage(
                id=message.id,
                direction=message.direction,
                channel=message.channel,
                delivery=message.delivery,
                delivery_at=message.delivery_at,
                recorded_by=message.recorded_by,
                created_at=message.created_at,
                version=message.version,
                body=body,
                mail=mails.get(message.id),
            )
            for message, body in zip(messages, bodies, strict=True)
        ]

    async def _note(self, request: PrivacyRequest, *texts: str | None) -> None:
        """Nothing to note where nothing was said, or all of it is forgotten."""
        if any(texts):
            await audit.record(
                self.tx,
                self.actor,
                "privacy_request.read",
                request.id,
                about=request.client_id,
                related={"client_id": request.client_id},
            )
            await self.tx.flush()


async def mails_of_messages(
    tx: AsyncSession, messages: Sequence[PrivacyMessage]
) -> dict[UUID, DeliveryRead]:
    """How far each of those is that go by e-mail, in one statement."""
    if not messages:
        return {}
    organization_id = messages[0].organization_id
    ids = [message.id for message in messages]
    found = await mails_of(tx, organization_id, DeliveryKind.PRIVACY_MESSAGE, ids)
    return {message_id: mail for (message_id, _), mail in found.items()}


async def narrowed_to(
    tx: AsyncSession, actor: Actor, wanted: RequestFilter, client_id: UUID | None
) -> RequestFilter:
    """The filter, for one client and those merged into it, deleted or not."""
    if client_id is None:
        return wanted
    try:
        family = await family_of(tx, actor.organization_id, client_id)
    except ClientNotFound:
        family = [client_id]
    return replace(wanted, family=family)
