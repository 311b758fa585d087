"""Links to preferences as mails. The link is signed anew when it is sent: it is stored nowhere."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.modules.consents.ledger_models import PreferencesLink
from core_api.modules.consents.preferences_links import LinkSaid
from core_api.modules.deliveries.addressing import addressee_of
from core_api.modules.deliveries.service import DeliveryKind, Held, Mail, NotToBeSent, Withdrawn

_LOCAL: Final = ZoneInfo("America/Sao_Paulo")
_SUBJECT: Final = "Suas preferências sobre o uso dos seus dados"
_TEXT: Final = """\
Olá, {name}.

Por este link você vê para que seus dados podem ser usados, autoriza ou recusa cada uso e pode \
fazer pedidos sobre os seus dados. É gratuito e não precisa de senha:

{url}

Ele vale até {until} (horário de Brasília). Não o repasse: quem o abre decide por você. Se você \
não pediu este link, ignore esta mensagem."""


@dataclass(frozen=True, slots=True)
class PreferencesLinkMails:
    """To the client whose preferences they are."""

    link_key: bytes
    page_url: str | None
    kind: ClassVar[DeliveryKind] = DeliveryKind.PREFERENCES_LINK

    async def mail(self, tx: AsyncSession, held: Held) -> Mail:
        """NotToBeSent, Withdrawn."""
        to = await addressee_of(tx, held.organization_id, held.client_id)
        link: Any = (
            await tx.execute(
                sa.select(PreferencesLink.expires_at, PreferencesLink.used_at).where(
                    PreferencesLink.organization_id == held.organization_id,
                    PreferencesLink.id == held.owner_id,
                )
            )
        ).one()
        if link.used_at is not None or link.expires_at <= utc_now():
            raise Withdrawn("LINK_OVER", "O link foi usado ou venceu. Gere outro.")
        if self.page_url is None:
            raise NotToBeSent("NO_PAGE", "A página de preferências não está configurada.")
        said = LinkSaid(held.organization_id, held.owner_id, link.expires_at)
        return Mail(
            to=to.email,
            subject=_SUBJECT,
            text=_TEXT.format(
                name=to.name,
                url=self.page_url.replace("{token}", said.signed(self.link_key)),
                until=link.expires_at.astimezone(_LOCAL).strftime("%d/%m/%Y às %H:%M"),
            ),
        )

    async def sent(self, tx: AsyncSession, held: Held, at: datetime, message_id: str) -> None:
        """The delivery says so."""
        del tx, held, at, message_id

    async def failed(self, tx: AsyncSession, held: Held, at: datetime) -> None:
        """The delivery says so; who made the link was shown it."""
        del tx, held, at
