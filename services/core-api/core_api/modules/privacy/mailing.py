"""Messages of requests as mails: their words as they are sent, and what became of them."""

from datetime import datetime
from typing import Any, ClassVar, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.business_days import BRASILIA
from core_api.changes import Change
from core_api.modules.deliveries.addressing import addressee_of
from core_api.modules.deliveries.service import DeliveryKind, Held, Mail, Withdrawn
from core_api.modules.privacy.content import BODY
from core_api.modules.privacy.journal import Journal
from core_api.modules.privacy.kinds import DeliveryState, StepKind
from core_api.modules.privacy.models import PrivacyMessage, PrivacyRequest
from core_api.modules.privacy.repository import Requests
from core_api.modules.privacy.sealed_texts import Sealed, SubjectTexts
from core_api.modules.privacy.wording import TYPE_NAMES
from core_api.recording import Recorder
from core_api.subject_sections import Rows

_SETTLED: Final = (DeliveryState.SENT, DeliveryState.DELIVERED)
_REASON: Final = "envio de mensagens por e-mail"
_SUBJECT: Final = "Seu pedido sobre dados pessoais: {type}"
_TEXT: Final = """\
Olá, {name}.

{body}

Pedido: {type}, recebido em {received}. Protocolo: {reference}."""


class PrivacyMessageMails:
    """What is said to the subject by e-mail goes to the address their record has: it is theirs,
    whoever asks for them."""

    kind: ClassVar[DeliveryKind] = DeliveryKind.PRIVACY_MESSAGE

    async def mail(self, tx: AsyncSession, held: Held) -> Mail:
        """In the words that were recorded. NotToBeSent, Withdrawn."""
        to = await addressee_of(tx, held.organization_id, held.client_id)
        row: Any = (await tx.execute(_message(held))).one()
        sealed = Sealed(row.id, BODY, row.body_sealed)
        (body,) = await SubjectTexts(tx, held.organization_id).open([sealed])
        if body is None:
            raise Withdrawn("WORDS_GONE", "O texto da mensagem não existe mais.")
        return Mail(
            to=to.email,
            subject=_SUBJECT.format(type=TYPE_NAMES[row.type]),
            text=_TEXT.format(
                name=to.name,
                body=body,
                type=TYPE_NAMES[row.type],
                received=row.received_at.astimezone(BRASILIA).strftime("%d/%m/%Y"),
                reference=row.request_id,
            ),
        )

    async def sent(self, tx: AsyncSession, held: Held, at: datetime, message_id: str) -> None:
        """A mail server took it over; whether it arrived is for a person to say."""
        del message_id  # shown with the delivery
        await _entered(tx, held, DeliveryState.SENT, at)

    async def failed(self, tx: AsyncSession, held: Held, at: datetime) -> None:
        """Somebody has to send it by other means."""
        await _entered(tx, held, DeliveryState.FAILED, at)


async def _entered(tx: AsyncSession, held: Held, state: DeliveryState, at: datetime) -> None:
    row: Any = (await tx.execute(_message(held))).one()
    requests = Requests(tx, held.organization_id)
    request = await requests.get_for_update(row.request_id)
    message = await requests.message_for_update(row.request_id, held.owner_id)
    before = message.delivery
    if before in _SETTLED:
        return  # a person said so meanwhile; the delivery says the rest
    message.delivery, message.delivery_at = state, at
    journal = Journal(tx, Recorder(held.organization_id, held.run_id, reason=_REASON))
    await journal.enter(
        request,
        StepKind.MESSAGE_DELIVERY,
        details={"message_id": str(message.id), "delivery": state.value},
        changes={"delivery": Change(before, state)},
    )


def _message(held: Held) -> Rows:
    of_request = sa.and_(
        PrivacyRequest.organization_id == PrivacyMessage.organization_id,
        PrivacyRequest.id == PrivacyMessage.request_id,
    )
    return (
        sa.select(
            PrivacyMessage.id,
            PrivacyMessage.body_sealed,
            PrivacyMessage.request_id,
            PrivacyRequest.type,
            PrivacyRequest.received_at,
        )
        .join(PrivacyRequest, of_request)
        .where(
            PrivacyMessage.organization_id == held.organization_id,
            PrivacyMessage.id == held.owner_id,
        )
    )
