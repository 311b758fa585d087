"""Notices to recipients as mails: the letter as it reads at the moment of sending, to the address
that the registry of purposes or the register of transfers has of them."""

from datetime import datetime
from typing import ClassVar, Final

from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.deliveries.addressing import usable_address
from core_api.modules.deliveries.service import DeliveryKind, Held, Mail
from core_api.modules.recipients.addresses import known_addresses, nowhere
from core_api.modules.recipients.letters import letter_of
from core_api.modules.recipients.models import NoticeState, RecipientChannel
from core_api.modules.recipients.repository import RecipientNotices
from core_api.modules.recipients.schemas import NoticeSent
from core_api.modules.recipients.settling import Settling

_SUBJECT: Final = "Dados pessoais que compartilhamos (LGPD, art. 18, § 6º)"


class RecipientNoticeMails:
    """Whoever received the data is told also of who is blocked or erased: that is what it is
    about. Once the person is erased the letter names them by our number alone."""

    kind: ClassVar[DeliveryKind] = DeliveryKind.RECIPIENT_NOTICE

    async def mail(self, tx: AsyncSession, held: Held) -> Mail:
        """The letter. NotToBeSent."""
        notice = await RecipientNotices(tx, held.organization_id).get(held.owner_id)
        known = await known_addresses(tx, held.organization_id)
        address = known.get(notice.recipient.casefold())
        if address is None:
            raise nowhere()
        text = await letter_of(tx, held.organization_id, notice)
        return Mail(to=usable_address(address), subject=_SUBJECT, text=text, signed=True)

    async def sent(self, tx: AsyncSession, held: Held, at: datetime, message_id: str) -> None:
        """A mail server took it over; whether it arrived is for a person to prove. Who told them
        otherwise meanwhile has said more."""
        notice = await RecipientNotices(tx, held.organization_id).get(held.owner_id, lock=True)
        if notice.state is NoticeState.PENDING:
            settling = Settling(tx, held.organization_id, None, held.run_id)
            said = NoticeSent(channel=RecipientChannel.EMAIL, sent_at=at)
            await settling.sent(notice.id, said, None, proof=f"Message-ID {message_id}")

    async def failed(self, tx: AsyncSession, held: Held, at: datetime) -> None:
        """The notice stays as it is, with its deadline: somebody tells them by other means."""
        del tx, held, at
