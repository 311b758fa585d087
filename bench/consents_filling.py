"""A hundred thousand consents with their ledger, and what such a desk keeps beside them: events of
the last days, and answers that may be asked for again."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from bench.servers import Servers
from core_api.chain import FIRST, canonical, chained
from devstack.people import AURORA
from shared_schemas.events import ConsentGranted
from shared_schemas.ids import OrganizationId, new_id

CONSENTS: Final = 100_000
CLIENTS: Final = 50_000
ANSWERS: Final = 20_000
_KEPT_SINCE: Final = timedelta(days=7, hours=12)
_KEPT_COLUMNS: Final = "organization_id user_id key fingerprint status_code headers body"
_OTHER_FIELDS: Final = '"name":"Júlia Prado","emails":[],"phones":[],"tags":[],' * 8 + '"version":1'
PURPOSE: Final = "novidades"
_TEXT: Final = "Usamos seu e-mail para enviar novidades."


async def fill(servers: Servers) -> list[UUID]:
    """Clients, a purpose with its notice, consents and their links; the clients."""
    connection = await asyncpg.connect(servers.plain_url("postgres"))
    try:
        clients = [new_id() for _ in range(CLIENTS)]
        await connection.execute(
            "INSERT INTO crm.organizations (organization_id, slug, name) VALUES ($1, $2, $2)",
            *(AURORA.id, AURORA.slug),
        )
        await connection.copy_records_to_table(
            "clients",
            schema_name="crm",
            columns=["id", "organization_id", "kind", "name", "tags"],
            records=((client, AURORA.id, "person", "Júlia Prado", []) for client in clients),
        )
        consents = await _fill_ledger(connection, clients)
        await _fill_events(connection, consents)
        await _fill_answers(connection, clients)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
    return clients


async def _fill_ledger(
    connection: asyncpg.Connection, clients: Sequence[UUID]
) -> Sequence[tuple[Any, ...]]:
    purpose, notice, somebody = new_id(), new_id(), new_id()
    sha256 = hashlib.sha256(_TEXT.encode()).hexdigest()
    now = await connection.fetchval("SELECT now()")
    await connection.execute(
        "INSERT INTO crm.consent_purposes (id, organization_id, code, name, description,"
        " legal_basis, notice_version) VALUES ($1, $2, 'novidades', 'Novidades', 'Enviar.',"
        " 'consent', 1)",
        *(purpose, AURORA.id),
    )
    await connection.execute(
        "INSERT INTO crm.consent_notices (id, organization_id, purpose_id, version, locale, text,"
        " sha256, published_by, created_at) VALUES ($1, $2, $3, 1, 'pt-BR', $4, $5, $6, $7)",
        *(notice, AURORA.id, purpose, _TEXT, sha256, somebody, now),
    )
    published = {"kind": "notice.published", "purpose_id": purpose, "notice_sha256": sha256}
    published |= {"notice_version": 1, "locale": "pt-BR", "is_material": False}
    published |= {"recorded_by": somebody, "at": now}
    facts: list[tuple[UUID, dict[str, Any]]] = [(notice, published)]
    consents, said = [], ("pt-BR", "granted", "phone")
    for number in range(CONSENTS):
        consent, client = new_id(), clients[number % len(clients)]
        consents.append((consent, AURORA.id, client, purpose, 1, sha256, *said, now, somebody, now))
        fields = {"consent_id": consent, "client_id": client, "purpose_id": purpose}
        facts.append(
            (
                consent,
                fields
                | {"kind": "consent.granted", "notice_version": 1, "notice_sha256": sha256}
                | {
                    "locale": "pt-BR",
                    "channel": "phone",
                    "decided_at": now,
                    "recorded_by": somebody,
                    "at": now,
                },
            )
        )
    names = "id organization_id client_id purpose_id notice_version notice_sha256 locale decision"
    columns = [*names.split(), "channel", "decided_at", "recorded_by", "created_at"]
    await connection.copy_records_to_table(
        "consents", schema_name="crm", columns=columns, records=consents
    )
    await _chain(connection, facts)
    return consents


async def _fill_events(connection: asyncpg.Connection, consents: Sequence[tuple[Any, ...]]) -> None:
    """One per consent: the outbox keeps them a day longer than an empty Redis asks for them."""
    then = datetime.now(UTC) - _KEPT_SINCE

    def rows() -> Iterator[tuple[Any, ...]]:
        for consent_id, _, client_id, purpose_id, *_ in consents:
            event = ConsentGranted.caused(
                organization_id=OrganizationId(AURORA.id),
                correlation_id=str(consent_id),
                consent_id=consent_id,
                client_id=client_id,
                purpose_id=purpose_id,
                purpose_code=PURPOSE,
                notice_version=1,
                decided_at=then,
            )
            yield event.event_id, AURORA.id, event.event_type, event.model_dump_json(), then, then

    names = ["id", "organization_id", "event_type", "envelope", "created_at", "published_at"]
    await connection.copy_records_to_table(
        "outbox", schema_name="crm", columns=names, records=rows()
    )


async def _fill_answers(connection: asyncpg.Connection, clients: Sequence[UUID]) -> None:
    """As a POST with an Idempotency-Key leaves them, two days long."""
    somebody = new_id()

    def rows() -> Iterator[tuple[Any, ...]]:
        for number in range(ANSWERS):
            body = f'{{"status":"success","data":{{"id":"{clients[number]}",{_OTHER_FIELDS}}}}}'
            yield AURORA.id, somebody, f"key-{number}", "0" * 64, 201, "{}", body.encode()

    await connection.copy_records_to_table(
        "idempotency_keys", schema_name="crm", columns=_KEPT_COLUMNS.split(), records=rows()
    )


async def _chain(
    connection: asyncpg.Connection, facts: Sequence[tuple[UUID, dict[str, Any]]]
) -> None:
    previous, links = FIRST, []
    for sequence, (receipt_id, fields) in enumerate(facts, 1):
        place = {"receipt_id": receipt_id, "organization_id": AURORA.id, "sequence": sequence}
        entry = canonical(fields | place)
        link = chained(previous, entry)
        links.append((AURORA.id, sequence, receipt_id, entry, previous, link))
        previous = link
    names = ["organization_id", "sequence", "receipt_id", "entry", "previous_hash", "hash"]
    await connection.copy_records_to_table(
        "consent_ledger", schema_name="crm", columns=names, records=links
    )
    await connection.execute(
        "INSERT INTO crm.consent_ledger_heads (organization_id, sequence, hash)"
        " VALUES ($1, $2, $3)",
        *(AURORA.id, len(links), previous),
    )
