"""Putting synthetic clients into the database: COPY, as the superuser, with documents sealed."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from bench.crm_people import SyntheticClient
from chassis.security.sealing import Vault
from core_api.modules.clients.documents import sealed
from shared_schemas.ids import OrganizationId, new_id

_COLUMNS: Final = (
    "id",
    "organization_id",
    "kind",
    "name",
    "email",
    "phone",
    "emails",
    "phones",
    "addresses",
    "document_sealed",
    "document_index",
    "external_id",
    "tags",
    "created_at",
    "updated_at",
)
_FIRST: Final = datetime.fromisoformat("2024-01-01T08:00:00+00:00")
_INDEX: Final = "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_clients_terms'"
_WORDS: Final = """
INSERT INTO crm.client_words (organization_id, word)
SELECT DISTINCT organization_id, word FROM crm.clients, unnest(crm.name_words(name)) AS word
WHERE organization_id = $1
ON CONFLICT DO NOTHING
"""


async def fill_clients(
    connection: asyncpg.Connection,
    vault: Vault,
    organization_id: OrganizationId,
    clients: Iterable[SyntheticClient],
) -> list[UUID]:
    """Their ids, in order. The organization exists; the connection bypasses row-level security."""
    ids: list[UUID] = []
    index = await connection.fetchval(_INDEX)
    await connection.execute("DROP INDEX crm.ix_clients_terms")  # built at once: ten times quicker
    await connection.copy_records_to_table(
        "clients",
        schema_name="crm",
        columns=_COLUMNS,
        records=_records(vault, organization_id, clients, ids),
    )
    await connection.execute(index)
    await connection.execute(_WORDS, organization_id)
    await connection.execute("VACUUM ANALYZE crm.clients")
    await connection.execute("VACUUM ANALYZE crm.client_words")
    return ids


def _records(
    vault: Vault,
    organization_id: OrganizationId,
    clients: Iterable[SyntheticClient],
    ids: list[UUID],
) -> Iterator[tuple[Any, ...]]:
    for position, client in enumerate(clients):
        client_id, at = new_id(), _FIRST + timedelta(minutes=position)
        ids.append(client_id)
        document = sealed(vault, organization_id, client_id, client.document)
        yield (
            client_id,
            organization_id,
            client.kind,
            client.name,
            next(iter(client.emails), None),
            next(iter(client.phones), None),
            _entries("address", client.emails),
            _entries("number", client.phones),
            json.dumps([{"city": client.city, "uf": client.state, "primary": True}]),
            document["document_sealed"],
            document["document_index"],
            client.external_id,
            list(client.tags),
            at,
            at,
        )


def _entries(key: str, values: tuple[str, ...]) -> str:
    entries = [
        {key: value, "label": None, "primary": place == 0} for place, value in enumerate(values)
    ]
    return json.dumps(entries)
