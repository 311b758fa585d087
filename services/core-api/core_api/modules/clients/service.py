"""Registering, changing and deleting clients."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging import outbox
from chassis.web.errors import InvalidInput
from chassis.web.etag import check_version
from core_api.blocked_clients import ClientBlocked, blocked_clients
from core_api.changes import Changes, made
from core_api.modules.audit import service as audit
from core_api.modules.clients import documents, tax_ids
from core_api.modules.clients.contacts.lists import in_step, without_echo
from core_api.modules.clients.exceptions import (
    ClientHasRelations,
    ClientMerged,
    ClientNotFound,
)
from core_api.modules.clients.models import Client, ClientKind
from core_api.modules.clients.relations.repository import Relations
from core_api.modules.clients.repository import Clients
from core_api.modules.clients.schemas import ClientCreate
from core_api.modules.clients.search import index as search_index
from core_api.modules.fields.service import FieldEntity, validate_values
from core_api.workplace import vault_of
from shared_schemas.actor import Actor
from shared_schemas.events import ClientCreated, ClientDeleted, ClientUpdated
from shared_schemas.ids import OrganizationId, new_id

__all__ = [
    "ClientMerged",
    "ClientNotFound",
    "ClientService",
    "answering_clients",
    "family_of",
    "require_client",
    "require_subject",
    "tags_of",
]

_LISTS: Final = frozenset({"emails", "phones", "addresses"})


async def require_client(
    session: AsyncSession, organization_id: OrganizationId, client_id: UUID, *, lock: bool = True
) -> None:
    """For other contexts: ClientNotFound unless it exists; locked, it keeps existing until commit.

    Locked, it must not have been merged either (ClientMerged): what refers to a client refers to
    the one that answers for it. A read-only transaction cannot lock.
    """
    await Clients(session, organization_id).require(client_id, lock=lock)


async def require_subject(
    session: AsyncSession, organization_id: OrganizationId, client_id: UUID
) -> None:
    """For what the law grants: who was deleted here is still held in tickets and consents, and has
    their rights. ClientNotFound, ClientMerged; nobody merges the client before the commit."""
    await Clients(session, organization_id).require_subject(client_id)


async def answering_clients(
    session: AsyncSession, organization_id: OrganizationId, client_ids: Collection[UUID]
) -> dict[UUID, UUID]:
    """For other contexts: who answers for each client, which is another one once it was merged.

    Who is unknown answers for themselves.
    """
    if not client_ids:
        return {}
    merged = await Clients(session, organization_id).merged_matching(Client.id.in_(client_ids))
    survivors = {row.id: row.merged_into_id for row in merged}
    return {client_id: survivors.get(client_id, client_id) for client_id in client_ids}


async def family_of(
    session: AsyncSession, organization_id: OrganizationId, client_id: UUID
) -> Sequence[UUID]:
    """For other contexts: the client and all that were merged into it, asked by any of their ids.

    What can never be changed, such as a consent, keeps the id it was written with: read it for all
    of them. ClientNotFound when there is no such client.
    """
    return await Clients(session, organization_id).family(client_id)


async def tags_of(
    session: AsyncSession, organization_id: OrganizationId, client_ids: Collection[UUID]
) -> dict[UUID, frozenset[str]]:
    """For other contexts: the tags of each of the clients, in one statement."""
    statement = sa.select(Client.id, Client.tags).where(
        Client.organization_id == organization_id, Client.id.in_(client_ids)
    )
    return {row.id: frozenset(row.tags) for row in await session.execute(statement)}


@dataclass(frozen=True, slots=True)
class NewClient:
    """One that passed all rules and is not written yet."""

    client: Client
    changes: Changes


class ClientService:
    """The commands on clients, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.clients = Clients(tx, actor.organization_id)
        self.relations = Relations(tx, actor.organization_id)
        self._blocked: frozenset[UUID] | None = None

    async def create(self, given: ClientCreate) -> Client:
        """Registers a client."""
        (client,) = await self.create_all([await self.prepared(given)])
        return client

    async def prepared(self, given: ClientCreate) -> NewClient:
        """For `create_all`. InvalidInput."""
        number = _document(given.kind, given.document)
        values = await self._values(given)
        client_id, organization_id = new_id(), self.actor.organization_id
        client = Client(
            id=client_id,
            organization_id=organization_id,
            **values,
            **documents.sealed(vault_of(self.tx), organization_id, client_id, number),
        )
        return NewClient(client, without_echo(made(values | {"document": number})))

    async def create_all(self, new: Sequence[NewClient]) -> list[Client]:
        """Registers all of them (one at least), with as many statements as one."""
        clients = [each.client for each in new]
        self.tx.add_all(clients)
        await search_index.refresh(self.tx, self.actor.organization_id, clients)
        keys = audit.SubjectKeys(self.tx, self.actor.organization_id)
        await keys.issue_all([client.id for client in clients])
        created = [ClientCreated.by(self.actor, client_id=client.id) for client in clients]
        await outbox.add_all(self.tx, created)
        changed = [(each.client.id, each.changes) for each in new]
        await audit.record_all(
            self.tx, self.actor, "client.created", changed, personal=Client.PERSONAL
        )
        return clients

    async def change(
        self, client_id: UUID, values: dict[str, Any], seen_version: int | None
    ) -> Client:
        """Applies a whole PATCH or nothing. `seen_version`: from If-Match."""
        client = await self.clients.get_for_update(client_id)
        check_version(client.version, seen_version)
        await self.write_changes([(client, await self.changed(client, values))])
        return client

    async def changed(
        self, client: Client, values: dict[str, Any], *, corrects: bool = False
    ) -> Changes:
        """Changes a client that the caller has locked, and records it; for `write_changes`.
        InvalidInput, with nothing changed; ClientBlocked, unless it is a correction the subject
        asked for."""
        if not corrects:
            await self._require_unblocked(client)
        values = await self._completed(client, values)
        changes = self._change_document(client, values) | client.change(values)
        if changes:
            await self._tell("client.updated", client, changes)
        return changes

    async def write_changes(self, changed: Sequence[tuple[Client, Changes]]) -> None:
        """Writes all of them, and finds them by their new names."""
        await self.tx.flush()
        renamed = {client: changes["name"].old for client, changes in changed if "name" in changes}
        if renamed:
            await search_index.refresh(
                self.tx, self.actor.organization_id, [*renamed], old_names=renamed.values()
            )

    async def delete(self, client_id: UUID, seen_version: int | None) -> None:
        """Makes the client unfindable; its tickets and consents stay."""
        client = await self.clients.get_for_update(client_id)
        check_version(client.version, seen_version)
        client.delete()
        await self._tell("client.deleted", client, made({"deleted_at": client.deleted_at}))
        outbox.add(self.tx, ClientDeleted.by(self.actor, client_id=client.id))
        await search_index.refresh(self.tx, client.organization_id, [client])

    async def note_reveal(self, client_id: UUID) -> None:
        """Somebody is shown the whole document."""
        await audit.record(self.tx, self.actor, "client.revealed", client_id, about=client_id)

    async def _require_unblocked(self, client: Client) -> None:
        """Who is blocked is read once, for however many clients."""
        if self._blocked is None:
            self._blocked = await blocked_clients(self.tx, self.actor.organization_id)
        if client.id in self._blocked:
            raise ClientBlocked

    async def _values(self, given: ClientCreate) -> dict[str, Any]:
        """The columns of a new client, without its document."""
        unsent = _LISTS - given.model_fields_set - {"addresses"}  # the primary one decides
        values = in_step(given.model_dump(exclude={"document", *unsent}), {})
        values["custom_fields"] = await self._custom_fields(given.custom_fields, None)
        return values

    async def _completed(self, client: Client, values: dict[str, Any]) -> dict[str, Any]:
        """A PATCH in terms of columns."""
        completed = {
            name: [entry.model_dump() for entry in value] if name in _LISTS else value
            for name, value in values.items()
        }
        if "custom_fields" in values:
            completed["custom_fields"] = await self._custom_fields(
                values["custom_fields"], client.custom_fields
            )
        if completed.get("kind", client.kind) is not client.kind:
            await self._require_no_relations(client)
        return completed

    async def _custom_fields(
        self, given: dict[str, Any], current: dict[str, Any] | None
    ) -> dict[str, Any]:
        organization_id = self.actor.organization_id
        return await validate_values(self.tx, organization_id, FieldEntity.CLIENT, given, current)

    async def _require_no_relations(self, client: Client) -> None:
        """A person with a company cannot become one."""
        if await self.relations.any_of(client.id):
            raise ClientHasRelations

    def _change_document(self, client: Client, values: dict[str, Any]) -> Changes:
        """Takes `document` out of the values. The number must fit the kind."""
        if not values.keys() & {"kind", "document"}:
            return Changes()
        vault, kind = vault_of(self.tx), values.get("kind", client.kind)
        text = values.pop("document") if "document" in values else documents.opened(vault, client)
        return documents.change_document(vault, client, _document(kind, text))

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
