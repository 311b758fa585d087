"""Attachments of one organization in the database."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.attachments.exceptions import AttachmentNotFound
from core_api.modules.attachments.models import Attachment
from core_api.tables import SCHEMA
from shared_schemas.ids import OrganizationId

_MESSAGES: Final = sa.table(
    "ticket_messages",
    sa.column("organization_id", sa.Uuid()),
    sa.column("id", sa.Uuid()),
    sa.column("ticket_id", sa.Uuid()),
    sa.column("discarded_at", sa.DateTime(timezone=True)),
    schema=SCHEMA,
)
_TICKETS: Final = sa.table(
    "tickets",
    sa.column("organization_id", sa.Uuid()),
    sa.column("id", sa.Uuid()),
    sa.column("merged_into_id", sa.Uuid()),
    sa.column("client_id", sa.Uuid()),
    schema=SCHEMA,
)
_CLIENTS: Final = sa.table(
    "clients",
    sa.column("organization_id", sa.Uuid()),
    sa.column("id", sa.Uuid()),
    sa.column("merged_into_id", sa.Uuid()),
    schema=SCHEMA,
)
_HOLDS: Final = sa.table(
    "legal_holds",
    sa.column("organization_id", sa.Uuid()),
    sa.column("client_id", sa.Uuid()),
    sa.column("lifted_at", sa.DateTime(timezone=True)),
    schema=SCHEMA,
)
_RECEIPTS: Final = sa.table(
    "consents",
    sa.column("organization_id", sa.Uuid()),
    sa.column("evidence_id", sa.Uuid()),
    schema=SCHEMA,
)


class Attachments:
    """The attachments of one organization.

    Which ticket one belongs to is asked of its message, which a split takes along. A ticket has
    the attachments of those merged into it, as it has their messages. Those of a draft that was
    discarded are out of sight like the draft, until the sweep.
    """

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def of_ticket(self, ticket_id: UUID) -> Sequence[Attachment]:
        """All of a ticket, pending ones too, oldest first. There are a few hundred at most."""
        tickets = self._with_merged(ticket_id)
        pending = sa.select(Attachment.id).where(
            self._mine(),
            Attachment.ticket_id.in_(tickets),
            Attachment.message_id.is_(None),
        )
        said = (
            sa.select(Attachment.id)
            .join(
                _MESSAGES,
                sa.and_(
                    _MESSAGES.c.organization_id == Attachment.organization_id,
                    _MESSAGES.c.id == Attachment.message_id,
                ),
            )
            .where(
                self._mine(),
                _MESSAGES.c.ticket_id.in_(tickets),
                _MESSAGES.c.discarded_at.is_(None),
            )
        )
        statement = (
            sa.select(Attachment)
            .where(self._mine(), Attachment.id.in_(sa.union_all(pending, said)))
            .order_by(Attachment.created_at, Attachment.id)
        )
        return (await self._session.scalars(statement)).all()

    async def get(self, ticket_id: UUID, attachment_id: UUID, *, lock: bool = False) -> Attachment:
        """The ticket's attachment, or AttachmentNotFound."""
        statement = (
            sa.select(Attachment)
            .outerjoin(
                _MESSAGES,
                sa.and_(
                    _MESSAGES.c.organization_id == Attachment.organization_id,
                    _MESSAGES.c.id == Attachment.message_id,
                ),
            )
            .where(
                self._mine(),
                Attachment.id == attachment_id,
                _MESSAGES.c.discarded_at.is_(None),
                sa.func.coalesce(_MESSAGES.c.ticket_id, Attachment.ticket_id).in_(
                    self._with_merged(ticket_id)
                ),
            )
        )
        if lock:
            statement = statement.with_for_update(of=Attachment)
        found = (await self._session.scalars(statement)).one_or_none()
        if found is None:
            raise AttachmentNotFound
        return found

    async def find(self, attachment_id: UUID) -> Attachment | None:
        """By id alone: for a link, which was made by who had found the ticket."""
        statement = sa.select(Attachment).where(self._mine(), Attachment.id == attachment_id)
        return (await self._session.scalars(statement)).one_or_none()

    async def among(self, attachment_ids: Collection[UUID]) -> Sequence[Attachment]:
        """Those of the ids that exist."""
        statement = sa.select(Attachment).where(self._mine(), Attachment.id.in_(attachment_ids))
        return (await self._session.scalars(statement)).all()

    async def message_is_of(self, ticket_id: UUID, message_id: UUID) -> bool:
        """Whether the ticket, or one that was merged into it, has the message."""
        statement = sa.select(_MESSAGES.c.id).where(
            _MESSAGES.c.organization_id == self._organization_id,
            _MESSAGES.c.id == message_id,
            _MESSAGES.c.ticket_id.in_(self._with_merged(ticket_id)),
            _MESSAGES.c.discarded_at.is_(None),
        )
        return await self._session.scalar(statement) is not None

    def useless(self, before: datetime) -> sa.ColumnElement[bool]:
        """Pending since `before`, or of a draft that was discarded."""
        discarded = sa.select(_MESSAGES.c.id).where(
            _MESSAGES.c.organization_id == self._organization_id,
            _MESSAGES.c.id == Attachment.message_id,
            _MESSAGES.c.discarded_at.is_not(None),
        )
        pending = sa.and_(Attachment.message_id.is_(None), Attachment.created_at < before)
        return sa.and_(sa.or_(pending, discarded.exists()), ~self.proves())

    def proves(self) -> sa.ColumnElement[bool]:
        """Whether a receipt of a consent names it as its evidence."""
        return sa.exists().where(
            _RECEIPTS.c.organization_id == self._organization_id,
            _RECEIPTS.c.evidence_id == Attachment.id,
        )

    async def is_evidence(self, attachment_id: UUID) -> bool:
        """Whether a receipt names it. The caller has locked it."""
        statement = sa.select(self.proves()).where(self._mine(), Attachment.id == attachment_id)
        return bool(await self._session.scalar(statement))

    async def is_held(self, client_id: UUID) -> bool:
        """Whether a legal hold stands on the client, or on one that was merged into it."""
        family = sa.select(_CLIENTS.c.id).where(
            _CLIENTS.c.organization_id == self._organization_id,
            sa.or_(_CLIENTS.c.id == client_id, _CLIENTS.c.merged_into_id == client_id),
        )
        statement = sa.select(
            sa.exists().where(
                _HOLDS.c.organization_id == self._organization_id,
                _HOLDS.c.client_id.in_(family),
                _HOLDS.c.lifted_at.is_(None),
            )
        )
        return bool(await self._session.scalar(statement))

    async def proof(self, attachment_id: UUID) -> sa.Row[Any] | None:
        """Hash and client of an attachment that was said on a ticket, locked against deletion."""
        ticket = sa.and_(
            _TICKETS.c.organization_id == _MESSAGES.c.organization_id,
            _TICKETS.c.id == _MESSAGES.c.ticket_id,
        )
        message = sa.and_(
            _MESSAGES.c.organization_id == Attachment.organization_id,
            _MESSAGES.c.id == Attachment.message_id,
        )
        statement = (
            sa.select(Attachment.sha256, _TICKETS.c.client_id)
            .join(_MESSAGES, message)
            .join(_TICKETS, ticket)
            .where(self._mine(), Attachment.id == attachment_id, _MESSAGES.c.discarded_at.is_(None))
            .with_for_update(key_share=True, read=True, of=Attachment)
        )
        found: sa.Row[Any] | None = (await self._session.execute(statement)).one_or_none()
        return found

    async def bind(
        self, ticket_id: UUID, attachment_ids: Collection[UUID], message_id: UUID
    ) -> Sequence[UUID]:
        """Gives pending attachments of the ticket to a message; returns which these were."""
        statement = (
            sa.update(Attachment)
            .where(
                self._mine(),
                Attachment.ticket_id.in_(self._with_merged(ticket_id)),
                Attachment.id.in_(attachment_ids),
                Attachment.message_id.is_(None),
            )
            .values(message_id=message_id)
            .returning(Attachment.id)
        )
        return (await self._session.scalars(statement)).all()

    def _with_merged(self, ticket_id: UUID) -> sa.Select[UUID]:
        """The ticket and all that ended in it, however many steps away."""
        mine = _TICKETS.c.organization_id == self._organization_id
        family = (
            sa.select(_TICKETS.c.id)
            .where(mine, _TICKETS.c.id == ticket_id)
            .cte("family", recursive=True)
        )
        merged = sa.select(_TICKETS.c.id).where(mine, _TICKETS.c.merged_into_id == family.c.id)
        return sa.select(family.union(merged).c.id)

    def _mine(self) -> sa.ColumnElement[bool]:
        return Attachment.organization_id == self._organization_id
