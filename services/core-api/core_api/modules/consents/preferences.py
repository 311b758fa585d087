"""A client's preferences by link: making one, showing what stands, taking decisions once."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.changes import made
from core_api.modules.audit import service as audit
from core_api.modules.clients.service import (
    ClientNotFound,
    answering_clients,
    family_of,
    require_client,
)
from core_api.modules.consents import ledger
from core_api.modules.consents.exceptions import PreferencesLinkInvalid
from core_api.modules.consents.ledger_models import PreferencesLink
from core_api.modules.consents.models import ConsentChannel, ConsentStatus
from core_api.modules.consents.preferences_links import LinkSaid
from core_api.modules.consents.preferences_schemas import (
    Answer,
    Choice,
    PreferenceRead,
    PreferencesRead,
)
from core_api.modules.consents.recording import Recorder
from core_api.modules.consents.repository import Consents, Purposes
from core_api.modules.consents.schemas import ConsentCreate
from core_api.modules.consents.service import ConsentService
from core_api.tables import SCHEMA
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, new_id

_INTRODUCTION: Final = (
    "Aqui você decide para que seus dados podem ser usados. Autorizar ou recusar é gratuito, você "
    "pode mudar de ideia quando quiser, e recusar não prejudica o seu atendimento."
)
_EXPLAINED: Final = {
    Answer.GRANTED: "Você autorizou este uso em {date}.",
    Answer.REFUSED: "Você não autorizou este uso em {date}.",
    Answer.REVOKED: "Você cancelou esta autorização em {date}.",
    Answer.EXPIRED: "Sua autorização venceu em {date}. Este uso está suspenso.",
    Answer.RENEWAL_DUE: "O texto mudou depois da sua autorização de {date}. Leia e decida de novo.",
    Answer.UNDECIDED: "Você ainda não decidiu. Sem a sua autorização, este uso não acontece.",
}
_LOCAL: Final = ZoneInfo("America/Sao_Paulo")
# Columns alone: organizations are the business of their own context.
_ORGANIZATIONS: Final = sa.table(
    "organizations",
    sa.column("organization_id", sa.Uuid()),
    sa.column("name", sa.Text()),
    schema=SCHEMA,
)


async def issue(tx: AsyncSession, actor: Actor, client_id: UUID, valid_hours: int) -> LinkSaid:
    """A new link for a client. Who made it is written down."""
    await require_client(tx, actor.organization_id, client_id)
    link = PreferencesLink(
        id=new_id(),
        organization_id=actor.organization_id,
        client_id=client_id,
        expires_at=(utc_now() + timedelta(hours=valid_hours)).replace(microsecond=0),
        created_by=actor.user_id,
        created_at=utc_now(),
    )
    tx.add(link)
    await audit.record(
        tx,
        actor,
        "preferences_link.issued",
        link.id,
        changes=made({"expires_at": link.expires_at}),
        about=client_id,
        related={"client_id": client_id},
    )
    await tx.flush()
    return LinkSaid(actor.organization_id, link.id, link.expires_at)


class Preferences:
    """What one link opens, in a transaction of the organization that made it."""

    def __init__(self, tx: AsyncSession, said: LinkSaid, request_id: str) -> None:
        self.tx = tx
        self.said = said
        self.organization_id: OrganizationId = said.organization_id
        self.recorder = Recorder(
            said.organization_id, request_id, reason="decidido pelo cliente no link de preferências"
        )

    async def show(self) -> PreferencesRead:
        """What stands; PreferencesLinkInvalid."""
        statement = sa.select(PreferencesLink.client_id).where(self._usable())
        client_id = await self.tx.scalar(statement)
        if client_id is None:
            raise PreferencesLinkInvalid
        return await self._read(await self._family(client_id), used=False)

    async def subject(self) -> UUID:
        """Who answers for the client the link leads to; the link stays good.
        PreferencesLinkInvalid."""
        statement = sa.select(PreferencesLink.client_id).where(self._usable())
        client_id = await self.tx.scalar(statement)
        if client_id is None:
            raise PreferencesLinkInvalid
        await self._family(client_id)  # nobody who was deleted
        return (await answering_clients(self.tx, self.organization_id, [client_id]))[client_id]

    async def family(self) -> Sequence[UUID]:
        """The same, with all who were merged into them."""
        return await self._family(await self.subject())

    async def decide(self, choices: Sequence[Choice]) -> PreferencesRead:
        """All decisions or none; the link is used up. PreferencesLinkInvalid."""
        client_id = await self._use()
        family = await self._family(client_id)
        answering = await answering_clients(self.tx, self.organization_id, [client_id])
        service, facts = ConsentService(self.tx, self.recorder), []
        now = utc_now()
        for choice in sorted(choices, key=lambda each: each.purpose_code):
            # As a member's decision but for the channel, which only a link may name.
            given = ConsentCreate.model_construct(
                **choice.model_dump(),
                channel=ConsentChannel.PREFERENCES_LINK,
                shown_at=now,
                decided_at=None,
                evidence_id=None,
            )
            _, entered = await service.decided(answering[client_id], given)
            facts += entered
        await ledger.append(self.tx, self.organization_id, facts)
        return await self._read(family, used=True)

    async def _use(self) -> UUID:
        """Whose link it was. Of two at once one uses it."""
        statement = (
            sa.update(PreferencesLink)
            .where(self._usable())
            .values(used_at=utc_now())
            .returning(PreferencesLink.client_id)
        )
        client_id = await self.tx.scalar(statement)
        if client_id is None:
            raise PreferencesLinkInvalid
        return client_id

    async def _family(self, client_id: UUID) -> Sequence[UUID]:
        try:
            family = list(await family_of(self.tx, self.organization_id, client_id))
        except ClientNotFound:
            raise PreferencesLinkInvalid from None
        return family

    async def _read(self, family: Sequence[UUID], *, used: bool) -> PreferencesRead:
        decided = {
            row.purpose_id: row
            for row in await Consents(self.tx, self.organization_id).latest(family)
        }
        purposes = await Purposes(self.tx, self.organization_id).asked_of_clients()
        name = sa.select(_ORGANIZATIONS.c.name).where(
            _ORGANIZATIONS.c.organization_id == self.organization_id
        )
        return PreferencesRead(
            organization=await self.tx.scalar(name) or "",
            introduction=_INTRODUCTION,
            preferences=[_preference(purpose, decided.get(purpose.id)) for purpose in purposes],
            expires_at=None if used else self.said.expires_at,
        )

    def _usable(self) -> sa.ColumnElement[bool]:
        return sa.and_(
            PreferencesLink.organization_id == self.organization_id,
            PreferencesLink.id == self.said.link_id,
            PreferencesLink.used_at.is_(None),
            PreferencesLink.expires_at > utc_now(),
        )


def _preference(purpose: sa.Row[Any], decided: sa.Row[Any] | None) -> PreferenceRead:
    answer = _answer(decided)
    at = None
    if decided is not None:
        at = decided.revoked_at or decided.decided_at
        if answer is Answer.EXPIRED:
            at = decided.expires_at
    date = "" if at is None else at.astimezone(_LOCAL).strftime("%d/%m/%Y")
    return PreferenceRead(
        purpose_code=purpose.code,
        name=purpose.name,
        description=purpose.description,
        notice_version=purpose.notice_version,
        notice_sha256=purpose.notice_sha256,
        notice_text=purpose.notice_text,
        locale=purpose.locale,
        recipients=purpose.recipients,
        transfers=purpose.transfers,
        answer=answer,
        explanation=_EXPLAINED[answer].format(date=date),
        decided_at=None if decided is None else decided.decided_at,
    )


def _answer(decided: sa.Row[Any] | None) -> Answer:
    if decided is None:
        return Answer.UNDECIDED
    if decided.renewal_due:
        return Answer.RENEWAL_DUE
    return Answer(ConsentStatus(decided.status).value)
