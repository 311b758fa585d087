"""What attendants note about a client: writing, changing and deleting it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging import outbox
from chassis.web.etag import check_version
from chassis.web.pagination import CursorPage
from core_api.blocked_clients import require_unblocked
from core_api.changes import Changes, made, removed
from core_api.keyset import Keyset
from core_api.modules.audit import service as audit
from core_api.modules.clients.exceptions import NoteNotFound
from core_api.modules.clients.models import ClientNote
from core_api.modules.clients.repository import Clients
from shared_schemas.actor import Actor
from shared_schemas.events import ClientUpdated
from shared_schemas.ids import OrganizationId, new_id

NEWEST_FIRST: Final = Keyset(
    name="-created_at",
    column=ClientNote.created_at,
    id=ClientNote.id,
    parse=datetime.fromisoformat,
)


class Notes:
    """The notes of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def list(self, client_id: UUID, page: CursorPage) -> Sequence[ClientNote]:
        """A page of one client's, newest first."""
        statement = NEWEST_FIRST.page(self._mine(client_id), page)
        return (await self._session.scalars(statement)).all()

    async def get_for_update(self, client_id: UUID, note_id: UUID) -> ClientNote:
        """One of the client's, locked, or NoteNotFound."""
        statement = self._mine(client_id).where(ClientNote.id == note_id).with_for_update()
        note = (await self._session.scalars(statement)).one_or_none()
        if note is None:
            raise NoteNotFound
        return note

    def _mine(self, client_id: UUID) -> sa.Select[ClientNote]:
        return sa.select(ClientNote).where(
            ClientNote.organization_id == self._organization_id,
            ClientNote.client_id == client_id,
        )


class NoteService:
    """The commands on notes, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.clients = Clients(tx, actor.organization_id)
        self.notes = Notes(tx, actor.organization_id)

    async def write(self, client_id: UUID, body: str) -> ClientNote:
        """Adds a note to an existing client. ClientBlocked."""
        await self.clients.require(client_id, lock=True)
        await require_unblocked(self.tx, self.actor.organization_id, client_id)
        note = ClientNote(
            id=new_id(),
            organization_id=self.actor.organization_id,
            client_id=client_id,
            body=body,
            author_id=self.actor.user_id,
        )
        self.tx.add(note)
        await self._record("client_note.created", note, made({"body": body}))
        await self.tx.flush()
        return note

    async def change(
        self, client_id: UUID, note_id: UUID, body: str, seen_version: int | None
    ) -> ClientNote:
        """Another text. The audit log keeps the one before. ClientBlocked."""
        await self.clients.require(client_id, lock=True)
        await require_unblocked(self.tx, self.actor.organization_id, client_id)
        note = await self.notes.get_for_update(client_id, note_id)
        check_version(note.version, seen_version)
        changes = note.change({"body": body})
        if changes:
            await self._record("client_note.updated", note, changes)
            await self.tx.flush()
        return note

    async def delete(self, client_id: UUID, note_id: UUID, seen_version: int | None) -> None:
        """Takes the note away. The audit log keeps what it said."""
        await self.clients.require(client_id, lock=True)
        note = await self.notes.get_for_update(client_id, note_id)
        check_version(note.version, seen_version)
        await self._record("client_note.deleted", note, removed({"body": note.body}))
        await self.tx.delete(note)

    async def _record(self, action: str, note: ClientNote, changes: Changes) -> None:
        event = ClientUpdated.by(self.actor, client_id=note.client_id, changed=["notes"])
        outbox.add(self.tx, event)
        await audit.record(
            self.tx,
            self.actor,
            action,
            note.id,
            changes=changes,
            about=note.client_id,
            personal=ClientNote.PERSONAL,
            related={"client_id": note.client_id},
        )
