"""Attaching files to tickets, giving them to messages, deleting them, handing out links."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.messaging import outbox
from core_api.changes import made, removed
from core_api.modules.attachments.exceptions import (
    AttachmentHeld,
    AttachmentIsEvidence,
    AttachmentUnusable,
    TicketFull,
)
from core_api.modules.attachments.links import DownloadLink
from core_api.modules.attachments.models import Attachment, ScanState
from core_api.modules.attachments.repository import Attachments
from core_api.modules.attachments.sweep import sweep_attachments
from core_api.modules.audit import service as audit
from core_api.modules.tickets.service import TicketAsked, require_ticket, standing_ticket
from core_api.settings import AttachmentSettings
from shared_schemas.actor import Actor
from shared_schemas.events import TicketUpdated
from shared_schemas.ids import OrganizationId

__all__ = ["AttachmentService", "AttachmentUnusable", "proof", "sweep_attachments"]

MEGABYTE: Final = 1024 * 1024
MAX_FILES: Final = 200
MAX_BYTES_PER_TICKET: Final = 250 * MEGABYTE
TOO_FULL: Final = TicketFull(limit_files=MAX_FILES, limit_mb=MAX_BYTES_PER_TICKET // MEGABYTE)


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """What lies in the storage already, under the id it will have."""

    attachment_id: UUID
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    scan: ScanState


@dataclass(frozen=True, slots=True)
class Proof:
    """A file by its hash, and whose ticket it is on."""

    sha256: str
    client_id: UUID


class AttachmentService:
    """The commands on attachments, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.attachments = Attachments(tx, actor.organization_id)

    async def add(
        self, ticket_id: UUID, received: ReceivedFile, message_id: UUID | None
    ) -> Attachment:
        """Keeps a file: with a message of the ticket, or pending until one takes it.

        A ticket that was merged during the upload hands it over to the one that goes on.
        """
        # Locked: the limits hold for uploads at the same time too.
        ticket = await standing_ticket(self.tx, self.actor.organization_id, ticket_id)
        if message_id is not None and not await self.attachments.message_is_of(
            ticket.id, message_id
        ):
            raise AttachmentUnusable.on("body.message_id", "A mensagem não é deste chamado.")
        present = await self.attachments.of_ticket(ticket.id)
        size = sum(each.size_bytes for each in present) + received.size_bytes
        if len(present) >= MAX_FILES or size > MAX_BYTES_PER_TICKET:
            raise TOO_FULL
        attachment = Attachment(
            id=received.attachment_id,
            organization_id=self.actor.organization_id,
            ticket_id=ticket.id,
            message_id=message_id,
            name=received.name,
            media_type=received.media_type,
            size_bytes=received.size_bytes,
            sha256=received.sha256,
            scan=received.scan,
            uploaded_by=self.actor.user_id,
            created_at=utc_now(),
        )
        self.tx.add(attachment)
        await self.tx.flush()
        await self._tell("attachment.added", ticket, attachment, made(_told(attachment)))
        return attachment

    async def bind(
        self, ticket_id: UUID, message_id: UUID, attachment_ids: Collection[UUID]
    ) -> None:
        """Gives pending attachments to a message just written; all of them, or AttachmentUnusable.

        The caller holds the ticket's lock and records the message.
        """
        bound = await self.attachments.bind(ticket_id, attachment_ids, message_id)
        if set(bound) != set(attachment_ids):
            raise AttachmentUnusable
        for attachment_id in bound:
            await audit.record(
                self.tx,
                self.actor,
                "attachment.bound",
                attachment_id,
                changes={"message_id": audit.Change(None, message_id)},
                related={"ticket_id": ticket_id, "message_id": message_id},
            )

    async def delete(self, ticket_id: UUID, attachment_id: UUID) -> None:
        """Forgets an attachment. Its object goes after the commit, or with the next sweep."""
        ticket = await require_ticket(self.tx, self.actor.organization_id, ticket_id, lock=True)
        attachment = await self.attachments.get(ticket_id, attachment_id, lock=True)
        if await self.attachments.is_evidence(attachment_id):
            raise AttachmentIsEvidence
        if await self.attachments.is_held(ticket.client_id):
            raise AttachmentHeld
        await self.tx.delete(attachment)
        await self._tell("attachment.deleted", ticket, attachment, removed(_told(attachment)))

    async def link(
        self, ticket_id: UUID, attachment_id: UUID, settings: AttachmentSettings
    ) -> DownloadLink:
        """A link for this actor to this attachment. That it was asked for is written down."""
        attachment = await self.attachments.get(ticket_id, attachment_id)
        ticket = await require_ticket(self.tx, self.actor.organization_id, ticket_id)
        await audit.record(
            self.tx,
            self.actor,
            "attachment.link_issued",
            attachment.id,
            about=ticket.client_id,
            related={"ticket_id": ticket_id},
        )
        return DownloadLink(
            organization_id=self.actor.organization_id,
            attachment_id=attachment.id,
            user_id=self.actor.user_id,
            expires_at=utc_now() + settings.link_lasts,
        )

    async def _tell(
        self, action: str, ticket: TicketAsked, attachment: Attachment, changes: audit.Changes
    ) -> None:
        ids = {"ticket_id": ticket.id, "client_id": ticket.client_id}
        outbox.add(self.tx, TicketUpdated.by(self.actor, **ids, changed=("attachments",)))
        await audit.record(
            self.tx,
            self.actor,
            action,
            attachment.id,
            changes=changes,
            about=ticket.client_id,
            personal=Attachment.PERSONAL,
            related=ids,
        )
        await self.tx.flush()


async def proof(
    session: AsyncSession, organization_id: OrganizationId, attachment_id: UUID
) -> Proof | None:
    """For other contexts: what an attachment of a ticket proves, locked against deletion; None
    when there is none, or it is pending."""
    found = await Attachments(session, organization_id).proof(attachment_id)
    return None if found is None else Proof(found.sha256, found.client_id)


def _told(attachment: Attachment) -> dict[str, object]:
    return {
        "name": attachment.name,
        "media_type": attachment.media_type,
        "size_bytes": attachment.size_bytes,
        "sha256": attachment.sha256,
        "message_id": attachment.message_id,
    }
