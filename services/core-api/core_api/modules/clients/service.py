"""Registering, changing and deleting clients."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging import outbox
from chassis.web.errors import InvalidInput
from chassis.web.etag import check_version
from core_api.modules.audit import service as audit
from core_api.modules.clients import tax_ids
from core_api.modules.clients.exceptions import ClientNotFound
from core_api.modules.clients.models import Client, ClientKind
from core_api.modules.clients.repository import Clients
from core_api.modules.clients.schemas import ClientCreate
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
        client = Client(
            id=new_id(),
            organization_id=self.actor.organization_id,
            **given.model_dump(exclude={"document"}),
            document=_document(given.kind, given.document),
        )
        self.tx.add(client)
        outbox.add(self.tx, ClientCreated.by(self.actor, client_id=client.id))
        audit.record(self.tx, self.actor, "client.created", client.id)
        await self.tx.flush()
        return client

    async def change(
        self, client_id: UUID, values: dict[str, Any], seen_version: int | None
    ) -> Client:
        """Applies a whole PATCH or nothing. `seen_version`: from If-Match."""
        client = await self.clients.get_for_update(client_id)
        check_version(client.version, seen_version)
        if values.keys() & {"kind", "document"}:
            kind = values.get("kind", client.kind)
            values = {
                **values,
                "document": _document(kind, values.get("document", client.document)),
            }
        changed = client.change(values)
        if changed:
            self._tell("client.updated", client, changed)
            await self.tx.flush()
        return client

    async def delete(self, client_id: UUID, seen_version: int | None) -> None:
        """Makes the client unfindable; its tickets and consents stay."""
        client = await self.clients.get_for_update(client_id)
        check_version(client.version, seen_version)
        client.delete()
        self._tell("client.deleted", client, frozenset({"deleted_at"}))

    def _tell(self, action: str, client: Client, changed: frozenset[str]) -> None:
        event = ClientUpdated.by(self.actor, client_id=client.id, changed=sorted(changed))
        outbox.add(self.tx, event)
        audit.record(self.tx, self.actor, action, client.id, changed=changed)


def _document(kind: ClientKind, text: str | None) -> str | None:
    if text is None:
        return None
    normalise = tax_ids.normalise_cpf if kind is ClientKind.PERSON else tax_ids.normalise_cnpj
    try:
        return normalise(text)
    except tax_ids.InvalidTaxId as error:
        raise InvalidInput.on("body.document", str(error)) from None
