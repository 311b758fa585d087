"""Registering, changing and deleting clients."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging import outbox
from chassis.web.errors import InvalidInput
from chassis.web.etag import check_version
from core_api.changes import Changes, made
from core_api.modules.audit import service as audit
from core_api.modules.clients import documents, tax_ids
from core_api.modules.clients.exceptions import ClientNotFound
from core_api.modules.clients.models import Client, ClientKind
from core_api.modules.clients.repository import Clients
from core_api.modules.clients.schemas import ClientCreate
from core_api.workplace import vault_of
from shared_schemas.actor import Actor
from shared_schemas.events import ClientCreated, ClientUpdated
from shared_schemas.ids import OrganizationId, new_id

__all__ = ["ClientNotFound", "ClientService", "require_client"]


async def require_client(
    session: AsyncSession, organization_id: OrganizationId, client_id: UUID, *, lock: bool = True
) -> None:
    """For other contexts: ClientNotFound unless it exists; locked, it keeps existing until commit.

    A read-only transaction cannot lock.
    """
    await Clients(session, organization_id).require(client_id, lock=lock)


class ClientService:
    """The commands on clients, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.clients = Clients(tx, actor.organization_id)

    async def create(self, given: ClientCreate) -> Client:
        """Registers a client."""
        number = _document(given.kind, given.document)
        values = given.model_dump(exclude={"document"})
        client_id, organization_id = new_id(), self.actor.organization_id
        client = Client(
            id=client_id,
            organization_id=organization_id,
            **values,
            **documents.sealed(vault_of(self.tx), organization_id, client_id, number),
        )
        self.tx.add(client)
        await self.tx.flush()  # its key refers to it
        audit.SubjectKeys(self.tx, organization_id).issue(client_id)
        outbox.add(self.tx, ClientCreated.by(self.actor, client_id=client_id))
        await self._note("client.created", client, made(values | {"document": number}))
        await self.tx.flush()
        return client

    async def change(
        self, client_id: UUID, values: dict[str, Any], seen_version: int | None
    ) -> Client:
        """Applies a whole PATCH or nothing. `seen_version`: from If-Match."""
        client = await self.clients.get_for_update(client_id)
        check_version(client.version, seen_version)
        changes = Changes()
        if values.keys() & {"kind", "document"}:
            vault = vault_of(self.tx)
            kind = values.get("kind", client.kind)
            text = (
                values.pop("document") if "document" in values else documents.opened(vault, client)
            )
            changes = documents.change_document(vault, client, _document(kind, text))
        changes |= client.change(values)
        if changes:
            await self._tell("client.updated", client, changes)
            await self.tx.flush()
        return client

    async def delete(self, client_id: UUID, seen_version: int | None) -> None:
        """Makes the client unfindable; its tickets and consents stay."""
        client = await self.clients.get_for_update(client_id)
        check_version(client.version, seen_version)
        client.delete()
        await self._tell("client.deleted", client, made({"deleted_at": client.deleted_at}))

    async def _tell(self, action: str, client: Client, changes: Changes) -> None:
        event = ClientUpdated.by(self.actor, client_id=client.id, changed=sorted(changes))
        outbox.add(self.tx, event)
        await self._note(action, client, changes)

    async def _note(self, action: str, client: Client, changes: Changes) -> None:
        await audit.record(
            self.tx,
            self.actor,
            action,
            client.id,
            changes=changes,
            about=client.id,
            personal=Client.PERSONAL,
        )


def _document(kind: ClientKind, text: str | None) -> str | None:
    if text is None:
        return None
    normalise = tax_ids.normalise_cpf if kind is ClientKind.PERSON else tax_ids.normalise_cnpj
    try:
        return normalise(text)
    except tax_ids.InvalidTaxId as error:
        raise InvalidInput.on("body.document", str(error)) from None
